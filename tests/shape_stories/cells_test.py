import numpy as np

from vtg_jax.shape_stories.cells import NOTHING, cell_pairs
from vtg_jax.shape_stories.config import standard
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.words import PAIRS


def test_every_event_is_seen_while_it_lasts_and_nothing_else_ever():
  for seed in range(20):
    story = make_story(standard(), seed)
    cells = cell_pairs(story, range(story.n_frames), 6)
    for frame, shown in enumerate(cells):
      on = {
        PAIRS.index(event.pair)
        for event in story.events
        if event.start_frame <= frame < event.end_frame
      }
      assert set(shown.flat) - {NOTHING} == on


def test_the_cell_under_an_object_shows_it():
  story = make_story(standard(), 3)
  for event in story.events:
    (cells,) = cell_pairs(story, [event.start_frame], 4)
    y, x = int(event.y_frac * 4), int(event.x_frac * 4)
    assert PAIRS[cells[y, x]] == event.pair


def test_frames_come_in_the_order_asked_for():
  story = make_story(standard(), 5)
  ids = [40, 3, 40, 17]
  one_by_one = [cell_pairs(story, [i], 4)[0] for i in ids]
  np.testing.assert_array_equal(cell_pairs(story, ids, 4), one_by_one)
