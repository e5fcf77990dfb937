"""Rows of no model: what scores without looking at any video."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from vtg_jax.evaluation.rows import Row, row_of_hits, row_of_ious
from vtg_jax.metrics import coarse_baselines
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.metrics.coarse_baselines import Constant, Truth
from vtg_jax.metrics.grounding import best_iou


def rows_of_no_model(
  asked: Sequence[Mapping[str, Any]],
  *,
  max_rounds: int | None,
  tuning: Sequence[Truth] | None,
  bootstrap: Bootstrap,
  strict: bool,
) -> tuple[list[Row], Float[np.ndarray, ' N']]:
  """Returns rows of oracle, chance and constants; and the best constant's IoUs.

  Args:
    asked: the lines of sentences that happen.
    max_rounds: rounds of a coarse-to-fine search, whose steps the oracle and
      chance then take; None has no oracle, and draws intervals.
    tuning: see `summarise_grounding`.
    bootstrap: how intervals are resampled.
    strict: see `coarse_baselines.hits`.
  """
  videos = [r['video'] for r in asked]
  answered = [i for i, r in enumerate(asked) if r['error'] is None]
  truths: list[Truth] = [
    (asked[i]['duration'], asked[i]['gt_span']) for i in answered
  ]

  def whole(values):
    """With NaN for the samples that failed, as in the model's rows."""
    found = np.full((len(asked), *values.shape[1:]), np.nan)
    found[answered] = values
    return found

  def row(name, ious):
    return row_of_ious(name, ious, videos, bootstrap, strict=strict)

  rows: list[Row] = []
  if max_rounds is None:
    chance = coarse_baselines.chance_interval_hits(truths, strict=strict)
  else:
    chance = coarse_baselines.chance_hits(
      truths, max_rounds=max_rounds, strict=strict
    )
    oracle = whole(coarse_baselines.oracle_ious(truths, max_rounds=max_rounds))
    rows += [
      row(f'oracle, {rounds_text(n + 1)}', oracle[:, n])
      for n in range(max_rounds)
    ]
  rows.append(row_of_hits('random', whole(chance), videos, bootstrap))
  chosen_on = truths if tuning is None else tuning
  constants: list[tuple[str, Constant]] = []
  if chosen_on and max_rounds is not None:
    path = coarse_baselines.best_path(chosen_on, max_rounds=max_rounds)
    constants.append(('path', path))
  if chosen_on:
    constants.append(('interval', coarse_baselines.best_interval(chosen_on)))
  found = []
  for kind, constant in constants:
    ious = whole(
      np.array([_constant_iou(truth, constant) for truth in truths], np.float64)
    )
    name = f'best constant {kind} ({constant.name})'
    rows.append(row(name, ious))
    found.append(ious)
  if not found:
    return rows, np.full(len(asked), np.nan)
  best = max(found, key=lambda ious: np.nansum(ious))
  return rows, best


def _constant_iou(truth: Truth, constant: Constant) -> float:
  duration_s, gold = truth
  return best_iou(
    (constant.start * duration_s, constant.end * duration_s), gold
  )


def rounds_text(n: int) -> str:
  """Returns '1 round', '2 rounds' and so on."""
  return '1 round' if n == 1 else f'{n} rounds'
