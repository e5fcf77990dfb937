"""Merging scenes and finding negative spans, on matrices drawn by hand."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline import internvid_g
from vtg_jax.errors import BadInput

PAPER = internvid_g.NegativeSpanRule()
FIVE_SCENES = [[0, 2], [2, 4], [4, 6], [6, 8], [8, 10]]


def alike(n, *pairs, similarity=0.9):
  """Similarities 0.1, but `similarity` for the pairs and 1 for itself."""
  matrix = np.full((n, n), 0.1)
  np.fill_diagonal(matrix, 1.0)
  for i, j in pairs:
    matrix[i, j] = matrix[j, i] = similarity
  return matrix


def span_of(caption, matrix, rule=PAPER):
  scenes = FIVE_SCENES[: len(matrix)]
  return internvid_g.caption_span(*caption, scenes, matrix, 11.0, rule)


def test_neighbours_that_look_alike_are_merged():
  scenes, matrix = internvid_g.merge_scenes(FIVE_SCENES, alike(5, (1, 2)))
  assert scenes == [[0, 2], [2, 6], [6, 8], [8, 10]]
  np.testing.assert_array_equal(matrix, alike(4))


def test_similarity_of_a_group_is_the_largest_of_its_block():
  matrix = alike(5, (1, 2))
  matrix[2, 4] = matrix[4, 2] = 0.7
  _, merged = internvid_g.merge_scenes(FIVE_SCENES, matrix)
  assert merged[1, 3] == merged[3, 1] == 0.7


def test_threshold_of_merging_is_strict():
  matrix = alike(2, (0, 1), similarity=0.85)
  assert internvid_g.scene_groups(matrix) == [(0, 0), (1, 1)]


def test_union_compares_with_the_whole_group():
  matrix = alike(3, (0, 1), (0, 2))
  last = internvid_g.MergeRule(method='last')
  union = internvid_g.MergeRule(method='union')
  assert internvid_g.scene_groups(matrix, last) == [(0, 1), (2, 2)]
  assert internvid_g.scene_groups(matrix, union) == [(0, 2)]


@hypothesis.given(
  values=st.lists(st.floats(0, 1), min_size=36, max_size=36),
  method=st.sampled_from(['last', 'union']),
)
def test_groups_cover_every_scene_once(values, method):
  matrix = np.reshape(values, (6, 6))
  rule = internvid_g.MergeRule(method=method, threshold=0.5)
  groups = internvid_g.scene_groups(matrix, rule)
  covered = [i for first, last in groups for i in range(first, last + 1)]
  assert covered == list(range(6))


def test_no_scenes_merge_to_none():
  scenes, matrix = internvid_g.merge_scenes([], [])
  assert scenes == [] and matrix.shape == (0, 0)


def test_similarities_must_fit_the_scenes():
  with pytest.raises(BadInput, match='square'):
    internvid_g.scene_groups(np.zeros((2, 3)))
  with pytest.raises(BadInput, match='cover 5 scenes'):
    internvid_g.merge_scenes(FIVE_SCENES[:2], alike(5))


def test_unlike_everything_else_the_negative_span_is_the_video():
  got = span_of((4, 6), alike(5))
  assert (got.start_s, got.end_s) == (4, 6)
  assert (got.negative_start_s, got.negative_end_s) == (0, 11.0)
  assert (got.first_scene, got.last_scene) == (2, 2)
  assert got.scene_before is None and got.scene_after is None


def test_a_similar_scene_ends_the_negative_span():
  got = span_of((4, 6), alike(5, (0, 2), (2, 4)))
  assert (got.negative_start_s, got.negative_end_s) == (2, 8)
  assert (got.scene_before, got.scene_after) == (0, 4)


def test_a_similar_neighbour_joins_the_caption():
  got = span_of((4, 6), alike(5, (1, 2)))
  assert (got.start_s, got.end_s) == (2, 6)
  assert (got.first_scene, got.last_scene) == (1, 2)
  assert (got.negative_start_s, got.negative_end_s) == (0, 11.0)


def test_a_side_without_unlike_scenes_ends_at_the_caption():
  # Scene 0 is like scene 2, not like the first scene 1: it does not join.
  got = span_of((2, 6), alike(5, (0, 2)))
  assert (got.first_scene, got.negative_start_s) == (1, 2)
  assert got.scene_before is None


def test_a_scene_may_stick_out_a_quarter_second():
  got = span_of((4.25, 5.75), alike(5))
  assert (got.first_scene, got.last_scene) == (2, 2)
  assert (got.start_s, got.end_s) == (4.25, 5.75)


@pytest.mark.parametrize(
  'caption', [(4, 4.4), (0, 10.1), (4.5, 5.5)], ids=['short', 'long', 'inside']
)
def test_captions_are_dropped(caption):
  assert span_of(caption, alike(5)) is None


def test_a_caption_that_joining_makes_too_long_is_dropped():
  rule = internvid_g.NegativeSpanRule(max_caption_s=3.0)
  assert span_of((4, 6), alike(5), rule) is not None
  assert span_of((4, 6), alike(5, (1, 2)), rule) is None


@hypothesis.given(
  values=st.lists(st.floats(0, 1), min_size=25, max_size=25),
  first=st.integers(0, 4),
  length=st.integers(1, 5),
)
def test_the_negative_span_contains_the_caption(values, first, length):
  matrix = np.reshape(values, (5, 5))
  caption = FIVE_SCENES[first][0], FIVE_SCENES[min(first + length, 5) - 1][1]
  got = span_of(caption, np.maximum(matrix, matrix.T))
  assert 0 <= got.negative_start_s <= got.start_s <= caption[0]
  assert caption[1] <= got.end_s <= got.negative_end_s <= 11.0


def test_every_text_of_a_caption_is_a_line():
  captions = [
    {'start_sec': 4, 'end_sec': 6, 'captions': ['a', 'b']},
    {'start_sec': 4, 'end_sec': 4.1, 'captions': ['short']},
  ]
  lines = internvid_g.grounded_captions(
    'v.mp4', captions, FIVE_SCENES, alike(5, (0, 2)), 11.0
  )
  assert [line['caption'] for line in lines] == ['a', 'b']
  assert lines[0] == {
    'video': 'v.mp4',
    'duration': 11.0,
    'start_sec': 4,
    'end_sec': 6,
    'neg_start_sec': 2,
    'neg_end_sec': 11.0,
    'caption': 'a',
    'start_scene': 2,
    'end_scene': 2,
    'neg_start_scene': 0,
    'neg_end_scene': None,
  }
