"""How far a mean could be off: percentile bootstrap over videos.

Sentences about one video share its difficulty, so videos are drawn anew, not
sentences.

Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.
"""

import dataclasses
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from jaxtyping import Float

# Resamples drawn at a time: bounds the memory to this many rows of groups.
_AT_ONCE = 250


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bootstrap:
  """How means are resampled.

  Attributes:
    n_resamples: how often the groups are drawn anew.
    level: share of the resampled means inside the interval, 0..1.
    seed: of the draws.
  """

  n_resamples: int = 2000
  level: float = 0.95
  seed: int = 0

  def __post_init__(self):
    if self.n_resamples < 1:
      raise ValueError(f'{self.n_resamples=} must be positive')
    if not 0 < self.level < 1:
      raise ValueError(f'{self.level=} must lie between 0 and 1')


def mean_interval(
  values: Float[np.ndarray, 'N K'],
  groups: Sequence[Hashable],
  bootstrap: Bootstrap = Bootstrap(),
) -> Float[np.ndarray, '2 K']:
  """Returns the lower and upper end of the mean of each column.

  The mean is over samples, as the benchmarks take it; a resample draws as
  many groups as there are, with all their samples.

  Args:
    values: one row a sample.
    groups: what each sample belongs to, such as its video.
    bootstrap: how to resample.

  Returns:
    Low and high; NaN where there is no sample.

  Raises:
    ValueError: not one group a row.
  """
  return ratio_interval(values, np.ones_like(values), groups, bootstrap)


def ratio_interval(
  parts: Float[np.ndarray, 'N K'],
  wholes: Float[np.ndarray, 'N K'],
  groups: Sequence[Hashable],
  bootstrap: Bootstrap = Bootstrap(),
) -> Float[np.ndarray, '2 K']:
  """Returns the lower and upper end of each sum of parts over that of wholes.

  An F1 is such a ratio: twice what is right, over what was said and what is.

  Args:
    parts: one row a sample.
    wholes: what they are parts of.
    groups: what each sample belongs to, such as its video.
    bootstrap: how to resample; a resample whose wholes add up to 0 is left
      out.

  Returns:
    Low and high; NaN where there is no sample, or no whole.

  Raises:
    ValueError: not one group and one whole a row.
  """
  values = np.asarray(parts)
  if len(groups) != len(values):
    raise ValueError(f'{len(values)=} but {len(groups)=}; give one a row')
  if values.shape != np.shape(wholes):
    raise ValueError(f'{values.shape=} but {np.shape(wholes)=}; give one each')
  if not len(values):
    return np.full((2, values.shape[1]), np.nan)
  places = {group: i for i, group in enumerate(dict.fromkeys(groups))}
  index = np.array([places[group] for group in groups])
  n = len(places)
  sums, weights = np.zeros((2, n, values.shape[1]))
  np.add.at(sums, index, values)
  np.add.at(weights, index, wholes)
  ratios, counted = [], []
  for drawn in drawn_groups(n, bootstrap):
    whole = drawn @ weights
    ratios.append(drawn @ sums / np.where(whole, whole, np.nan))
    counted.append(whole != 0)
  tail = (1 - bootstrap.level) / 2
  ends = [
    np.quantile(ratio[has_whole], [tail, 1 - tail])
    if has_whole.any()
    else (np.nan, np.nan)
    for ratio, has_whole in zip(
      np.concatenate(ratios).T, np.concatenate(counted).T, strict=True
    )
  ]
  return np.array(ends, np.float64).reshape(-1, 2).T


def drawn_groups(
  n_groups: int, bootstrap: Bootstrap
) -> Iterator[Float[np.ndarray, 'R G']]:
  """Yields how often each group is drawn, some resamples at a time."""
  rng = np.random.default_rng(bootstrap.seed)
  for start in range(0, bootstrap.n_resamples, _AT_ONCE):
    some = min(_AT_ONCE, bootstrap.n_resamples - start)
    even = np.full(n_groups, 1 / n_groups)
    yield rng.multinomial(n_groups, even, size=some).astype(np.float64)
