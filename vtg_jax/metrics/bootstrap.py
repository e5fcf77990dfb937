"""How far a mean could be off: percentile bootstrap over videos.

Sentences about one video share its difficulty, so videos are drawn anew, not
sentences.

Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.
"""

import dataclasses
from collections.abc import Hashable, Sequence

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
  if len(groups) != len(values):
    raise ValueError(f'{len(values)=} but {len(groups)=}; give one a row')
  if not len(values):
    return np.full((2, values.shape[1]), np.nan)
  places = {group: i for i, group in enumerate(dict.fromkeys(groups))}
  index = np.array([places[group] for group in groups])
  n = len(places)
  sums = np.zeros((n, values.shape[1]))
  np.add.at(sums, index, values)
  counts = np.bincount(index, minlength=n).astype(np.float64)
  rng = np.random.default_rng(bootstrap.seed)
  means = []
  for start in range(0, bootstrap.n_resamples, _AT_ONCE):
    some = min(_AT_ONCE, bootstrap.n_resamples - start)
    # How often each group is drawn.
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=some).astype(np.float64)
    means.append(drawn @ sums / (drawn @ counts)[:, None])
  tail = (1 - bootstrap.level) / 2
  return np.quantile(np.concatenate(means), [tail, 1 - tail], axis=0)
