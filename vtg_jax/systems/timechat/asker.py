"""The host's half of asking: batches of questions, and what is kept."""

from collections.abc import Sequence

import jax
import numpy as np

from input_pipeline.video import FrameStore
from vtg_jax.errors import BadInput
from vtg_jax.moments import relative_position
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.kept_prefixes import KeptPrefixes
from vtg_jax.systems.timechat.asking import (
  AskingPrograms,
  Known,
  Questions,
  Sampling,
)
from vtg_jax.systems.timechat.config import TimeChatConfig
from vtg_jax.systems.timechat.frames import ShownFrames, shown_frames
from vtg_jax.systems.timechat.ids import PAD_ID
from vtg_jax.systems.timechat.model import TimeChat
from vtg_jax.systems.timechat.time_grammar import (
  ListedWords,
  TimedWords,
  limit_of,
)
from vtg_jax.systems.timechat.wording import Wording, n_common
from vtg_jax.systems.writing import (
  Draws,
  Written,
  check_max_tokens,
  padded_rows,
)

# More questions than this are asked one batch after the other.
QUESTIONS_AT_ONCE = 32
# What is padded is padded to multiples of these, so that few shapes are
# compiled: questions, the message about a video, sentences about a time.
QUESTION_BUCKET, MESSAGE_BUCKET, TIME_BUCKET = 32, 128, 8
# Digits of a place whose probabilities are all asked for: a thousand places.
PLACE_DIGITS = 3


