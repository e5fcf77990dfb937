"""Multiple-choice questions as Grounded-VideoLLM is asked them.

Question: Who barks?
Options:
(A) a cat
(B) a dog                               -> Answer: (B) a dog
"""

from collections.abc import Sequence

from vtg_jax.moments.options import (
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
