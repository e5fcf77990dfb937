"""Multiple-choice and timed answers: question texts, gold, matching.

Source: HawkEye evaluation script `tasks/test.py` (arXiv 2403.10228).
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from vtg_jax.metrics import grounding
from vtg_jax.moments.options import letter, lettered, with_options

_INTEGER = re.compile(r'\d+')
_DECIMAL = re.compile(r'\d+\.\d+')
_LEADING_LETTER = re.compile(r'\(?([a-z@])(?![a-z0-9@])')


def choice_question(question: str, candidates: Sequence[str]) -> str:
  """Returns a question with its lettered candidates, one a line.

  choice_question('Who?', ['a', 'b'])
    == 'Question: Who?\\nOptions:\\n(A) a\\n(B) b'
  """
  options = lettered(candidates)
  return with_options(f'Question: {question}', options).rstrip()


def choice_gold(candidates: Sequence[str], answer: str | None) -> str | None:
  """Returns the true answer with its letter, '(B) Sitting down'.

  The last candidate that equals the answer, full stops aside, gives the
  letter; where none does the letter is '@'. A hidden answer (None) has no
  gold.

  Deviates: the reference crashes on a hidden answer.
  """
  if answer is None:
    return None
  index = -1
  for i, candidate in enumerate(candidates):
    if candidate.replace('.', '') == answer.replace('.', ''):
      index = i
  return f'({letter(index)}) {answer}'


def choice_matches(prediction: str, gold: str) -> bool:
  """Whether a reply counts as right in the paper's numbers.

  Compares the first words, lower-cased: one must be part of the other. So an
  empty reply, '(' and ')' are right whatever the gold; `choice_matches_strict`
  refuses them.
  """
  said = prediction.lower().split(' ')[0]
  true = gold.lower().split(' ')[0]
  return said.replace('.', '') in true or true in said


def choice_matches_strict(prediction: str, gold: str) -> bool:
  """Whether a reply begins with the gold letter: '(B) ...', 'B)', 'b.'."""
  said = _LEADING_LETTER.match(prediction.strip().lower())
  true = _LEADING_LETTER.match(gold.strip().lower())
  return said is not None and true is not None and said[1] == true[1]


def accuracies(results: Iterable[tuple[str, bool]]) -> dict[str, float]:
  """Returns the share of right answers of each task, 0..1.

  Args:
    results: (task, right or not) of each example.
  """
  by_task: dict[str, list[bool]] = {}
  for task, right in results:
    by_task.setdefault(task, []).append(right)
  return {task: sum(rights) / len(rights) for task, rights in by_task.items()}


def mean_accuracy(by_task: Mapping[str, float]) -> float:
  """Returns the mean over tasks, each weighing the same (MVBench)."""
  return sum(by_task.values()) / len(by_task)


def seconds_answer_span(text: str) -> tuple[float, float] | None:
  """Reads 'From second 3.0 to second 9.5.' as (3.0, 9.5).

  Takes the first two numbers with a decimal point; None where there are fewer.
  """
  found = _DECIMAL.findall(text)[:2]
  if len(found) < 2:
    return None
  return float(found[0]), float(found[1])


def frames_answer_span(
  text: str, *, duration_s: float, num_frames: int
) -> tuple[float, float] | None:
  """Reads 'From frame 2 to frame 5.' as seconds: a frame is a slot of time.

  Frame i of n is the slot [i, i + 1) * duration_s / n. Numbers are held in
  0..n as in the reference, so an end past the video is one slot too long.

  Returns:
    (start_s, end_s), or None where there are fewer than two numbers.
  """
  found = _INTEGER.findall(text)[:2]
  if len(found) < 2:
    return None
  first, last = (min(num_frames, int(number)) for number in found)
  return (
    first / num_frames * duration_s,
    (last + 1) / num_frames * duration_s,
  )


def timed_answer_iou(
  predicted: tuple[float, float] | None, gold_text: str
) -> float | None:
  """Returns the IoU of a span read from a reply with the gold text's span.

  Args:
    predicted: what seconds_answer_span or frames_answer_span read.
    gold_text: true answer, such as 'From 4.5 to 10.2.', in seconds.

  Returns:
    IoU in 0..1, or None where either text holds no span.
  """
  gold = seconds_answer_span(gold_text)
  if predicted is None or gold is None:
    return None
  return grounding.iou(predicted, gold)
