"""Texts that a language model writes: how they are asked for, what comes."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from vtg_jax.errors import BadInput
from vtg_jax.moments.coarse import fill_template
from vtg_jax.systems.checks import (
  MODES,
  SAMPLINGS,
  check_known,
  checked_queries,
  checked_score,
)


class Draws(NamedTuple):
  """How tokens are drawn where text is written freely.

  Attributes:
    temperature: Divides the scores; 0 takes the most probable token.
    n_candidates: Most probable tokens that are drawn from.
    seed: Of the draws.
    top_p: Of these only the first ones that reach so much probability, of
      systems that know it; 1 for all.
  """

  temperature: float = 0.0
  n_candidates: int = 50
  seed: int = 0
  top_p: float = 1.0

  def check(self) -> None:
    """Raises BadInput where a number is out of range."""
    if not 0 <= self.temperature <= 100:
      raise BadInput(
        f'temperature is {self.temperature}; it must be from 0 to 100'
      )
    if self.n_candidates < 1:
      raise BadInput(
        f'n_candidates is {self.n_candidates}; it must be at least 1'
      )
    if not 0 <= self.seed < 2**31:
      raise BadInput(f'seed is {self.seed}; it must be from 0 to {2**31 - 1}')
    if not 0 < self.top_p <= 1:
      raise BadInput(f'top_p is {self.top_p}; it must be above 0, at most 1')


# How benchmarks choose tokens where nothing is said: the most probable one.
# Deviates: papers' own runs draw, so that no two are the same.
BENCHMARK_DRAWS = {'temperature': 0.0, 'n_candidates': 50, 'seed': 0}


def check_max_tokens(max_tokens: int) -> None:
  """Raises BadInput where nothing could be written."""
  if max_tokens < 1:
    raise BadInput(f'max_tokens is {max_tokens}; it must be at least 1')


def check_benchmark(
  options: Mapping[str, Any], *, video_slot: str, modes: Sequence[str] = MODES
) -> None:
  """Checks the options of a method that a benchmark calls.

  Args:
    options: `sampling` and the draws; of `mode`, `template`, `prompt` and
      `max_tokens` those that the method has.
    video_slot: what marks the video in a prompt.
    modes: that the method knows.

  Raises:
    BadInput: a value that no sample could be asked with.
  """
  check_known('sampling', options['sampling'], SAMPLINGS)
  given = {name: options[name] for name in Draws._fields if name in options}
  Draws(**given).check()
  if 'mode' in options:
    check_known('mode', options['mode'], modes)
  if options.get('template') is not None:
    fill_template(options['template'], '')
  if options.get('prompt') is not None:
    checked_queries(options['prompt'], video_slot, what='prompt')
  if options.get('max_tokens') is not None:
    check_max_tokens(options['max_tokens'])


class Written(NamedTuple):
  """What was written after a question.

  Attributes:
    ids: Tokens, the one that ended it included.
    log_probs: Log-probability of each.
  """

  ids: list[int]
  log_probs: Float[np.ndarray, ' G']


def mean_probability(log_probs: Sequence[float]) -> float:
  """The geometric mean of some tokens' probabilities; 1 of none.

  Raises:
    BadInput: the network computed NaN.
  """
  if not len(log_probs):
    return 1.0
  return min(1.0, float(np.exp(checked_score(float(np.mean(log_probs))))))


def padded_rows(
  rows: list[list[int]], bucket: int, padding: int
) -> tuple[Int[np.ndarray, 'B T'], Int[np.ndarray, ' B']]:
  """Rows of tokens padded right to a multiple of `bucket`; and their lengths.

  The number of rows becomes a power of two: rows are repeated.
  """
  n_rows = 1 << (len(rows) - 1).bit_length()
  rows = [*rows, *[rows[-1]] * (n_rows - len(rows))]
  width = -(-max(map(len, rows)) // bucket) * bucket
  ids = np.full((n_rows, width), padding, np.int32)
  for i, row in enumerate(rows):
    ids[i, : len(row)] = row
  return ids, np.array([len(row) for row in rows], np.int32)
