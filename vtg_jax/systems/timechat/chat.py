"""TimeChat's texts: frames and their times, and the chat around a video.

    [INST] <<SYS>>
    You are able to understand ...
    <</SYS>>

    <Video><ImageHere></Video> The video contains 3 frames sampled at 0.0, 1.5,
    3.0 seconds.  When does he sit down? [/INST] The given query happens in ...

Released texts differ between training and evaluation: in the system's words,
in the blanks before the first question, and in how often the placeholder
stands, which is a token a video token in training and one in evaluation.

Source: TimeChat conversation/conversation_video_batch.py and
  datasets/video_instruct_dataset.py; LLaMA-2's chat.
"""

import dataclasses
import re
from collections.abc import Sequence

from input_pipeline import frame_choice
from input_pipeline.sequences.lesson import FRAMES, IMAGES, Scale
from input_pipeline.sequences.wording import in_codes, shown_message
from vtg_jax.errors import BadInput
from vtg_jax.moments import relative_position
from vtg_jax.systems.timechat.time_formats import (
  QFORMER_TIME_FORMATS,
  RELATIVE_TEXT,
  RELATIVE_TOKENS,
  SECONDS,
)

PLACEHOLDER = '<ImageHere>'
OPEN, CLOSE = '<Video>', '</Video>'
START, END = '<s>', '</s>'
ASKED, ANSWERED = '[INST] ', ' [/INST]'
# What a text of a data set may not hold: rows are cut there.
MARKS = (PLACEHOLDER, START, END, ANSWERED.strip())
EVAL_SYSTEM = (
  'You are able to understand the visual content that the user provides. '
  'Follow the instructions carefully and explain your answers in detail.'
)
TRAINING_SYSTEM = ' '

# Writes places as digit tokens.
WRITE_CODES = in_codes(relative_position.written)

_MESSAGE_TIMES = re.compile(r'sampled at (.*) seconds')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spacing:
  """What released evaluation does otherwise than released training.

  Attributes:
    system: the system's words.
    before_question: blanks after the message, which ends with one itself.
  """

  system: str
  before_question: str


EVALUATION = Spacing(system=EVAL_SYSTEM, before_question=' ')
TRAINING = Spacing(system=TRAINING_SYSTEM, before_question='')


# Frames and their times.


def frames_message(times_s: Sequence[float], *, scaled: bool = False) -> str:
  """The sentence about the frames, in seconds, with the blank at its end.

  Args:
    times_s: of the frames.
    scaled: see `frame_choice.message_seconds`.
  """
  return frame_choice.frames_message(times_s, scaled=scaled) + ' '


def coded_message(
  places: Sequence[float], length: float, *, images: bool = False
) -> str:
  """The sentence about the frames or images, in codes, and a blank.

  coded_message([7], 96, images=True)
    == 'The image sequence contains 1 images indexed at <0><7><2><9>. '

  Args:
    places: of the frames in seconds, or numbers of images from 1 on.
    length: seconds of the video, or how many images there are.
    images: whether they are images.
  """
  scale = Scale(IMAGES if images else FRAMES, length)
  return f'{shown_message(scale, places, WRITE_CODES)} '


def qformer_sentences(
  times_s: Sequence[float],
  *,
  time_format: str = SECONDS,
  duration_s: float | None = None,
) -> list[str]:
  """The sentence that goes with each frame into the image Q-Former.

  'This frame is sampled at 12.3 second.'       seconds
  'This frame is sampled at 0.0729.'            relative_text
  'This frame is sampled at <0><7><2><9>.'      relative_tokens

  Args:
    times_s: of the frames; numbers of images count as well.
    time_format: one of QFORMER_TIME_FORMATS.
    duration_s: of the video, or how many images there are; only seconds need
      none.

  Raises:
    BadInput: another format, or no duration where one is needed.
  """
  if time_format not in QFORMER_TIME_FORMATS:
    raise BadInput(
      f'qformer_time_format is {time_format!r}; use one of '
      f'{", ".join(QFORMER_TIME_FORMATS)}'
    )
  if time_format == SECONDS:
    told = frame_choice.message_seconds(times_s)
    return [qformer_sentence(one) for one in told]
  if duration_s is None:
    raise BadInput(f'{time_format!r} needs the duration of the video; give it')
  write = _FORMS[time_format]
  return [
    f'This frame is sampled at {write(time_s, duration_s)}.'
    for time_s in times_s
  ]


def qformer_sentence(seconds: str) -> str:
  """The released sentence of a time that is written already."""
  return f'This frame is sampled at {seconds} second.'


def told_times(message: str) -> list[str]:
  """The times that a message of seconds tells, as they are written.

  The release reads them back from there; '' tells none.
  """
  told = _MESSAGE_TIMES.search(message)
  return told[1].split(', ') if told else []


# The chat.


def conversation(
  turns: Sequence[tuple[str, str | None]], *, system: str = TRAINING_SYSTEM
) -> str:
  """The text of questions and answers.

  Args:
    turns: an answer of None, of the last turn, is the model's to give.
    system: the system's words.

  Raises:
    ValueError: an answer is open before the last one.
  """
  parts = []
  for i, (question, answer) in enumerate(turns):
    told = f'<<SYS>>\n{system}\n<</SYS>>\n\n{question}' if not i else question
    parts.append(f'{START if i else ""}{ASKED}{told}{ANSWERED}')
    if answer is None:
      if i + 1 < len(turns):
        raise ValueError(f'turn {i} has no answer; only the last may have none')
    else:
      parts.append(f' {answer} {END}')
  return ''.join(parts)


def video_question(
  question: str,
  message: str,
  *,
  n_placeholders: int = 1,
  before_question: str = '',
) -> str:
  """The first question of a chat: the video, its frames' times, the question.

  Args:
    question: without the video.
    message: see `frames_message` and `coded_message`.
    n_placeholders: tokens of the video; one in evaluation.
    before_question: see `Spacing`.
  """
  video = f'{OPEN}{PLACEHOLDER * n_placeholders}{CLOSE}'
  return f'{video} {message}{before_question}{question}'


def asked(question: str, message: str, *, spacing: Spacing = EVALUATION) -> str:
  """The prompt of one question, up to its answer, with one placeholder."""
  told = video_question(
    question, message, before_question=spacing.before_question
  )
  return conversation([(told, None)], system=spacing.system)


def learnt_text(
  turns: Sequence[tuple[str, str]],
  message: str,
  *,
  n_placeholders: int,
  spacing: Spacing = TRAINING,
) -> str:
  """A conversation to learn from, with a placeholder a video token.

  Args:
    turns: questions and answers.
    message: of the frames.
    n_placeholders: tokens of the video.
    spacing: of the release, or the evaluation's for equal texts in both.
  """
  (question, answer), *more = turns
  first = video_question(
    question,
    message,
    n_placeholders=n_placeholders,
    before_question=spacing.before_question,
  )
  return conversation([(first, answer), *more], system=spacing.system)


def _share(place: float, length: float) -> str:
  code = relative_position.code_of(place, length)
  return f'0.{code:0{relative_position.N_DIGITS}d}'


_FORMS = {RELATIVE_TEXT: _share, RELATIVE_TOKENS: relative_position.written}
