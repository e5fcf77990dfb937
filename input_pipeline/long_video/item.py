"""A sentence about a long video: its moment, its question and its answer.

What the first token of a text stands for is the video: `<video>`.
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import overload

from vtg_jax.moments.frame_answers import NOT_PRESENT, frames_answer

VIDEO = '<video>'
# The answers of a question for yes or no.
YES, NO = 'yes', 'no'
# Where the times stand in an answer of the released files.
START, END = '<s0>', '<e0>'

# What is asked about a sentence, by name; 'as_written' asks what the file has.
QUESTIONS = {
  'frames': 'During which frames can we see {}?',
  'video': 'During which video can we see {}?',
  'yes_no': (
    'Does {} happen in the video? Write your answer either yes or no.'
  ),
}
WORDINGS = ('as_written', *QUESTIONS)

_ASKED = re.compile(r'During which (?:frames|video) can we see (.*)\?', re.S)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MomentItem:
  """A sentence of a video.

  Attributes:
    query_id: key of the sentence's features.
    video: key of the video's.
    text: what is asked as it stands in the file, without `VIDEO`.
    answer: with `START` and `END` where the times go.
    start_s: when the event starts, seconds.
    end_s: when it ends, seconds.
    duration_s: of the video, seconds; None where the file does not say.
    source: of the data set; some are sampled in a way of their own.
    negative: a window without the event is shown.
  """

  query_id: str
  video: str
  text: str
  answer: str = frames_answer(START, END)
  start_s: float = 0.0
  end_s: float = 0.0
  duration_s: float | None = None
  source: str = ''
  negative: bool = False

  def question(self, wording: str = 'as_written') -> str:
    """What is asked, the video first.

    Args:
      wording: of `WORDINGS`.

    Raises:
      ValueError: the text holds no sentence that another wording could have.
    """
    if wording == 'as_written':
      return f'{VIDEO}\n{self.text}'
    return f'{VIDEO}\n{QUESTIONS[wording].format(self.sentence)}'

  @property
  def sentence(self) -> str:
    """What is asked for, as questions name it; see `asked_sentence`.

    Raises:
      ValueError: the text holds no sentence that another wording could have.
    """
    found = _ASKED.fullmatch(self.text)
    if not found:
      raise ValueError(
        f'{self.text[:80]!r} is no question for a sentence; ask it as_written'
      )
    return found[1]

  def answered(self, start: str, end: str) -> str:
    """The answer with its times, or that the event is not there."""
    if self.negative:
      return NOT_PRESENT
    return self.answer.replace(START, start).replace(END, end)


def asked(sentence: str, wording: str = 'frames') -> str:
  """The question for a sentence.

  asked('A man opens the door. ') ==
    'During which frames can we see a man opens the door?'
  """
  return QUESTIONS[wording].format(asked_sentence(sentence))


def asked_sentence(sentence: str) -> str:
  """A sentence as questions name it: lower case, without its full stop."""
  return sentence.strip().lower().removesuffix('.')


@dataclasses.dataclass(frozen=True, kw_only=True)
class NegativeItems:
  """How many items say that the event is not there.

  Attributes:
    share: negatives for each item, 0 to 1: 1 doubles the items, less leaves
      evenly spread ones of the second half out.
    every: instead of adding any, each item with this number's multiple as its
      own number is turned into a negative; 0 turns none.
  """

  share: float = 1.0
  every: int = 0

  def __post_init__(self):
    if not 0 <= self.share <= 1:
      raise ValueError(f'share is {self.share}; it must be from 0 to 1')
    if self.every < 0 or self.every == 1:
      raise ValueError(f'every is {self.every}; it must be 0, or 2 up')


class WithNegatives(Sequence):
  """Items, and after them those of them that are asked in vain.

  item 0 .. item n-1, item 0 negative .. item n-1 negative
  """

  def __init__(self, items: Sequence[MomentItem], options: NegativeItems):
    self._items, self._options = items, options
    share = 0 if options.every else options.share
    self._n_negative = round(len(items) * share)

  def __len__(self) -> int:
    return len(self._items) + self._n_negative

  @overload
  def __getitem__(self, index: int) -> MomentItem: ...
  @overload
  def __getitem__(self, index: slice) -> list[MomentItem]: ...

  def __getitem__(self, index):
    if isinstance(index, slice):
      return [self[i] for i in range(*index.indices(len(self)))]
    if not 0 <= index < len(self):
      raise IndexError(index)
    n, every = len(self._items), self._options.every
    if index < n:
      item = self._items[index]
      negative = bool(every) and index % every == 0
    else:
      item = self._items[(index - n) * n // self._n_negative]
      negative = True
    return dataclasses.replace(item, negative=True) if negative else item
