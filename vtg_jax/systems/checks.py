"""What every system checks of what it is asked, and of what it computes."""

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.moments.options import MOST_OPTIONS

# How an answer is found: from the probabilities of what may be answered, or
# by reading what was written freely.
MODES = ('score', 'generate')
# How frames are chosen: those on display at even times, or by the indices of
# the paper's code.
SAMPLINGS = ('timestamp', 'paper')
# Embeddings of language models may have rows beyond the last token: they are
# padded to a multiple of 64 or 128, as Phi-3's are.
MOST_PADDING = 127
# No number that shapes a network is larger; tables made of it would not end.
MOST_SIZE = 2**24


def check_known(name: str, value: str, known: Sequence[str]) -> None:
  """Raises BadInput where an option's value is none of those there are."""
  if value not in known:
    raise BadInput(f'{name} {value!r} is unknown; use one of {tuple(known)}')


def check_least(options: Any, **least: int) -> None:
  """Raises BadInput where a number of some options is too low.

  Args:
    options: Has the numbers as attributes; None is no number.
    **least: Name -> the lowest that can be used.
  """
  for name, bound in least.items():
    value = getattr(options, name)
    if value is not None and value < bound:
      raise BadInput(f'{name} is {value}; use {bound} up')


def check_sizes(
  sizes: Any, *, may_be_zero: Collection[str] = (), inside: str = ''
) -> None:
  """Raises BadInput where a whole number shapes no network that could be.

  Args:
    sizes: A config dataclass; those in it are looked at, too.
    may_be_zero: Names of numbers of which there need not be one.
    inside: What goes before a name in a complaint.
  """
  for name, value in vars(sizes).items():
    if dataclasses.is_dataclass(value):
      check_sizes(value, may_be_zero=may_be_zero, inside=f'{inside}{name}.')
    least = 0 if name in may_be_zero else 1
    if type(value) is int and not least <= value <= MOST_SIZE:
      raise BadInput(
        f'{inside}{name} is {value}; use {least} up'
        + (f' to {MOST_SIZE}' if value > MOST_SIZE else '')
      )


def check_vocabulary(
  name: str, n_tokens: int, n_rows: int, *, most_padding: int = MOST_PADDING
) -> None:
  """Raises BadInput where a tokenizer and a network do not belong together.

  A file that was cut short gives other tokens without a complaint.

  Args:
    name: Of the network.
    n_tokens: Of its tokenizer.
    n_rows: Of its embedding.
    most_padding: Rows that may be without a token.
  """
  if not n_rows - most_padding <= n_tokens <= n_rows:
    raise BadInput(
      f'the tokenizer of the {name} has {n_tokens} tokens and its network '
      f'{n_rows} rows; give the whole file that it was trained with'
    )


def check_absent_below(absent_below: float | None) -> None:
  """Raises BadInput where a threshold is no probability."""
  if absent_below is not None and not 0 <= absent_below <= 1:
    raise BadInput(f'absent_below is {absent_below}; it must be a probability')


def checked_queries(
  queries: str | Sequence[str], video_slot: str, *, what: str = 'query'
) -> list[str]:
  """The queries as a list.

  Args:
    queries: One sentence or several.
    video_slot: What marks the video in the prompt.
    what: What a query is called in a complaint.

  Raises:
    BadInput: when there is none, or one cannot be asked.
  """
  queries = [queries] if isinstance(queries, str) else list(queries)
  if not queries:
    raise BadInput(f'there is no {what}; give at least one sentence')
  for query in queries:
    if not query.strip():
      raise BadInput(f'a {what} is empty; give a sentence')
    try:
      query.encode()
    except UnicodeEncodeError as error:
      raise BadInput(
        f'the {what} {query[:60]!r} is not valid UTF-8; give it as Unicode text'
      ) from error
    if video_slot in query:
      raise BadInput(
        f'the {what} holds {video_slot}, which marks the place of the video in '
        'the prompt; leave it out'
      )
  return queries


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


def checked_score(score: float) -> float:
  """The score, if the weights make sense.

  Raises:
    BadInput: when it is not a number.
  """
  if not math.isfinite(score):
    raise BadInput(
      'the network computes NaN: its weights are damaged; convert or train '
      'the checkpoint again'
    )
  return score
