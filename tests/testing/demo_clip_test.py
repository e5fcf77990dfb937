import json
import pathlib

import numpy as np

from input_pipeline.video import open_video
from vtg_jax.shape_stories import render
from vtg_jax.testing.demo_clip import (
  DEMO_CLIP,
  DEMO_STORY,
  describe,
  main,
)


def test_shipped_clip_is_small():
  assert DEMO_CLIP.stat().st_size <= 200_000


def test_shipped_events_are_those_of_the_story():
  shipped = json.loads(DEMO_CLIP.with_suffix('.json').read_text())
  assert shipped == describe(DEMO_STORY, 'demo.mp4')
  assert len({event['caption'] for event in shipped['events']}) == 4


def test_shipped_clip_shows_the_story():
  store = open_video(DEMO_CLIP, resize=None)
  assert store.n_frames == DEMO_STORY.n_frames
  assert store.duration_s == DEMO_STORY.duration_s
  times_s = [2.0, 8.0, 15.0, 24.0, 32.0, 40.0, 47.0]
  ids = store.frame_at(times_s)
  drawn = render(DEMO_STORY, ids).astype(int)
  for frame, truth in zip(store.get(ids), drawn, strict=True):
    assert np.abs(frame - truth).mean() < 5


def test_command_writes_a_clip_and_its_events(tmp_path):
  main([str(tmp_path / 'mine.mp4')])
  events = json.loads((tmp_path / 'mine.json').read_text())
  assert events['video'] == 'mine.mp4'
  assert open_video(tmp_path / 'mine.mp4', resize=None).duration_s == 48


def test_make_demo_asks_for_events_of_the_clip():
  makefile = (pathlib.Path(__file__).parents[2] / 'Makefile').read_text()
  start = makefile.index('DEMO_QUERIES ?=')
  queries = makefile[start : makefile.index('\nVENV', start)].split("'")[1::2]
  assert len(queries) >= 3
  assert set(queries) <= {event.caption for event in DEMO_STORY.events}
