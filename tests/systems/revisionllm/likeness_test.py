"""Windows that are most like a sentence, in features made for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from input_pipeline.frame_features import EvenFeatures, QueryFeatures
from vtg_jax.moments.moment import Moment
from vtg_jax.moments.overlap import iou
from vtg_jax.recursion.cost import Cost
from vtg_jax.systems.revisionllm.likeness import (
  SAME_IOU,
  alike,
  search_by_likeness,
)

SENTENCE = np.array([3.0, 0.0], np.float32)


def video(n, like=()):
  """Rows across the sentence, and along it where they are like it."""
  features = np.tile(np.array([0.0, 1.0], np.float32), (n, 1))
  features[list(like)] = [2.0, 0.0]
  return EvenFeatures(features=features, fps=2.0)


def found(frames, top_k=1):
  words = QueryFeatures(
    token_features=np.zeros((1, 2), np.float32), cls_features=SENTENCE
  )
  return search_by_likeness(frames, words, top_k=top_k, clock=lambda: 0.0)


def test_the_window_that_is_like_the_sentence_comes_first():
  result = found(video(200, like=range(40, 48)), top_k=3)
  best = result.moments[0]
  assert (best.start_s, best.end_s, best.score) == (20, 24, 1)
  assert result.spent == Cost() and result.looked_at == 1


def test_a_moment_is_as_alike_as_its_three_best_frames():
  frames = video(200, like=range(40, 48))
  words = QueryFeatures(
    token_features=np.zeros((1, 2), np.float32), cls_features=SENTENCE
  )
  of_moment = alike(frames, words)
  factors = [
    of_moment(Moment(start_s=start_s, end_s=end_s, score=1.0))
    for start_s, end_s in ((20, 24), (0, 4), (22, 40), (23.5, 26), (500, 500))
  ]
  # One of three frames: c = 1 / 3.
  assert factors == pytest.approx([1, 0.5**5, 1, (2 / 3) ** 5, 0.5**5])


def test_a_video_shorter_than_a_window_is_one():
  (moment,) = found(video(3), top_k=5).moments
  assert (moment.start_s, moment.end_s, moment.score) == (0, 1.5, 0.5)


@settings(deadline=None, max_examples=30)
@given(
  n=st.integers(1, 300),
  like=st.sets(st.integers(0, 299), max_size=20),
  top_k=st.integers(1, 6),
)
def test_answers_fall_in_score_and_do_not_repeat(n, like, top_k):
  moments = found(video(n, [i for i in like if i < n]), top_k=top_k).moments
  assert 1 <= len(moments) <= top_k
  scores = [moment.score for moment in moments]
  assert scores == sorted(scores, reverse=True)
  assert all(0 <= m.start_s < m.end_s <= n / 2 for m in moments)
  spans = [(m.start_s, m.end_s) for m in moments]
  assert all(
    iou(a, b) < SAME_IOU for i, a in enumerate(spans) for b in spans[:i]
  )
