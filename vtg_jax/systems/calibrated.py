"""A grounder whose checkpoint says what its scores are worth."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, Moment
from vtg_jax.moments.by_query import by_query
from vtg_jax.moments.calibration import Calibration
from vtg_jax.systems.checks import check_absent_below


class Calibrated:
  """Any system's grounder, its moments' scores calibrated; else as it is.

  Moments that come with answers to questions keep the system's scores. So do
  all where a system with `other_scores` is asked in a way that makes scores of
  another kind: a calibration is of what `ground` does when nothing is said.

  Attributes:
    grounder: the system's own.
    calibration: what its scores are worth.
    ground: as `Grounder.ground`, with `false_alarm_rate` besides; its
      signature has the system's own options.
  """

  def __init__(self, grounder, calibration: Calibration):
    self.grounder = grounder
    self.calibration = calibration

    def ground(video, queries, **options):
      return self._ground(video, queries, **options)

    # So that a caller sees which options there are.
    ground.__signature__ = _with_rate(inspect.signature(grounder.ground))
    self.ground = ground

  def __getattr__(self, name: str):
    if name == 'grounder':  # not made yet, as when it is copied
      raise AttributeError(name)
    return getattr(self.grounder, name)

  def _ground(
    self,
    video,
    queries: str | Sequence[str],
    *,
    top_k: int = 1,
    absent_below: float | None = None,
    false_alarm_rate: float | None = None,
    **options,
  ) -> list[Moment | Absent]:
    """Says when each query happens.

    Args:
      video: see `Grounder.ground`, as with `queries` and `top_k`.
      queries: one sentence or several.
      top_k: most answers a query.
      absent_below: answer `Absent` where the query happens with less than
        this probability.
      false_alarm_rate: answer `Absent` so that of the queries that do not
        happen at most this share gets a moment; see `Calibration.threshold`.
      **options: the system's own.

    Raises:
      BadInput: see `Grounder.ground`; or a rate that cannot be kept.
    """
    check_absent_below(absent_below)
    others = other_scores(self.grounder, options)
    if others:
      if false_alarm_rate is not None:
        raise BadInput(
          'a false-alarm rate holds for scores as they were calibrated; leave '
          f'out {" and ".join(others)}'
        )
      own = {'top_k': top_k, 'absent_below': absent_below, **options}
      return self.grounder.ground(video, queries, **own)
    if false_alarm_rate is not None:
      self.calibration.threshold(false_alarm_rate)  # refused before the work
    rules = {'absent_below': absent_below, 'false_alarm_rate': false_alarm_rate}
    queries = [queries] if isinstance(queries, str) else list(queries)
    groups = grounded_apart(
      self.grounder, video, queries, top_k=top_k, **options
    )
    return [
      judged
      for group in groups
      for judged in self.calibration.judged(group, **rules)
    ]


def other_scores(grounder, options: Mapping[str, Any]) -> list[str]:
  """Which options of `ground` make scores that no calibration is of."""
  told = getattr(grounder, 'other_scores', None)
  return told(**options) if told else []


def grounded_apart(
  grounder, video, queries: Sequence[str], *, top_k: int, **options
) -> list[list[Moment | Absent]]:
  """The answers of `grounder.ground` to each query by itself."""
  answers = grounder.ground(video, queries, top_k=top_k, **options)
  groups = by_query(answers, len(queries), top_k=top_k)
  if groups is None:  # a query twice in a row
    groups = [
      grounder.ground(video, [query], top_k=top_k, **options)
      for query in queries
    ]
  return groups


def _with_rate(signature: inspect.Signature) -> inspect.Signature:
  rate = inspect.Parameter(
    'false_alarm_rate', inspect.Parameter.KEYWORD_ONLY, default=None
  )
  parameters = [
    one for one in signature.parameters.values() if one.name != rate.name
  ]
  last = len(parameters)
  if parameters and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD:
    last -= 1
  parameters.insert(last, rate)
  return signature.replace(parameters=parameters)
