"""Questions whose answer must be right and come with its evidence.

Source: NExT-GQA (Xiao et al., CVPR 2024), as Grounded-VideoLLM reports it.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from vtg_jax.metrics.grounding import Span, iou

THRESHOLDS = (0.3, 0.5)
# The evidence counts from this share of it on.
_EVIDENCE = 0.5


def iop(prediction: Span, truth: Span) -> float:
  """Returns which share of the predicted span is inside the true one, 0..1.

  A reversed or empty prediction has none.

  Deviates: the published script gives an empty one inside the true span 1.
  """
  overlap_s = min(prediction[1], truth[1]) - max(prediction[0], truth[0])
  length_s = prediction[1] - prediction[0]
  if overlap_s <= 0 or length_s <= 0:
    return 0.0
  return overlap_s / length_s


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundedAnswer:
  """One answer with its evidence.

  Attributes:
    is_right: whether the option is the right one.
    span: the evidence, seconds; None where none could be read.
    truths: true spans; the best counts.
  """

  is_right: bool
  span: Span | None
  truths: Sequence[Span]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundedAnswerScores:
  """Scores over a benchmark, all 0..1.

  Attributes:
    accuracy: right options.
    accuracy_with_evidence: right options whose evidence has an IoP of at least
      a half: Acc@GQA.
    mean_iop: mean IoP.
    mean_iou: mean IoU.
    iop_at: threshold -> share of answers with at least that IoP.
    iou_at: the same of IoU.
    n_examples: how many answers.
  """

  accuracy: float
  accuracy_with_evidence: float
  mean_iop: float
  mean_iou: float
  iop_at: Mapping[float, float]
  iou_at: Mapping[float, float]
  n_examples: int


def scores(answers: Iterable[GroundedAnswer]) -> GroundedAnswerScores:
  """Scores some answers; all figures are NaN when there are none."""
  answers = list(answers)
  iops, ious = (
    [
      0.0 if one.span is None else max(of(one.span, t) for t in one.truths)
      for one in answers
    ]
    for of in (iop, iou)
  )
  evident = [
    one.is_right and value >= _EVIDENCE
    for one, value in zip(answers, iops, strict=True)
  ]

  def at(values):
    return {t: _mean([v >= t for v in values]) for t in THRESHOLDS}

  return GroundedAnswerScores(
    accuracy=_mean([one.is_right for one in answers]),
    accuracy_with_evidence=_mean(evident),
    mean_iop=_mean(iops),
    mean_iou=_mean(ious),
    iop_at=at(iops),
    iou_at=at(ious),
    n_examples=len(answers),
  )


def _mean(values: Sequence[float]) -> float:
  return sum(values) / len(values) if values else float('nan')
