import json

import numpy as np

from input_pipeline.video import open_video
from vtg_jax.testing.demo_clip import (
  DEMO_CLIP,
  DEMO_STORY,
  describe,
  main,
)
from vtg_jax.testing.synthetic_video import render_frame


def test_shipped_clip_is_small():
  assert DEMO_CLIP.stat().st_size < 1_000_000


def test_shipped_events_are_those_of_the_story():
  shipped = json.loads(DEMO_CLIP.with_suffix('.json').read_text())
  assert shipped == describe(DEMO_STORY, 'demo.mp4')
  assert len({event['caption'] for event in shipped['events']}) == 3


def test_shipped_clip_shows_the_story():
  store = open_video(DEMO_CLIP, resize=None)
  assert store.n_frames == DEMO_STORY.n_frames
  assert store.duration_s == DEMO_STORY.duration_s
  times_s = [2.0, 8.0, 15.0, 24.0, 32.0, 40.0, 47.0]
  frames = store.get(store.frame_at(times_s))
  for frame, time_s in zip(frames, times_s, strict=True):
    drawn = render_frame(DEMO_STORY, time_s)
    assert np.abs(frame.astype(int) - drawn).mean() < 3


def test_command_writes_a_clip_and_its_events(tmp_path):
  main([str(tmp_path / 'mine.mp4')])
  events = json.loads((tmp_path / 'mine.json').read_text())
  assert events['video'] == 'mine.mp4'
  assert open_video(tmp_path / 'mine.mp4', resize=None).duration_s == 48
