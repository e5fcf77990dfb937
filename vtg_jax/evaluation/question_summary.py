"""From lines of a question run to accuracies."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.evaluation.rows import percent
from vtg_jax.metrics import grounded_answers
from vtg_jax.metrics import question_answering as metric
from vtg_jax.metrics.bootstrap import Bootstrap, mean_interval
from vtg_jax.metrics.grounded_answers import (
  GroundedAnswer,
  GroundedAnswerScores,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskRow:
  """Accuracy of one task.

  Attributes:
    task: its name.
    accuracy: by the paper's matcher, failed ones as wrong.
    strict: by the strict matcher.
    chance: of a guess among the candidates.
    interval: low and high of `accuracy`, resampled over videos.
    n: questions whose answer is known.
  """

  task: str
  accuracy: float
  strict: float
  chance: float
  interval: tuple[float, float]
  n: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionSummary:
  """All accuracies of one run.

  Attributes:
    rows: by task, then over all questions, then the mean over tasks where
      there are several; then by group.
    n_samples: questions.
    n_hidden: of them, those whose answer is hidden.
    n_unreadable: replies that name no candidate.
    errors: message -> how many questions.
    seconds: mean a question.
    grounded: of the questions that ask for evidence, failed ones as wrong;
      None where none does.
  """

  rows: tuple[TaskRow, ...]
  n_samples: int
  n_hidden: int
  n_unreadable: int
  errors: Mapping[str, int]
  seconds: float
  grounded: GroundedAnswerScores | None = None

  @property
  def n_failed(self) -> int:
    return sum(self.errors.values())

  def to_json(self) -> dict[str, Any]:
    document = {**dataclasses.asdict(self), 'n_failed': self.n_failed}
    if self.grounded is None:
      del document['grounded']
    return document


def summarise_questions(
  records: Sequence[Mapping[str, Any]], *, bootstrap: Bootstrap
) -> QuestionSummary:
  """Scores the lines of a run; hidden answers are left out of the rows.

  Args:
    records: lines as `run_questions` writes them.
    bootstrap: how intervals are resampled.
  """
  known = [r for r in records if r['gold'] is not None]
  tasks = list(dict.fromkeys(r['task'] for r in known))
  rows = [
    _row(task or 'all', [r for r in known if r['task'] == task], bootstrap)
    for task in tasks
  ]
  if len(tasks) > 1:
    rows.append(_row('all questions', known, bootstrap))
    rows.append(_mean_over_tasks(known, rows[:-1]))
  groups = dict.fromkeys(g for r in known for g in r.get('groups', ()))
  rows += [
    _row(group, [r for r in known if group in r.get('groups', ())], bootstrap)
    for group in groups
  ]
  seconds = [r['seconds'] for r in records if r['error'] is None]
  return QuestionSummary(
    rows=tuple(rows),
    n_samples=len(records),
    n_hidden=len(records) - len(known),
    n_unreadable=sum(
      r['letter'] is None and r['error'] is None for r in records
    ),
    errors=dict(Counter(r['error'] for r in records if r['error'] is not None)),
    seconds=float(np.mean(seconds)) if seconds else float('nan'),
    grounded=_grounded(known),
  )


def _grounded(records) -> GroundedAnswerScores | None:
  """Scores of the evidence; the first span that is told counts."""
  asked = [r for r in records if r.get('evidence')]
  if not asked:
    return None
  return grounded_answers.scores(
    GroundedAnswer(
      is_right=r['right_strict'],
      span=r['told_evidence'][0] if r['told_evidence'] else None,
      truths=r['evidence'],
    )
    for r in asked
  )


def _row(task: str, records, bootstrap: Bootstrap) -> TaskRow:
  right = np.array([[r['right']] for r in records], np.float64)
  low, high = mean_interval(right, [r['video'] for r in records], bootstrap)
  return TaskRow(
    task=task,
    accuracy=float(right.mean()),
    strict=float(np.mean([r['right_strict'] for r in records])),
    chance=float(np.mean([1 / len(r['candidates']) for r in records])),
    interval=(float(low[0]), float(high[0])),
    n=len(records),
  )


def _mean_over_tasks(records, rows: Sequence[TaskRow]) -> TaskRow:
  """Every task weighs the same, as MVBench's average does; no interval."""

  def mean(key):
    by_task = metric.accuracies((r['task'], r[key]) for r in records)
    return metric.mean_accuracy(by_task)

  nan = float('nan')
  return TaskRow(
    task='mean over tasks',
    accuracy=mean('right'),
    strict=mean('right_strict'),
    chance=float(np.mean([row.chance for row in rows])),
    interval=(nan, nan),
    n=len(records),
  )


HEAD = ('', 'accuracy', 'strict', 'chance', 'interval', 'n')


def task_cells(row: TaskRow) -> list[str]:
  """Returns a row's texts, in per cent."""
  low, high = row.interval
  return [
    row.task,
    percent(row.accuracy),
    percent(row.strict),
    percent(row.chance),
    f'{percent(low)} to {percent(high)}',
    str(row.n),
  ]


def remarks(summary: QuestionSummary) -> list[str]:
  """Returns what the table does not say, a line each."""
  lines = [
    f'{summary.n_samples} questions, {summary.n_hidden} of them with a hidden '
    f'answer; {summary.n_unreadable} replies name no candidate.'
  ]
  if summary.rows:
    lines.append(
      "Accuracy is by the paper's matcher, which takes an empty reply as "
      'right; strict asks for the letter.'
    )
  if summary.grounded is not None:
    found = summary.grounded
    iop, iou = (
      ', '.join(f'at {t:g} {percent(share)}' for t, share in at.items())
      for at in (found.iop_at, found.iou_at)
    )
    lines.append(
      f'Acc@GQA, right with an IoP of at least a half: '
      f'{percent(found.accuracy_with_evidence)} of {found.n_examples}; mIoP '
      f'{percent(found.mean_iop)} ({iop}), mIoU {percent(found.mean_iou)} '
      f'({iou}).'
    )
  return lines
