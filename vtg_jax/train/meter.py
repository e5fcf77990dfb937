"""A run's figures: gathered a step at a time, told an interval at a time."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from vtg_jax.train.step import Metrics

# One step on the host: name -> number, or (sum, weight) of a part.
Step = dict[str, Any]


@dataclasses.dataclass
class _Interval:
  """Steps between two lines of the log.

  Attributes:
    steps: metrics of each, on the devices or already on the host.
    seconds: wall time of those of this process that are timed.
    n_timed: how many those are: not what was done before a restart, not the
      first step, which compiles.
    wait_s: how long the devices had nothing to do, of `seconds`.
    n_tokens: that this process read in the timed steps.
    n_replaced: samples replaced since the run began.
  """

  steps: list[Metrics | Step] = dataclasses.field(default_factory=list)
  seconds: float = 0.0
  n_timed: int = 0
  wait_s: float = 0.0
  n_tokens: int = 0
  n_replaced: int = 0


class Meter:
  """Turns the metrics of steps into the figures of intervals.

  Nothing is fetched from the devices when a step is added, so that they never
  wait for the host; `told` fetches.

  Args:
    log_every: steps an interval; intervals end at multiples of it.
    batch_size: samples a step, of all processes.
    n_shares: processes' shares in a batch, each with about as many tokens.
    flops_per_step: useful operations; None if unknown.
    peak_flops: of all devices together; None if unknown.

  Attributes:
    skipped_on_end: how many of the last steps told of were skipped, without
      one between them that was not.
  """

  def __init__(
    self,
    *,
    log_every: int,
    batch_size: int,
    n_shares: int = 1,
    flops_per_step: float | None = None,
    peak_flops: float | None = None,
  ):
    self._log_every = log_every
    self._batch_size, self._n_shares = batch_size, n_shares
    self._flops, self._peak = flops_per_step, peak_flops
    self._current = _Interval()
    self._ended: list[tuple[int, _Interval]] = []
    self._since: float | None = None
    self._total = _Interval()
    self.skipped_on_end = 0

  def add(
    self,
    step: int,
    metrics: Metrics,
    *,
    n_tokens: int,
    n_replaced: int,
    wait_s: float,
    last: bool = False,
  ) -> None:
    """Takes one step in.

    Args:
      step: its number, from 1.
      metrics: still being computed, perhaps.
      n_tokens: in this process's share of its batch.
      n_replaced: samples replaced so far.
      wait_s: how long the devices had nothing to do before it.
      last: whether the run ends with it.
    """
    now = time.perf_counter()
    interval = self._current
    interval.steps.append(metrics)
    interval.n_replaced = n_replaced
    for timed in (interval, self._total):
      if self._since is not None:
        timed.seconds += now - self._since
        timed.n_timed += 1
        timed.wait_s += wait_s
        timed.n_tokens += n_tokens
    self._since = now
    if step % self._log_every == 0 or last:
      self._ended.append((step, interval))
      self._current = _Interval()

  def told(self, *, all_ended: bool) -> list[tuple[int, dict[str, float]]]:
    """Returns (step, figures) of ended intervals that were not told yet.

    Args:
      all_ended: whether to wait for the newest too.
    """
    n = len(self._ended) if all_ended else max(0, len(self._ended) - 1)
    ready, self._ended = self._ended[:n], self._ended[n:]
    return [(step, self._figures(interval)) for step, interval in ready]

  @property
  def wait_share(self) -> float:
    """Share of the wall time in which the devices waited for data, 0..1."""
    return self._total.wait_s / max(self._total.seconds, 1e-9)

  def state(self) -> list[Step]:
    """The steps of the interval that has not ended, JSON types."""
    self._current.steps = _fetched(self._current.steps)
    return list(self._current.steps)

  def set_state(self, steps: Sequence[Step]) -> None:
    """Goes on with the steps that `state` gave."""
    self._current.steps = list(steps)

  def _figures(self, interval: _Interval) -> dict[str, float]:
    steps = _fetched(interval.steps)
    learnt = [step for step in steps if not step['skipped']]
    figures = {'loss': _mean([(s['loss'], s['weight']) for s in learnt])}
    for name in steps[-1]['parts']:
      total, weight = np.sum(
        [(0.0, 0.0), *(step['parts'][name] for step in learnt)], axis=0
      )
      if weight:
        figures[name if '/' in name else f'loss/{name}'] = float(total / weight)
    for step in steps:
      self.skipped_on_end = self.skipped_on_end + 1 if step['skipped'] else 0
    figures |= {
      'learning_rate': steps[-1]['learning_rate'],
      'grad_norm': _mean([(s['grad_norm'], 1.0) for s in learnt]),
      'skipped': len(steps) - len(learnt),
      'replaced': interval.n_replaced,
    }
    if interval.n_timed:
      seconds = interval.seconds / interval.n_timed
      tokens = interval.n_tokens * self._n_shares / interval.n_timed
      figures |= {
        'seconds_per_step': seconds,
        'samples_per_second': self._batch_size / seconds,
        'tokens_per_second': tokens / seconds,
        'data_wait': interval.wait_s / interval.seconds,
      }
      if self._flops and self._peak:
        figures['mfu'] = self._flops / seconds / self._peak
    return figures


def _mean(pairs: Sequence[tuple[float, float]]) -> float:
  weight = sum(weight for _, weight in pairs)
  total = sum(value * weight for value, weight in pairs)
  return total / weight if weight else float('nan')


def _fetched(steps: Sequence[Metrics | Step]) -> list[Step]:
  """The steps on the host, those of the devices in one transfer."""
  on_device = [step for step in steps if isinstance(step, Metrics)]
  fetched = iter(jax.device_get(on_device))
  return [
    _plain(next(fetched)) if isinstance(step, Metrics) else step
    for step in steps
  ]


def _plain(metrics: Metrics) -> Step:
  parts: Mapping[str, tuple] = metrics.parts
  return {
    'loss': float(metrics.loss),
    'weight': float(metrics.weight),
    'parts': {name: [float(x) for x in part] for name, part in parts.items()},
    'grad_norm': float(metrics.grad_norm),
    'learning_rate': float(metrics.learning_rate),
    'skipped': bool(metrics.skipped),
  }