def _rounded(n: int, bucket: int) -> int:
  return -(-n // bucket) * bucket


class Asker:
  """Asks a network about videos, of which each is read once.

  Attributes:
    params: Nested dict of arrays.
    wording: Questions and answers as tokens.
    programs: The compiled programs.
    kept: What is known of the videos asked about last.
    n_read: Videos encoded so far.
  """

  def __init__(
    self,
    config: TimeChatConfig,
    params,
    wording: Wording,
    compute: Compute,
  ):
    self.wording = wording
    self.programs = AskingPrograms(TimeChat(config, compute), wording)
    self.kept = KeptPrefixes()
    self.n_read = 0
    self._config = config
    self.params = jax.device_put(params)

  def shown(self, video: FrameStore, sampling: str) -> ShownFrames:
    """Which frames of a video are shown."""
    return shown_frames(video, sampling, self._config.n_frames)

  def write(
    self,
    video: FrameStore,
    sampling: str,
    questions: Sequence[str],
    *,
    max_tokens: int,
    draws: Draws,
    words: TimedWords | ListedWords | None = None,
  ) -> list[Written]:
    """What the model writes to each question, up to its end or `max_tokens`.

    Args:
      video: Opened at the image encoder's size.
      sampling: Which frames are shown.
      questions: Without the video.
      max_tokens: Most tokens.
      draws: How tokens are chosen.
      words: Those around the numbers of an answer that is written under their
        grammar; written freely when None. What was written then begins with
        the first number.

    Raises:
      BadInput: a prompt is longer than the model was made for.
    """
    check_max_tokens(max_tokens)
    draws.check()
    shown = self.shown(video, sampling)
    lead = () if words is None else words.lead
    known, rows = self._asked(
      video, sampling, shown, questions, lead, room=max_tokens
    )
    limit = 0
    if words is not None:
      limit = limit_of(shown.duration_s, self.wording.figures)
    sampled = Sampling(
      np.int32(draws.seed),
      np.float32(draws.temperature or 1),
      np.float32(draws.top_p),
    )
    written = []
    for first in range(0, len(rows), QUESTIONS_AT_ONCE):
      some = rows[first : first + QUESTIONS_AT_ONCE]
      ids, length = padded_rows(some, QUESTION_BUCKET, PAD_ID)
      out = self.programs.write(
        self.params,
        known,
        Questions(
          ids,
          length,
          np.full(len(ids), limit, np.int32),
          np.arange(len(ids)) < len(some),
        ),
        sampled,
        max_tokens=max_tokens,
        words=words,
        n_candidates=draws.n_candidates if draws.temperature else 0,
      )
      log_probs = np.asarray(out.token_log_probs, np.float64)
      for i in range(len(some)):
        n = int(out.length[i])
        written.append(
          Written(np.asarray(out.ids)[i, :n].tolist(), log_probs[i, :n])
        )
    return written

  def places(
    self, video: FrameStore, sampling: str, questions: Sequence[str]
  ) -> list[tuple[np.ndarray, np.ndarray]]:
    """Log-probabilities of starts and of ends, for each question.

    Of a model that tells times digit by digit, to `PLACE_DIGITS` digits; ends
    are those behind the most probable start.

    Args:
      video: Opened at the image encoder's size.
      sampling: Which frames are shown.
      questions: Without the video.
    """
    words, digit_ids = (
      self.wording.span_words,
      self.wording.figures.digit_ids,
    )
    n_time = relative_position.N_DIGITS
    room = n_time + len(words.middle) + PLACE_DIGITS
    known, rows = self._asked(
      video,
      sampling,
      self.shown(video, sampling),
      questions,
      words.lead,
      room=room,
    )
    starts = self._place_scores(known, rows)
    behind = []
    for row, scores in zip(rows, starts, strict=True):
      code = int(scores.argmax()) * 10 ** (n_time - PLACE_DIGITS)
      told = [digit_ids[d] for d in relative_position.digits_of(code)]
      behind.append([*row, *told, *words.middle])
    return list(zip(starts, self._place_scores(known, behind), strict=True))

  def _place_scores(self, known: Known, rows) -> list[np.ndarray]:
    found = []
    for first in range(0, len(rows), QUESTIONS_AT_ONCE):
      some = rows[first : first + QUESTIONS_AT_ONCE]
      ids, length = padded_rows(some, QUESTION_BUCKET, PAD_ID)
      scores = self.programs.places(
        self.params, known, ids, length, n_digits=PLACE_DIGITS
      )
      found += list(np.asarray(scores)[: len(some)])
    return found

  def _asked(
    self, video, sampling, shown: ShownFrames, questions, lead, *, room: int
  ) -> tuple[Known, list[list[int]]]:
    """What is known of a video, and the rows of ids that follow it."""
    rows = [self.wording.question_ids(q, shown) for q in questions]
    shared = self.wording.shared_ids(shown)
    n_shared = min(n_common(shared, row) for row in rows)
    rows = [[*row[n_shared:], *lead] for row in rows]
    self._check_room(shown, n_shared + max(map(len, rows)) + room)
    return self._known(video, sampling, shown, shared[:n_shared]), rows

  def _check_room(self, shown: ShownFrames, n_after: int) -> None:
    """Raises BadInput where a prompt and its answer have no room."""
    n_video = self._config.video_qformer.n_tokens(len(shown.ids))
    longest = len(self.wording.before_ids) + n_video + n_after
    most = self._config.llm.max_positions
    if longest > most:
      raise BadInput(
        f'the longest prompt takes {longest} tokens with its answer, the model '
        f'has {most} positions; shorten the question or allow a shorter answer'
      )

  def _known(
    self,
    video: FrameStore,
    sampling: str,
    shown: ShownFrames,
    shared: Sequence[int],
  ) -> Known:
    """What is known of a video before any question; made once."""

    def prefill():
      tokens = self.kept.get(
        video, ('tokens', sampling), lambda: self._encode(video, shown)
      )
      ids = np.full(_rounded(len(shared), MESSAGE_BUCKET), PAD_ID, np.int32)
      ids[: len(shared)] = shared
      n_tokens = self._config.video_qformer.n_tokens(len(shown.ids))
      return self.programs.prefill(
        self.params, tokens, np.int32(n_tokens), ids, np.int32(len(shared))
      )

    return self.kept.get(video, ('known', sampling, len(shared)), prefill)

  def _encode(self, video: FrameStore, shown: ShownFrames):
    """The tokens that stand for a video, and some more where it is short."""
    self.n_read += 1
    config, n = self._config, len(shown.ids)
    frames = video.get(shown.ids)
    rows = self.wording.time_rows(shown)
    longest = max(map(len, rows))
    width = min(_rounded(longest, TIME_BUCKET), config.most_time_tokens)
    shape = (config.n_frames, width)
    time_ids = np.full(shape, self.wording.bert.pad_id, np.int32)
    time_mask = np.zeros(shape, bool)
    for i, row in enumerate(rows):
      time_ids[i, : len(row)] = row
      time_mask[i, : len(row)] = True
    # The padding of sentences is seen up to the longest, as released.
    n_words = longest if config.keeps_text else 0
    n_rows = config.qformer.n_tokens + (width if config.keeps_text else 0)
    is_row = np.arange(n_rows) < config.qformer.n_tokens + n_words
    is_frame = np.arange(config.n_frames) < n
    padding = [(0, config.n_frames - n), (0, 0), (0, 0), (0, 0)]
    return self.programs.encode(
      self.params,
      np.pad(frames, padding)[None],
      time_ids[None],
      time_mask[None],
      (is_frame[:, None] & is_row)[None],
    )
