"""From `vtg train` to an answer, with the real pipeline on drawn stories."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import vtg_jax
from input_pipeline.pixels import Resize
from tests import one_device
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.shape_stories import StoryVideo, easy, make_story
from vtg_jax.train.log import read_json_lines

ROOT = Path(__file__).resolve().parents[2]


def train(config, folder):
  """Runs the command; its parameters and losses."""
  done = subprocess.run(
    [sys.executable, '-m', 'vtg_jax', 'train', f'{config}:quicktest']
    + ['--folder', folder],
    cwd=ROOT,
    env=one_device.environment(),
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout == f'{folder}/model\n'
  assert (folder / 'curve.png').stat().st_size > 1000
  losses = [line['loss'] for line in read_json_lines(folder / 'log.jsonl')]
  return flatten(checkpoint.load_params(folder / 'model')), losses


@pytest.mark.parametrize(
  'config', ['hawkeye/small', 'grounded_videollm/small_stage2']
)
def test_a_trained_model_answers_and_a_resumed_run_gives_the_same(
  tmp_path, config
):
  params, losses = train(config, tmp_path)
  assert len(losses) == 4 and losses[-1] < losses[0]

  # As if the run had been killed after its second step.
  shutil.rmtree(tmp_path / 'checkpoints' / '4')
  (tmp_path / 'model').rename(tmp_path / 'first')
  again, same_losses = train(config, tmp_path)
  assert same_losses == losses and again.keys() == params.keys()
  assert all(np.array_equal(again[path], params[path]) for path in params)

  grounder = vtg_jax.load(tmp_path / 'model')
  assert 'a few steps' in grounder.notice
  story = make_story(easy(), 0)
  video = StoryVideo(story, resize=Resize(size=grounder.frame_size))
  (answer,) = grounder.ground(video, [story.queries[0].text], top_k=1)
  assert 0 <= answer.start_s <= answer.end_s <= video.duration_s
