"""The two ways in which a TimeChat tells times, in all of its texts.

    plain   sampled at 0.0, 1.5 seconds      24.3 - 30.4 seconds    as released
    codes   sampled at <0><0><0><0>, ...     <7><9><9><3> - ...     as Seq2Time

Which one a model learnt is part of its config, as it decides its words.
"""

import dataclasses
from collections.abc import Callable, Sequence

from vtg_jax.decode.figures import Figures
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.moments import relative_position
from vtg_jax.systems.timechat import chat, time_grammar

_IN_SECONDS = ' timestamps in seconds'


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimeWords:
  """How times stand in texts.

  Attributes:
    added_words: of the tokenizer, behind its own.
    figures: tokenizer -> how a time is written, for the grammar.
    span_answer: see `time_grammar`.
    event_answer: likewise.
    highlight_answer: likewise.
    message: (times, duration), seconds -> the sentence about the frames.
    in_seconds: (text, duration) -> the text in seconds.
    asked: a question in seconds -> as it is asked.
    is_relative: times are told as parts of the whole, digit by digit.
  """

  added_words: tuple[str, ...]
  figures: Callable[[SentencePieceTokenizer], Figures]
  span_answer: str
  event_answer: str
  highlight_answer: str
  message: Callable[[Sequence[float], float], str]
  in_seconds: Callable[[str, float], str]
  asked: Callable[[str], str]
  is_relative: bool


PLAIN = TimeWords(
  added_words=(chat.PLACEHOLDER,),
  figures=time_grammar.plain_figures,
  span_answer=time_grammar.SPAN_ANSWER,
  event_answer=time_grammar.EVENT_ANSWER,
  highlight_answer=time_grammar.HIGHLIGHT_ANSWER,
  message=lambda times_s, duration_s: chat.frames_message(times_s),
  in_seconds=lambda text, duration_s: text,
  asked=lambda question: question,
  is_relative=False,
)
CODES = TimeWords(
  added_words=(chat.PLACEHOLDER, *relative_position.TOKENS),
  figures=time_grammar.code_figures,
  span_answer=time_grammar.CODED_SPAN_ANSWER,
  event_answer=time_grammar.CODED_EVENT_ANSWER,
  highlight_answer=time_grammar.CODED_HIGHLIGHT_ANSWER,
  message=chat.coded_message,
  in_seconds=relative_position.in_seconds,
  asked=lambda question: question.replace(
    _IN_SECONDS, _IN_SECONDS.removesuffix(' in seconds')
  ),
  is_relative=True,
)
# By the config's `places`.
TIME_WORDS = {'plain': PLAIN, 'codes': CODES}
