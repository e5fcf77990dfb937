"""The released order reads everything and keeps what its passes agree on."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings

from tests.recursion.knowing_model import KnowingModel
from tests.recursion.top_down_test import CONFIG, SIZE, searches
from vtg_jax.recursion.quirks import RELEASED
from vtg_jax.recursion.released_order import search_released_order
from vtg_jax.recursion.search_plan import plan_search


def searched(n_features, span_s, config=CONFIG, **options):
  model = KnowingModel(span_s, SIZE.fps, **options)
  plan = plan_search(n_features, config)
  return model, search_released_order(model, plan)


@settings(max_examples=10, deadline=None)
@given(searches())
def test_a_perfect_model_finds_the_event(search):
  n_features, span_s, _ = search
  model, result = searched(n_features, span_s)
  best = result.moments[0]
  off_s = 1.6 * SIZE.window_s / SIZE.n_frames
  assert best.start_s == pytest.approx(span_s[0], abs=off_s)
  assert best.end_s == pytest.approx(span_s[1], abs=off_s)
  assert result.read == result.looked_at == 1
  assert len(set(model.encoded)) == len(model.encoded)


def test_an_event_of_one_frame_of_a_short_video_is_found():
  """A window of it shows more frames than it has."""
  _, result = searched(6, (1.0, 1.0))
  assert result.moments[0].start_s <= 1 <= result.moments[0].end_s


def test_what_sparse_passes_deny_is_kept_where_they_find_nothing():
  _, result = searched(4000, (500.0, 504.0), finds=False)
  assert result.moments and not result.hits


def test_the_released_quirks_still_find_an_early_event():
  config = dataclasses.replace(CONFIG, quirks=RELEASED)
  _, result = searched(4000, (101.0, 104.0), config)
  assert result.moments[0].start_s == pytest.approx(101, abs=1)
  repeated = searched(4000, (101.0, 104.0), config)[1]
  assert repeated.examined == result.examined


def test_the_released_quirks_skip_short_videos():
  config = dataclasses.replace(CONFIG, quirks=RELEASED)
  model, result = searched(60, (1.0, 2.0), config)
  assert result.moments == () and model.shapes == []


def test_likeness_needs_features():
  plan = plan_search(4000, CONFIG)
  features = np.random.default_rng(0).normal(size=(4000, 3))
  result = search_released_order(
    KnowingModel((500.0, 504.0), SIZE.fps),
    plan,
    features=features,
    query=np.ones(3),
    merge='likeness',
  )
  assert result.moments[0].start_s == pytest.approx(500, abs=1)
