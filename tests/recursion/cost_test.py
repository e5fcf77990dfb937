"""The cost of an hour of film, as it is published for the full-size model.

Source: the arithmetic of MAD's windows: 125 s, 250 frames, 5 a second.
"""

import pytest

from vtg_jax.recursion.cost import FULL_SIZE, Cost, released_cost
from vtg_jax.recursion.search_plan import SearchConfig, plan_search
from vtg_jax.recursion.windows import (
  WindowSize,
  dense_windows,
  sparse_calls,
  sparse_windows,
)

MAD = WindowSize(window_s=125, n_frames=250, fps=5)
HOUR = 3600 * 5


@pytest.mark.parametrize(
  ('name', 'sequences', 'tokens', 'llm', 'adapter', 'cached'),
  [
    ('dense', 57, 17955, 242, 0, 0),
    ('sparse100', 11, 1815, 24, 12.4, 1.6),
    ('sparse33', 32, 3109, 42, 11.7, 1.6),
    ('total', 100, 22879, 308, 24, 3.2),
  ],
)
def test_the_released_passes_over_an_hour(
  name, sequences, tokens, llm, adapter, cached
):
  cost = released_cost(HOUR, MAD)[name]
  assert (cost.sequences, cost.prefill_tokens) == (sequences, tokens)
  assert cost.llm_tflop(FULL_SIZE) == pytest.approx(llm, abs=0.6)
  assert cost.adapter_tflop(FULL_SIZE) == pytest.approx(adapter, abs=0.11)
  less = released_cost(HOUR, MAD, cached=True)[name]
  assert less.adapter_tflop(FULL_SIZE) == pytest.approx(cached, abs=0.05)
  assert less.prefill_tokens == tokens


def test_the_released_passes_over_a_feature_film():
  n_features = 6600 * 5
  costs = released_cost(n_features, MAD)
  assert [costs[f'sparse{n}'].sequences for n in (100, 33)] == [20, 58]
  assert len(dense_windows(n_features, MAD)) == 105
  assert costs['dense'].sequences == 105


def test_fewer_dense_windows_cost_less():
  """57 % of the dense windows after both sparse passes: 43 + 33 calls."""
  total = released_cost(HOUR, MAD, dense_share=0.57)['total']
  assert total.sequences == 43 + 33
  # The published 15159 counts 32.49 windows.
  assert total.prefill_tokens == pytest.approx(15159, abs=0.51 * 315)
  assert total.llm_tflop(FULL_SIZE) == pytest.approx(204, abs=3)
  assert total.adapter_tflop(FULL_SIZE) == pytest.approx(24, abs=0.2)
  three = released_cost(HOUR, MAD, dense_share=3 / 57)['total']
  assert (three.sequences, three.prefill_tokens) == (46, 5869)
  assert three.llm_tflop(FULL_SIZE) == pytest.approx(79, abs=0.5)


def test_one_event_in_an_hour_costs_a_fraction_of_reading_it_all():
  plan = plan_search(HOUR, SearchConfig(size=MAD))
  quote = plan.quote()
  all_dense = released_cost(HOUR, MAD)['dense']
  assert quote.one_event.frames <= 0.1 * all_dense.frames
  assert quote.one_event.tflop(FULL_SIZE) < 0.2 * all_dense.tflop(FULL_SIZE)
  assert quote.one_event.encodings == len(sparse_windows(HOUR, MAD))
  assert quote.most.frames == all_dense.frames
  assert quote.most.tflop(FULL_SIZE) > quote.one_event.tflop(FULL_SIZE)


def test_every_level_adds_its_calls():
  configs = [SearchConfig(size=MAD, n_levels=n) for n in range(5)]
  plans = [plan_search(HOUR, config) for config in configs]
  costs = [plan.quote().one_event for plan in plans]
  assert costs[0] == Cost(sequences=1, prefill_tokens=315, frames=250)
  assert costs[1].frames == 250 * len(plans[1].dense)
  assert costs[2].frames == costs[3].frames == costs[4].frames
  # The coarser the level that sees everything, the fewer its calls.
  assert costs[2].sequences > costs[3].sequences > costs[4].sequences
  levels = [step.level for step in plans[4].steps]
  assert [level.n_segments for level in levels] == [300, 100, 33]
  top = sparse_calls(range(143), 300, levels[0].zooms)
  assert costs[4].sequences > len(top)
