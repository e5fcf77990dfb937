"""ShapeStories as a benchmark: which seeds, which files, which queries."""

import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

from configs.evaluate import shape_stories as config_file
from input_pipeline.video import open_video
from vtg_jax import shape_stories
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.stories import UNSEEN, Stories, seed_range

ROOT = pathlib.Path(__file__).resolve().parents[2]


def config(**changes):
  values = config_file.get_config('quicktest').to_dict()
  return values | {'difficulty': 'easy', 'unseen_seeds': ''} | changes


def stories(tmp_path, **changes):
  return Stories.from_config(config(cache=str(tmp_path), **changes))


def test_a_range_of_seeds_leaves_out_its_end():
  assert seed_range('3:5') == range(3, 5)
  assert seed_range('10000000:10000002')[0] == 10_000_000


@pytest.mark.parametrize('text', ['5:3', '3:3', '3', '-1:3', 'a:b', ''])
def test_what_is_no_range_is_bad_input(text):
  with pytest.raises(BadInput, match='FIRST:END'):
    seed_range(text)


@pytest.mark.parametrize(
  ('changes', 'message'),
  [({'difficulty': 'mad'}, 'mad'), ({'files': False}, 'size')],
)
def test_other_entries_that_do_not_fit_are_bad_input(
  tmp_path, changes, message
):
  with pytest.raises(BadInput, match=message):
    stories(tmp_path, **changes)


def test_every_query_becomes_an_item_with_its_span(tmp_path):
  about = stories(tmp_path, seeds='2000000:2000003')
  items = about.items()
  wanted = []
  for seed in range(2_000_000, 2_000_003):
    story = shape_stories.make_story(shape_stories.easy(), seed)
    wanted += [
      (f'{seed}.mp4', q.text, ((q.start_s, q.end_s),)) for q in story.queries
    ]
    wanted += [(f'{seed}.mp4', q.text, ()) for q in story.absent_queries]
  assert [(i.video, i.question, i.gold) for i in items] == wanted
  present = stories(tmp_path, seeds='2000000:2000003', absent=False).items()
  assert present == [item for item in items if item.gold]


def test_unseen_combinations_are_a_part_of_their_own(tmp_path):
  about = stories(tmp_path, unseen_seeds='2000000:2000002', absent=False)
  unseen = [item for item in about.items() if item.part == UNSEEN]
  held_out = {
    text
    for pair in shape_stories.held_out_pairs()
    for text in shape_stories.paraphrases(pair)
  }
  assert unseen
  assert {item.question for item in unseen} <= held_out
  seen = {i.question for i in about.items() if not i.part}
  assert not seen & held_out


def test_tags_name_the_events_that_are_easily_taken_for_others(tmp_path):
  about = stories(tmp_path, difficulty='standard', absent=False)
  for item in about.items():
    story = about.story(item.video)
    (event,) = [
      story.events[q.event] for q in story.queries if q.text == item.question
    ]
    doubles = [e for e in story.events if e.pair[:2] == event.pair[:2]]
    assert ('same object, other action' in item.tags) is (len(doubles) > 1)


def test_a_file_is_written_once_and_shows_the_story(tmp_path):
  about = stories(tmp_path)
  path = about.video('2000000.mp4')
  written = path.stat().st_mtime_ns
  assert about.video('2000000.mp4') == path
  assert path.stat().st_mtime_ns == written
  assert [p.name for p in path.parent.iterdir()] == ['2000000.mp4']
  story = about.story('2000000.mp4')
  video = open_video(path, resize=None)
  assert video.duration_s == pytest.approx(story.duration_s)
  difference = video.get([10]).astype(int) - shape_stories.render(story, [10])
  assert np.abs(difference).mean() < 6


def test_another_world_has_files_of_its_own(tmp_path):
  folders = {
    stories(tmp_path, difficulty=name).video('2000000.mp4').parent
    for name in ('easy', 'standard')
  }
  assert len(folders) == 2


def test_without_files_frames_are_rendered_at_the_size(tmp_path):
  about = stories(tmp_path, files=False, size=32)
  video = about.video('2000001.mp4')
  assert video.get([0]).shape == (1, 32, 32, 3)
  assert not list(tmp_path.iterdir())


def test_constants_are_tuned_on_other_stories(tmp_path):
  about = stories(tmp_path, tuning_seeds='0:2')
  story = shape_stories.make_story(shape_stories.easy(), 0)
  duration_s, gold = about.tuning()[0]
  first = story.queries[0]
  assert (duration_s, gold) == (
    story.duration_s,
    [(first.start_s, first.end_s)],
  )


def test_files_are_written_ahead_by_other_processes(tmp_path):
  about = stories(tmp_path, workers=1)
  names = ['2000000.mp4', '2000001.mp4']
  with about.watched(names) as video:
    paths = [video(name) for name in names]
  assert sorted(p.name for p in paths[0].parent.iterdir()) == names
  alone = stories(tmp_path / 'alone')
  assert paths[1].read_bytes() == alone.video(names[1]).read_bytes()
  with about.watched(names) as video:
    assert video == about.video  # nothing is missing, nobody is started


KILLED = """
import os, pathlib, signal, sys, threading
from configs.evaluate import shape_stories
from vtg_jax.evaluation.stories import Stories

if __name__ == '__main__':
  about = Stories.from_config(
    shape_stories.get_config('quicktest').to_dict()
    | {'difficulty': 'easy', 'cache': sys.argv[1], 'workers': 2}
  )
  names = [f'{i}.mp4' for i in range(2_000_000, 2_000_400)]
  with about.watched(names) as video:
    video('2000000.mp4')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_writers_end_with_a_process_that_was_killed(tmp_path):
  script = tmp_path / 'killed.py'
  script.write_text(KILLED)
  # The writers inherit the pipe: it ends only when all of them have.
  done = subprocess.run(
    [sys.executable, script, tmp_path / 'cache'],
    env=os.environ | {'PYTHONPATH': str(ROOT)},
    stdout=subprocess.PIPE,
    timeout=60,
  )
  assert done.returncode == -signal.SIGKILL
  assert len(list((tmp_path / 'cache').glob('*/2*.mp4'))) < 400


def test_knobs_turn_the_world(tmp_path):
  about = stories(tmp_path, knobs={'n_events': (1, 1)}, absent=False)
  assert all(len(about.story(i.video).events) == 1 for i in about.items())
  with pytest.raises(BadInput, match='knobs has n_event, which the world has'):
    stories(tmp_path, knobs={'n_event': (1, 1)})
