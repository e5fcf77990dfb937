"""How far two spans agree."""

from collections.abc import Sequence

Span = Sequence[float | int]  # [start_s, end_s]


def iou(a: Span, b: Span) -> float:
  """Returns overlap over hull of two spans in seconds, 0..1.

  The hull is the union wherever the spans overlap; touching, disjoint and
  reversed spans give 0.
  """
  overlap_s = min(a[1], b[1]) - max(a[0], b[0])
  hull_s = max(a[1], b[1]) - min(a[0], b[0])
  if overlap_s <= 0 or hull_s <= 0:
    return 0.0
  return overlap_s / hull_s
