import concurrent.futures
import json
import multiprocessing

import numpy as np
import pytest

from input_pipeline.video import open_video
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.__main__ import main, parse_seeds
from vtg_jax.shape_stories.benchmark_folder import write_benchmark
from vtg_jax.shape_stories.config import easy, standard
from vtg_jax.shape_stories.long_config import LONG_PRESETS, LongConfig
from vtg_jax.shape_stories.long_story import draw, make_long_story
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.render import render
from vtg_jax.shape_stories.words import held_out_pairs, paraphrases

CONFIG = easy(duration_s=(3.0, 4.0), width=32, height=32)
SEEDS = range(1_000_000, 1_000_003)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  out = tmp_path_factory.mktemp('bench mark')
  write_benchmark(out, CONFIG, SEEDS)
  return out


def read(path):
  return json.loads(path.read_text())


def frames_of(path):
  video = open_video(path, resize=None)
  return video.get(range(video.n_frames)).astype(np.int16)


def test_annotations_are_those_of_the_stories(folder):
  items = read(folder / 'annotations.json')
  stories = [make_story(CONFIG, seed) for seed in SEEDS]
  wanted = [
    (f'{story.seed}.mp4', q.text, [q.start_s, q.end_s], story.duration_s)
    for story in stories
    for q in story.queries
  ]
  keys = ('video', 'question', 'answer', 'duration')
  assert [tuple(item[key] for key in keys) for item in items] == wanted
  absent = read(folder / 'absent.json')
  assert [item['question'] for item in absent] == [
    q.text for story in stories for q in story.absent_queries
  ]
  names = [item['qid'] for item in items + absent]
  assert len(set(names)) == len(names)


def test_videos_last_as_long_as_annotated(folder):
  for item in read(folder / 'annotations.json'):
    video = open_video(folder / 'videos' / item['video'], resize=None)
    assert video.duration_s == pytest.approx(item['duration'])


def test_the_folder_says_how_it_was_made(folder):
  about = read(folder / 'benchmark.json')
  assert (about['name'], about['version']) == ('ShapeStories', '1')
  assert about['config'] == CONFIG.to_dict()
  assert about['seeds'] == [SEEDS.start, SEEDS.stop]


def test_what_is_there_is_kept_and_what_is_missing_is_drawn(tmp_path):
  write_benchmark(tmp_path, CONFIG, SEEDS[:1])
  (kept,) = (tmp_path / 'videos').iterdir()
  before = kept.stat().st_mtime_ns
  told = []
  write_benchmark(
    tmp_path, CONFIG, SEEDS, on_progress=lambda *count: told.append(count)
  )
  assert told == [(1, 2), (2, 2)]
  assert kept.stat().st_mtime_ns == before
  assert len(read(tmp_path / 'annotations.json')) > 3
  names = sorted(path.name for path in (tmp_path / 'videos').iterdir())
  assert names == [f'{seed}.mp4' for seed in SEEDS]


def test_workers_write_the_same(folder, tmp_path):
  write_benchmark(tmp_path, CONFIG, SEEDS, workers=2)
  for path in sorted(folder.rglob('*')):
    twin = tmp_path / path.relative_to(folder)
    if path.suffix == '.json':
      assert twin.read_bytes() == path.read_bytes()
    elif path.is_file():
      frames, twins = frames_of(path), frames_of(twin)
      assert twins.shape == frames.shape
      # Drawn exactly alike, but the encoder may choose otherwise for a block.
      apart = np.abs(twins - frames).mean(axis=(1, 2, 3))
      worst = int(apart.argmax())
      assert apart[worst] < 2, f'frame {worst} of {path.name} differs'
      assert apart.mean() < 1, f'{path.name} differs'


def test_another_process_draws_the_same():
  stories = [make_story(CONFIG, seed) for seed in SEEDS]
  spawn = multiprocessing.get_context('spawn')
  with concurrent.futures.ProcessPoolExecutor(1, spawn) as pool:
    drawn = [pool.submit(render, s, range(s.n_frames)) for s in stories]
    for story, job in zip(stories, drawn, strict=True):
      here = render(story, range(story.n_frames))
      there = job.result()
      assert there.shape == here.shape
      assert not (there != here).any(), f'seed {story.seed} is drawn otherwise'


def test_another_difficulty_does_not_mix_in(folder):
  with pytest.raises(BadInput, match='another'):
    write_benchmark(folder, CONFIG.replace(fps=5.0), SEEDS)


def test_the_command_writes_unseen_combinations(tmp_path, monkeypatch):
  monkeypatch.setattr(
    'vtg_jax.shape_stories.__main__.PRESETS',
    {'standard': lambda **changes: CONFIG.replace(**changes)},
  )
  out = tmp_path / 'unseen'
  arguments = [str(out), '--seeds', '5:6', '--combinations', 'unseen']
  assert main(arguments) == 0
  texts = {t for pair in held_out_pairs() for t in paraphrases(pair)}
  items = read(out / 'annotations.json')
  assert items and all(item['held_out'] for item in items)
  assert {item['question'] for item in items} <= texts


def test_the_command_writes_long_videos(tmp_path, monkeypatch):
  chapter = standard(duration_s=(5.0, 10.0), fps=4.0, width=32, height=32)
  long = LONG_PRESETS['standard'](moment_s=(0.5, 2.0), chapter=chapter)
  monkeypatch.setattr(
    'vtg_jax.shape_stories.__main__.LONG_PRESETS',
    {'standard': lambda **changes: long.replace(**changes)},
  )
  out = tmp_path / 'long'
  arguments = [str(out), '--seeds', '9800000:9800001', '--long']
  assert main([*arguments, '--minutes', '0.5:0.6']) == 0
  items = read(out / 'annotations.json') + read(out / 'absent.json')
  assert len({item['qid'] for item in items}) == len(items) > 6
  video = open_video(out / 'videos' / '9800000.mp4', resize=None)
  assert 30 <= video.duration_s <= 36
  assert {item['duration'] for item in items} == {video.duration_s}
  config = LongConfig(**read(out / 'benchmark.json')['config'])
  story = make_long_story(config, 9_800_000)
  ids = [0, *(int(f) for f in story.chapter_starts[1:])]
  apart = np.abs(video.get(ids).astype(int) - draw(story, ids))
  assert apart.mean() < 6


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    (['--minutes', '1:2'], 'add --long'),
    (['--long', '--minutes', 'x'], 'LEAST:MOST'),
    (['--long', '--minutes', '0.1:0.2'], 'holds no chapter'),
  ],
)
def test_minutes_that_do_not_fit_are_one_sentence(
  tmp_path, capsys, options, message
):
  assert main([str(tmp_path / 'x'), '--seeds', '5:6', *options]) == 2
  error = capsys.readouterr().err
  assert message in error and error.strip().count('\n') == 0


@pytest.mark.parametrize('text', ['5', '5:5', '7:5', 'a:b', '-3:5', ''])
def test_what_is_no_range_of_seeds_is_one_sentence(tmp_path, capsys, text):
  with pytest.raises(BadInput, match='START:END'):
    parse_seeds(text)
  assert main([str(tmp_path / 'x'), f'--seeds={text}']) == 2
  assert capsys.readouterr().err.strip().count('\n') == 0


def test_a_file_in_the_way_is_bad_input(tmp_path):
  (tmp_path / 'file').write_text('x')
  with pytest.raises(BadInput, match='cannot be written'):
    write_benchmark(tmp_path / 'file', CONFIG, SEEDS)
