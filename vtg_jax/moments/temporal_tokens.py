"""Grounded-VideoLLM's time language: a video's time as tokens <0> ... <M>.

    0 s                               duration
    |------|------|-- ... --|------|------|
    <0>   <1>    <2>             <M-1>   <M>

A moment is said as 'From <s> to <e>.'. Seconds become tokens in the texts that
a model learns from and in the questions it is asked; tokens become seconds in
its answers. The three places round differently, as the reference does:

    learning   <12.5>       -> <int(M * t / duration)>, at most <M>
    asking     12 seconds   -> <int(t / duration * M)>
    answering  <47>         -> 14.21 seconds, duration * m / M

All arithmetic is float64 in the reference's order of operations.

Deviates: the paper rounds to the nearest token; its code cuts off, and so do
we. Negative times, and asked times beyond the end, are moved onto the scale
unless `clamp` is False: the reference makes words of them that are no tokens.

Source: Grounded-VideoLLM (arXiv 2410.03290) section 3.3 and its datasets.
"""

import re

# What stands before a question whose answer tells times.
GROUNDING_MARKER = '<timestamp_grounding>'

_SECONDS_IN_BRACKETS = re.compile(r'<(-?\d+(?:\.\d+)?)>')
_TOKEN = re.compile(r'<(\d+)>')
_ASKED_SECONDS = re.compile(r'(\d+(?:\.\d+)?) seconds')
_ASKED_WHOLE_SECONDS = re.compile(r'(\d+) seconds')
_SPAN = re.compile(r'<(\d+)>\s*(?:to|and|-)\s*<(\d+)>', re.IGNORECASE)


def time_tokens(n_intervals: int) -> tuple[str, ...]:
  """The words of the scale, '<0>' to '<M>', then the marker of a question.

  They are added to a tokenizer in this order.
  """
  scale = tuple(f'<{m}>' for m in range(n_intervals + 1))
  return (*scale, GROUNDING_MARKER)


def token_of_seconds(
  time_s: float, duration_s: float, n_intervals: int, *, clamp: bool = True
) -> int:
  """The token of a time, as the texts that are learnt have it.

  Args:
    time_s: Seconds.
    duration_s: Length of the video as the reader finds it; above 0.
    n_intervals: M.
    clamp: Moves negative times to 0; False leaves them, as the reference.
  """
  token = min(int(n_intervals * time_s / duration_s), n_intervals)
  return max(token, 0) if clamp else token


def seconds_of_token(
  token: float, duration_s: float, n_intervals: int
) -> float:
  """The time that a token stands for, seconds.

  Args:
    token: 0 to `n_intervals`; need not be whole.
    duration_s: Length of the video.
    n_intervals: M.
  """
  return duration_s * token / n_intervals


def write_tokens(
  text: str, duration_s: float, n_intervals: int, *, clamp: bool = True
) -> str:
  """A text to learn from, with tokens for the seconds in angle brackets.

  write_tokens('From <5.25> to <30.0>.', 60.0, 300) == 'From <26> to <150>.'

  Args:
    text: Question, answer and template in one.
    duration_s: See `token_of_seconds`.
    n_intervals: M.
    clamp: See `token_of_seconds`.
  """

  def token(match: re.Match) -> str:
    time_s = float(match[1])
    return f'<{token_of_seconds(time_s, duration_s, n_intervals, clamp=clamp)}>'

  return _SECONDS_IN_BRACKETS.sub(token, text)


def write_asked_tokens(
  question: str, duration_s: float, n_intervals: int, *, clamp: bool = True
) -> str:
  """A question with tokens for its '12 seconds'; the word goes, too.

  write_asked_tokens('from 70 seconds on?', 226.4, 300) == 'from <92> on?'

  Args:
    question: In a user's words.
    duration_s: See `token_of_seconds`.
    n_intervals: M.
    clamp: Takes '12.5 seconds', too, and times beyond the end as the end;
      False does neither, as the reference.
  """

  def token(match: re.Match) -> str:
    m = int(float(match[1]) / duration_s * n_intervals)
    return f'<{min(m, n_intervals) if clamp else m}>'

  pattern = _ASKED_SECONDS if clamp else _ASKED_WHOLE_SECONDS
  return pattern.sub(token, question)


def write_seconds(
  answer: str,
  duration_s: float,
  n_intervals: int,
  *,
  form: str = '{:.2f} seconds',
) -> str:
  """An answer with seconds for its tokens.

  Args:
    answer: As the tokenizer decodes it.
    duration_s: Length of the video.
    n_intervals: M.
    form: How a time is written. Tokenizers that swallow the space before a
      token want one at the front.
  """

  def seconds(match: re.Match) -> str:
    return form.format(seconds_of_token(int(match[1]), duration_s, n_intervals))

  return _TOKEN.sub(seconds, answer)


def parse_spans(
  answer: str, duration_s: float, n_intervals: int
) -> list[tuple[float, float]]:
  """The spans that an answer tells, in its order.

  Args:
    answer: Such as 'From <47> to <83>.', with or without the spaces.
    duration_s: Length of the video.
    n_intervals: M.

  Returns:
    Start and end in seconds. What ends before it starts, or lies beyond the
    scale, is left out.
  """

  def second(token: str) -> float:
    return seconds_of_token(int(token), duration_s, n_intervals)

  return [
    (second(start), second(end))
    for start, end in _SPAN.findall(answer)
    if int(start) <= int(end) <= n_intervals
  ]
