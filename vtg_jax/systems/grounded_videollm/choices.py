"""Multiple-choice questions as Grounded-VideoLLM is asked them.

Question: Who barks?
Options:
(A) a cat
(B) a dog                               -> Answer: (B) a dog
"""

from collections.abc import Sequence

from vtg_jax.errors import BadInput
from vtg_jax.moments.options import (
  MOST_OPTIONS,
  chosen_index,
  lettered,
  with_options,
)

# What an answer begins with.
ANSWER = 'Answer: '


def choice_question(question: str, options: Sequence[str]) -> str:
  """The question with its lettered options, one a line."""
  asked = question if question.startswith('Question: ') else (
    f'Question: {question}'
  )  # fmt: skip
  return with_options(asked, lettered(options))


def choice_answers(options: Sequence[str], *, letters_only: bool) -> list[str]:
  """What may be answered, an answer for each option.

  choice_answers(['a', 'b'], letters_only=False)[1] == 'Answer: (B) b'

  Args:
    options: Without letters.
    letters_only: 'Answer: (B)', whatever the option's text.
  """
  lines = lettered('' if letters_only else option for option in options)
  return [f'{ANSWER}{line}'.rstrip() for line in lines]


def chosen_option(reply: str, options: Sequence[str]) -> int | None:
  """Which option a written answer names; None where it names none."""
  return chosen_index(without_answer(reply), options)


def without_answer(reply: str) -> str:
  """A written answer without the word that it begins with."""
  return reply.strip().removeprefix(ANSWER.strip()).strip()


def options_of_questions(
  options: Sequence[str] | Sequence[Sequence[str]] | None, n_questions: int
) -> list[list[str]]:
  """The options of each question; empty lists where there are none.

  Args:
    options: For all questions the same ones, or a list for each question.
    n_questions: How many.

  Raises:
    BadInput: there are too few, too many or empty ones.
  """
  if options is None:
    return [[] for _ in range(n_questions)]
  if isinstance(options, str):
    raise BadInput(f'options is {options!r}; give a list of at least two')
  options = list(options)
  if all(isinstance(option, str) for option in options):
    options = [options] * n_questions
  if len(options) != n_questions:
    raise BadInput(
      f'there are {n_questions} questions and options of {len(options)}; give '
      'a list of options for each question'
    )
  lists = [list(of_one) for of_one in options]
  for of_one in lists:
    if not 2 <= len(of_one) <= MOST_OPTIONS:
      raise BadInput(
        f'there are {len(of_one)} options; give 2 to {MOST_OPTIONS}'
      )
    if not all(option.strip() for option in of_one):
      raise BadInput('an option is empty; give some text')
  return lists
