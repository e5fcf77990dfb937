"""Whether each round of a coarse search chose the part with the moment."""

import dataclasses
from collections.abc import Iterable, Sequence

from vtg_jax.moments import coarse


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
  """One round's choice beside what was right.

  Attributes:
    round: 0 for the first.
    choice: category chosen.
    labels: category of each true span in the interval looked at.
    on_path: every earlier round of the search was right.
    probability: of the choice; None where text was parsed.
  """

  round: int
  choice: str
  labels: tuple[str, ...]
  on_path: bool
  probability: float | None = None

  @property
  def right(self) -> bool:
    """With several true spans any one's category is right."""
    return self.choice in self.labels


def decisions(
  duration_s: float,
  answers: Sequence[str],
  gold: Sequence[Sequence[float]],
  probabilities: Sequence[float | None] = (),
) -> list[Decision]:
  """Compares the rounds of one search with the true spans.

  An interval that an earlier mistake led to is labelled like any other: where
  the moment lies outside it, the label is the half next to the moment.

  Args:
    duration_s: length of the video, seconds.
    answers: categories chosen, first round first.
    gold: true spans, seconds.
    probabilities: of each choice; missing ones are None.
  """
  found, on_path = [], True
  start_s, end_s = 0.0, duration_s
  for i, choice in enumerate(answers):
    decision = Decision(
      round=i,
      choice=choice,
      labels=tuple(coarse.label_span(a, b, start_s, end_s) for a, b in gold),
      on_path=on_path,
      probability=probabilities[i] if i < len(probabilities) else None,
    )
    found.append(decision)
    on_path = on_path and decision.right
    start_s, end_s = coarse.narrow(start_s, end_s, choice)
  return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecisionScores:
  """Shares over many rounds; NaN of nothing.

  Attributes:
    accuracy: right choices of all rounds.
    accuracy_on_path: of the rounds that only right ones led to.
    throughout_recall: of the rounds at which the search should have stopped,
      those at which it did.
    narrowing_recall: of the rounds at which it should have gone on, those at
      which it did, whatever part it chose.
    n: rounds.
    n_on_path: rounds that only right ones led to.
    n_throughout: rounds at which the search should have stopped.
  """

  accuracy: float
  accuracy_on_path: float
  throughout_recall: float
  narrowing_recall: float
  n: int
  n_on_path: int
  n_throughout: int


def decision_scores(found: Iterable[Decision]) -> DecisionScores:
  """Returns the shares of right choices over the rounds of many searches."""
  found = list(found)
  on_path = [d for d in found if d.on_path]
  should_stop = [d for d in found if set(d.labels) == {'throughout'}]
  should_go_on = [d for d in found if 'throughout' not in d.labels]
  return DecisionScores(
    accuracy=_share([d.right for d in found]),
    accuracy_on_path=_share([d.right for d in on_path]),
    throughout_recall=_share([d.choice == 'throughout' for d in should_stop]),
    narrowing_recall=_share([d.choice != 'throughout' for d in should_go_on]),
    n=len(found),
    n_on_path=len(on_path),
    n_throughout=len(should_stop),
  )


def _share(values: Sequence[bool]) -> float:
  return sum(values) / len(values) if values else float('nan')
