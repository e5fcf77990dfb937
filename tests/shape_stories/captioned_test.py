"""Images and clips out of stories: their captions are true of them."""

import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories import make_story, render, standard
from vtg_jax.shape_stories.captioned import DrawnClips, DrawnImages, events_at
from vtg_jax.shape_stories.words import PAIRS, paraphrases

ONE_AT_A_TIME = {'max_concurrent': 1, 'n_events': (1, 2)}


def pairs_of(sentence):
  """Which pairs a caption's sentence may be said of."""
  said = sentence[0].lower() + sentence[1:]
  return [pair for pair in PAIRS if said in paraphrases(pair)]


@pytest.mark.parametrize('index', range(2))
def test_an_image_shows_what_its_caption_says(index):
  config = standard()
  images = DrawnImages(config, range(100, 104))
  image = images.image(index, 24)
  story = make_story(config, 100 + index)
  told = [
    pairs_of(sentence)[0] for sentence in images.caption(index)[:-1].split('. ')
  ]
  frames = [
    frame_id
    for frame_id in range(story.n_frames)
    if [event.pair for event in events_at(story, frame_id)] == told
  ]
  drawn = render(story, frames, size=24)
  assert (drawn == image).all((1, 2, 3)).any()
  assert len(told) == max(
    len(events_at(story, i)) for i in range(story.n_frames)
  )
  assert images.subject(index) == ', '.join(sorted(map(' '.join, told)))


@pytest.mark.parametrize('index', range(2))
def test_a_clip_is_one_event_and_nothing_else(index):
  config = standard(**ONE_AT_A_TIME)
  clips = DrawnClips(config, range(100, 104))
  story = make_story(config, 100 + index)
  (event,) = [
    event
    for event in story.events
    if ' '.join(event.pair) == clips.label(index)
  ]
  assert pairs_of(clips.caption(index)[:-1]) == [event.pair]
  frames = clips.frames(index, 3, 24)
  length = event.end_frame - event.start_frame
  ids = [event.start_frame + i * length // 3 for i in range(3)]
  np.testing.assert_array_equal(frames, render(story, ids, size=24))


def test_what_is_drawn_follows_from_the_number():
  config = standard(**ONE_AT_A_TIME)
  one, other = (DrawnImages(config, range(3, 9)) for _ in range(2))
  assert len(one) == 6
  order = [4, 1, 4, 0]
  assert [one.caption(i) for i in order] == [other.caption(i) for i in order]
  assert one.caption(1) == DrawnImages(config, range(4, 9)).caption(0)
  np.testing.assert_array_equal(one.image(1, 16), other.image(1, 16))


def test_clips_of_several_events_at_a_time_are_refused():
  with pytest.raises(BadInput, match='max_concurrent is 3'):
    DrawnClips(standard(), range(4))
