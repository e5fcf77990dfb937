"""How sure an answer is: by its entropy, and by its frames' likeness.

Source: ReVisionLLM (arXiv 2411.14901) section 3.4 and its release.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from vtg_jax.recursion.quirks import CLEAN, Quirks

# Keeps the logarithm of a probability of zero finite.
_TINY = 1e-10
# Entropies below this count as this when they are divided by.
LEAST_ENTROPY = 1e-6
# Frames whose likeness counts.
_TOP_FRAMES = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class EntropyStats:
  """The entropies of the steps in which an answer was written, nats.

  Attributes:
    max: Of the step most in doubt.
    min: Of the step least in doubt.
    mean: Of all steps.
    std: Unbiased; NaN for a single step.
  """

  max: float
  min: float
  mean: float
  std: float

  @property
  def confidence(self) -> float:
    """The paper's R: one over the mean."""
    return 1 / max(self.mean, LEAST_ENTROPY)


def step_entropy(
  logits: Float[np.ndarray, '*shape V'],
) -> Float[np.ndarray, '*shape']:
  """Entropy of the softmax over the last axis, nats."""
  logits = np.asarray(logits, np.float64)
  logits = logits - logits.max(axis=-1, keepdims=True)
  p = np.exp(logits)
  p /= p.sum(axis=-1, keepdims=True)
  return -(p * np.log(p + _TINY)).sum(axis=-1)


def entropy_stats(
  entropies: Float[np.ndarray, 'B S'],
  n_steps: Int[np.ndarray, ' B'] | None = None,
  *,
  quirks: Quirks = CLEAN,
) -> list[EntropyStats]:
  """Sums up the entropies of a batch of answers.

  Args:
    entropies: Of each step of each answer, from `step_entropy`.
    n_steps: Steps of each answer, its end token included; None where no
      answer waits for another.
    quirks: Whether the steps after an answer's end count, too.
  """
  B, S = entropies.shape
  if n_steps is None or quirks.count_padding_steps:
    n_steps = np.full(B, S)
  n_steps = np.maximum(n_steps, 1)
  stats = {}
  for n in np.unique(n_steps):  # answers of a length at once
    (rows,) = np.nonzero(n_steps == n)
    steps = entropies[rows, :n]
    numbers = {
      'max': steps.max(axis=1),
      'min': steps.min(axis=1),
      'mean': steps.mean(axis=1),
      'std': steps.std(axis=1, ddof=1) if n > 1 else np.full(len(rows), np.nan),
    }
    for i, row in enumerate(rows):
      own = {name: float(values[i]) for name, values in numbers.items()}
      stats[row] = EntropyStats(**own)
  return [stats[row] for row in range(B)]


def likeness(
  features: Float[np.ndarray, 'F C'],
  query: Float[np.ndarray, ' C'],
  first: int,
  last: int,
) -> float:
  """How like a query the frames of a span are.

  Each channel is divided by its norm over the span's frames, then the three
  frames with the largest products with the query count. The norm goes along
  time, not along channels as in a cosine: so does the release.

  Args:
    features: Of a window's frames.
    query: Of the whole sentence, not normalised.
    first: First frame of the span.
    last: Its last frame, included; frames beyond the window do not count.

  Returns:
    The sum of the three products; 0 for a span without frames.
  """
  rows = np.asarray(features[first : last + 1], np.float64)
  if not len(rows):
    return 0.0
  norms = np.linalg.norm(rows, axis=0)
  rows = rows / np.maximum(norms, _TINY)
  return float(
    np.sort(rows @ np.asarray(query, np.float64))[::-1][:_TOP_FRAMES].sum()
  )


def merged_scores(
  likenesses: Sequence[float],
  entropies: Sequence[float],
  *,
  merge: str = 'add',
  quirks: Quirks = CLEAN,
) -> list[float]:
  """One score for each prediction of a query from its two measures.

  Args:
    likenesses: From `likeness`; the larger the better.
    entropies: The smaller the better.
    merge: 'add' for their difference and 'multiply' for their ratio, both
      brought to 1 at most before; 'likeness' for the first alone, 'entropy'
      for one over the second alone, the paper's R.
    quirks: What they are divided by.

  Raises:
    ValueError: no such way to merge.
  """
  if not entropies:
    return []
  if merge == 'entropy':
    return [1 / max(entropy, LEAST_ENTROPY) for entropy in entropies]
  high, low = (_scaled(x, quirks) for x in (likenesses, entropies))
  if merge == 'add':
    merged = high - low
  elif merge == 'multiply':
    merged = high / np.maximum(low, LEAST_ENTROPY)
  elif merge == 'likeness':
    merged = np.asarray(likenesses, np.float64)
  else:
    raise ValueError(
      f'{merge=} is unknown; use add, multiply, likeness or entropy'
    )
  return [float(score) for score in merged]


def _scaled(values, quirks):
  values = np.asarray(values, np.float64)
  most = values.max() if quirks.divide_by_maximum else np.abs(values).max()
  return values / most if most else values


def min_max_scaled(scores: Sequence[float]) -> list[float]:
  """Scores brought to 0..1; equal scores all become 1."""
  if not scores:
    return []
  least, most = min(scores), max(scores)
  if least == most:
    return [1.0] * len(scores)
  return [(score - least) / (most - least) for score in scores]
