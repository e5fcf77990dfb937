"""A line of a results table: recalls and mean IoU, with intervals."""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from vtg_jax.metrics.bootstrap import Bootstrap, mean_interval
from vtg_jax.metrics.coarse_baselines import hits
from vtg_jax.metrics.grounding import THRESHOLDS

COLUMNS = ('mean_iou', *(f'recall_{t}' for t in THRESHOLDS))
HEAD = (
  '',
  'mIoU',
  *(f'R@1 {t}' for t in THRESHOLDS),
  'mIoU interval',
  'mIoU, failed as 0',
  'n',
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
  """Scores of one way to answer.

  Attributes:
    name: what answered, such as 'oracle, 2 rounds'.
    answered: score by column, over the samples that did not fail; the
      paper's notebook drops the others.
    counted: the same with failed samples as IoU 0.
    interval: low and high of `answered` by column, resampled over videos.
    n_answered: samples that did not fail.
    n_all: samples.
  """

  name: str
  answered: Mapping[str, float]
  counted: Mapping[str, float]
  interval: Mapping[str, tuple[float, float]]
  n_answered: int
  n_all: int

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)


def row_of_ious(
  name: str,
  ious: Sequence[float | None],
  videos: Sequence[Hashable],
  bootstrap: Bootstrap,
  *,
  strict: bool = True,
) -> Row:
  """Returns the row of one IoU a sample, None where the sample failed.

  `strict` is that of `coarse_baselines.hits`.
  """
  values = np.array([np.nan if x is None else x for x in ious], np.float64)
  return row_of_hits(name, hits(values, strict=strict), videos, bootstrap)


def row_of_hits(
  name: str,
  values: Float[np.ndarray, 'N K'],
  videos: Sequence[Hashable],
  bootstrap: Bootstrap,
) -> Row:
  """Returns the row of `coarse_baselines.hits`, or of their expectations.

  Args:
    name: of the row.
    values: NaN where the sample failed.
    videos: of each sample.
    bootstrap: how to resample.
  """
  answered = ~np.isnan(values[:, 0])
  kept = values[answered]
  low, high = mean_interval(
    kept, [v for v, ok in zip(videos, answered, strict=True) if ok], bootstrap
  )
  return Row(
    name=name,
    answered=_named(_mean(kept)),
    counted=_named(_mean(np.nan_to_num(values))),
    interval={
      column: (float(a), float(b))
      for column, a, b in zip(COLUMNS, low, high, strict=True)
    },
    n_answered=len(kept),
    n_all=len(values),
  )


def markdown(
  head: Sequence[str], body: Sequence[Sequence[str]], *, title: str = ''
) -> str:
  """Returns a markdown table; all columns but the first are aligned right."""
  lines = [f'## {title}', ''] if title else []
  lines += [_line(head), _line(['---', *['---:'] * (len(head) - 1)])]
  lines += [_line(texts) for texts in body]
  return '\n'.join(lines) + '\n'


def cells(row: Row) -> list[str]:
  """Returns a row's texts under HEAD, scores in per cent."""
  low, high = row.interval['mean_iou']
  return [
    row.name,
    *(percent(row.answered[column]) for column in COLUMNS),
    f'{percent(low)} to {percent(high)}',
    percent(row.counted['mean_iou']),
    str(row.n_answered),
  ]


def percent(share: float) -> str:
  """Returns a share in per cent with one decimal; '-' for NaN."""
  return '-' if np.isnan(share) else f'{100 * share:.1f}'


def three(value: float | None) -> str:
  """Returns a number with three decimals; '-' for None and NaN."""
  return '-' if value is None or np.isnan(value) else f'{value:.3f}'


def _line(texts: Sequence[str]) -> str:
  return f'| {" | ".join(text.replace("|", "/") for text in texts)} |'


def _mean(values):
  if not len(values):
    return np.full(len(COLUMNS), np.nan)
  return values.mean(axis=0)


def _named(values) -> dict[str, float]:
  return dict(zip(COLUMNS, map(float, values), strict=True))


def amount(value: float | None) -> str:
  """Returns 1,234 or 9.6 or, where nothing is known, nothing."""
  if value is None:
    return ''
  return f'{value:,.0f}' if value >= 10 else f'{value:.3g}'


def with_quote(value: float | None, quoted: Sequence[float] | None) -> str:
  """Returns what something took and, in brackets, what was said before.

  12 (9.6 to 310)

  Args:
    value: that it took.
    quoted: least and most; None where nothing was said.
  """
  if not quoted:
    return amount(value)
  low, high = (amount(end) for end in quoted)
  return f'{amount(value)} ({low if low == high else f"{low} to {high}"})'
