"""From `vtg train` to an answer, with the real pipeline on drawn stories."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import vtg_jax
from input_pipeline.pixels import Resize
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.shape_stories import StoryVideo, easy, make_story
from vtg_jax.train.log import read_json_lines

ROOT = Path(__file__).resolve().parents[3]


def train(folder):
  """Runs the command, on one device."""
  done = subprocess.run(
    [sys.executable, '-m', 'vtg_jax', 'train', 'hawkeye/small:quicktest']
    + ['--folder', folder],
    cwd=ROOT,
    env={**os.environ, 'XLA_FLAGS': ''},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout == f'{folder}/model\n'
  assert (folder / 'curve.png').stat().st_size > 1000
  losses = [line['loss'] for line in read_json_lines(folder / 'log.jsonl')]
  return flatten(checkpoint.load_params(folder / 'model')), losses


def test_a_trained_model_answers_and_a_resumed_run_gives_the_same(tmp_path):
  params, losses = train(tmp_path)
  assert len(losses) == 4 and losses[-1] < losses[0]

  # As if the run had been killed after its second step.
  shutil.rmtree(tmp_path / 'checkpoints' / '4')
  (tmp_path / 'model').rename(tmp_path / 'first')
  again, same_losses = train(tmp_path)
  assert same_losses == losses and again.keys() == params.keys()
  assert all(np.array_equal(again[path], params[path]) for path in params)

  grounder = vtg_jax.load(tmp_path / 'model')
  assert 'a few steps' in grounder.notice
  story = make_story(easy(), 0)
  video = StoryVideo(story, resize=Resize(size=32))
  (answer,) = grounder.ground(video, [story.queries[0].text], top_k=1)
  assert 0 <= answer.start_s < answer.end_s <= video.duration_s
