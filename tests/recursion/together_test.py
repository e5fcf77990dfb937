"""Queries asked together are answered as alone, in fewer and shared batches."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recursion.knowing_model import KnowingModel
from tests.recursion.top_down_test import CONFIG, SIZE
from vtg_jax.recursion.model import TokenCache
from vtg_jax.recursion.released_order import (
  released_steps,
  search_released_order,
)
from vtg_jax.recursion.search_plan import plan_search
from vtg_jax.recursion.together import dense_batches, search_together
from vtg_jax.recursion.top_down import search_top_down, top_down_steps


class KnowingPanel:
  """Several models, each asked about its own rows; counts what it is asked."""

  def __init__(self, models):
    self.models, self.shapes = models, []

  def _each(self, kind, queries, ask):
    self.shapes.append((kind, len(queries)))
    return [ask(self.models[query], row) for row, query in enumerate(queries)]

  def encode(self, queries, frame_idx):
    return np.concatenate(
      self._each(
        'encode', queries, lambda model, row: model.encode(frame_idx[[row]])
      )
    )

  def ask_sparse(self, level, queries, tokens, is_shown):
    return self._each(
      'sparse',
      queries,
      lambda model, row: model.ask_sparse(
        level, tokens[[row]], is_shown[[row]]
      )[0],
    )

  def ask_dense(self, queries, frame_idx, window):
    return self._each(
      f'dense of {len(frame_idx)}',
      queries,
      lambda model, row: model.ask_dense(frame_idx[window[[row]]])[0],
    )


SPANS = [(500.0, 504.0), None, (20.0, 22.0), (503.0, 506.0), (990.0, 991.0)]


def models():
  return [KnowingModel(span_s, SIZE.fps) for span_s in SPANS]


def told(result):
  return dataclasses.replace(
    result, spent=dataclasses.replace(result.spent, seconds=0.0)
  )


def test_several_searches_find_what_each_finds_alone():
  plan = plan_search(4000, CONFIG)
  for steps, search, share in (
    (top_down_steps, search_top_down, 0.8),
    (released_steps, search_released_order, 0.3),
  ):
    panel = KnowingPanel(models())
    caches = [TokenCache() for _ in SPANS]
    together = search_together(
      panel, [steps(plan, cache) for cache in caches], caches, at_once=2
    )
    lone = [KnowingPanel([model]) for model in models()]
    for result, one in zip(together, lone, strict=True):
      cache = TokenCache()
      (own,) = search_together(one, [steps(plan, cache)], [cache])
      assert told(result) == told(own)
      assert told(own) == told(search(one.models[0], plan))
    dense = [kind for kind, _ in panel.shapes if kind.startswith('dense')]
    alone = [kind for one in lone for kind, _ in one.shapes]
    n_alone = len([kind for kind in alone if kind.startswith('dense')])
    assert len(dense) < share * n_alone
    assert len(set(panel.shapes)) <= 6, set(panel.shapes)


@settings(max_examples=30, deadline=None)
@given(
  st.lists(st.integers(0, 12), max_size=60),
  st.sampled_from([(2, 8), (4,)]),
  st.integers(1, 4),
)
def test_dense_batches_ask_each_row_once_in_few_shapes(windows, sizes, shared):
  seen, shapes = [], set()
  for rows, n_windows, n_rows in dense_batches(windows, sizes, shared=shared):
    assert 0 < len(rows) <= n_rows
    if shared > 1:
      assert len({windows[row] for row in rows}) <= n_windows
    seen += rows
    shapes.add((n_windows, n_rows))
  assert sorted(seen) == list(range(len(windows)))
  assert len(shapes) <= len(sizes) + 1


def test_a_window_is_shown_once_to_those_who_ask_together():
  ((rows, *shape),) = dense_batches([3, 4, 3, 4], (2,), shared=2)
  assert (rows, shape) == ([0, 2, 1, 3], [2, 4])
