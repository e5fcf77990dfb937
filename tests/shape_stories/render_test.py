import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.config import PRESETS, easy, hard, standard
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.render import render
from vtg_jax.shape_stories.words import ACTIONS, COLOURS


@settings(max_examples=25, deadline=None)
@given(
  seed=st.integers(0, 2**40),
  size=st.integers(4, 70),
  preset=st.sampled_from(sorted(PRESETS)),
  data=st.data(),
)
def test_order_and_company_change_no_frame(seed, size, preset, data):
  story = make_story(PRESETS[preset](), seed)
  ids = data.draw(
    st.lists(st.integers(0, story.n_frames - 1), min_size=1, max_size=30)
  )
  together = render(story, ids, size=size)
  assert together.shape == (len(ids), size, size, 3)
  assert together.dtype == np.uint8
  for frame, i in zip(together, ids, strict=True):
    np.testing.assert_array_equal(frame, render(story, [i], size=size)[0])


def test_the_same_seed_gives_the_same_pixels():
  one, two = (render(make_story(hard(), 9), range(0, 400, 7)) for _ in range(2))
  np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(('small', 'large'), [(24, 96), (48, 96), (48, 192)])
def test_sizes_show_the_same(small, large):
  story = make_story(standard(combinations='all'), 5)
  ids = range(0, story.n_frames, 9)
  for frame, wanted in zip(
    render(story, ids, size=large), render(story, ids, size=small), strict=True
  ):
    shrunk = Image.fromarray(frame).resize(
      (small, small), Image.Resampling.BICUBIC
    )
    assert np.abs(np.asarray(shrunk).astype(int) - wanted).mean() < 4


def test_frames_are_of_the_storys_own_size_when_none_is_given():
  story = make_story(standard(width=80, height=48), 2)
  frames = render(story, [0, 5])
  assert frames.shape == (2, 48, 80, 3)
  np.testing.assert_array_equal(
    frames[:, :, 16:64], render(story, [0, 5], size=48)
  )


def plain_story(**changes):
  """One event before a flat background, seen by a still camera."""
  return make_story(
    easy(
      n_events=(1, 1), background_contrast=0.0, combinations='all', **changes
    ),
    11,
  )


def test_an_object_shows_from_its_first_frame_to_its_last():
  story = plain_story()
  (event,) = story.events
  frames = render(story, range(story.n_frames), size=32).astype(int)
  ranges = np.ptp(frames, axis=(1, 2)).max(axis=-1)
  shown = np.flatnonzero(ranges > 5)
  np.testing.assert_array_equal(
    shown, np.arange(event.start_frame, event.end_frame)
  )


def test_every_frame_of_every_action_shows_the_objects_colour():
  seen = set()
  for seed in range(200):
    story = make_story(standard(max_concurrent=1, n_events=(2, 2)), seed)
    for event in story.events:
      if event.action in seen:
        continue
      seen.add(event.action)
      ids = range(event.start_frame, event.end_frame)
      frames = render(story, ids, size=48).astype(int)
      away = np.abs(frames - np.array(COLOURS[event.colour])).sum(-1)
      # A blinking object is dim at times.
      limit = 180 if event.action == 'blinks' else 80
      assert ((away < limit).sum(axis=(1, 2)) >= 8).all(), event
  assert seen == set(ACTIONS)


def test_a_frame_of_each_action_looks_different():
  """Drawn alike in all else, no two actions give nearly the same picture."""
  story = plain_story()
  (event,) = story.events
  frames = {}
  for action in ACTIONS:
    changed = dataclasses.replace(event, action=action, diameter_frac=0.32)
    one = dataclasses.replace(story, events=(changed,))
    ids = range(event.start_frame, event.end_frame)[:16]
    frames[action] = render(one, ids, size=48).astype(float)
  for action, one in frames.items():
    for other, two in frames.items():
      if action != other:
        apart = np.abs(one[:, None] - two[None]).max(axis=-1) > 30
        assert apart.sum(axis=(2, 3)).min() >= 15, (action, other)


def test_no_frames_give_an_empty_array():
  story = make_story(standard(), 0)
  assert render(story, [], size=8).shape == (0, 8, 8, 3)


@pytest.mark.parametrize('frame_id', [-1, 10**6])
def test_a_frame_that_is_not_there_is_bad_input(frame_id):
  with pytest.raises(BadInput, match=str(frame_id)):
    render(make_story(standard(), 0), [frame_id])
