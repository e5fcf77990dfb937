"""Timing of things to compare, in turns, so that noise meets them all alike."""

import statistics
import time
from collections.abc import Callable, Mapping

import jax


def take_turns(
  ways: Mapping[str, Callable[[], object]], *, repeats: int, warm_up: int = 1
) -> dict[str, list[float]]:
  """Seconds of every run of every way: A B A B, after a warm-up of each.

  take_turns({'ours': f, 'theirs': g}, repeats=2)
    == {'ours': [0.11, 0.12], 'theirs': [0.21, 0.20]}

  Args:
    ways: What to run; a result of JAX arrays is waited for.
    repeats: Runs of each that count.
    warm_up: Runs of each before, uncounted: compilation and caches.
  """
  seconds = {name: [] for name in ways}
  for turn in range(warm_up + repeats):
    for name, way in ways.items():
      begin = time.perf_counter()
      jax.block_until_ready(way())
      if turn >= warm_up:
        seconds[name].append(time.perf_counter() - begin)
  return seconds


def medians(seconds: Mapping[str, list[float]]) -> dict[str, float]:
  """Median of each way, rounded to 0.1 ms."""
  return {k: round(statistics.median(v), 4) for k, v in seconds.items()}


def bests(seconds: Mapping[str, list[float]]) -> dict[str, float]:
  """Shortest of each way: what other programs on the machine disturb least.

  Torch's threads wait for one another at every operation, so that a busy
  machine slows it down many times; a ratio of bests does not profit from it.
  """
  return {name: round(min(runs), 4) for name, runs in seconds.items()}


def ratio(seconds: Mapping[str, list[float]], over: str, under: str) -> float:
  """Median, over the turns, of one way's time divided by the other's."""
  pairs = zip(seconds[over], seconds[under], strict=True)
  return round(statistics.median(a / b for a, b in pairs), 3)
