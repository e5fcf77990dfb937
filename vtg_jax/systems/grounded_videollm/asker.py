"""The host's half of asking: batches of questions, and what is kept."""

from collections.abc import Iterator, Sequence

import jax
import numpy as np

from input_pipeline.video import FrameStore
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm.asking import (
  AskingPrograms,
  Questions,
  Sampling,
)
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.frames import shown_frames
from vtg_jax.systems.grounded_videollm.model import GroundedVideoLlm
from vtg_jax.systems.grounded_videollm.wording import Wording
from vtg_jax.systems.kept_prefixes import KeptPrefixes
from vtg_jax.systems.writing import (
  Draws,
  Written,
  check_max_tokens,
  padded_rows,
)

# More questions than this are asked one batch after the other.
QUESTIONS_AT_ONCE = 32
# Questions are padded to a multiple of this, so that those of about the same
# length share a compilation; so are options.
TOKEN_BUCKET, OPTION_BUCKET = 32, 8

# Tokens of a question after the video, and maybe of the answer's beginning.
Row = list[int]


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
    config: GroundedVideoLlmConfig,
    params,
    wording: Wording,
    compute: Compute,
  ):
    self.wording = wording
    self.programs = AskingPrograms(GroundedVideoLlm(config, compute), wording)
    self.kept = KeptPrefixes()
    self.n_read = 0
    self._config = config
    self.params = jax.device_put(params)

  def spans(
    self,
    video: FrameStore,
    sampling: str,
    rows: Sequence[Row],
    middle: Sequence[int],
  ) -> list[tuple[np.ndarray, np.ndarray]]:
    """Log-probabilities of starts and of ends, for each row.

    Args:
      video: Opened at the video encoder's size.
      sampling: Which frames are shown.
      rows: They end right before a start.
      middle: Tokens between a start and an end.
    """
    between = np.array(middle, np.int32)
    found = {}
    for places, questions, kv in self._batches(
      video, sampling, rows, 1 + len(between)
    ):
      out = self.programs.spans(self.params, kv, questions, between)
      boundaries = zip(places, *map(np.asarray, out), strict=False)
      found |= {place: (start, end) for place, start, end in boundaries}
    return [found[i] for i in range(len(rows))]

  def write(
    self,
    video: FrameStore,
    sampling: str,
    rows: Sequence[Row],
    *,
    max_tokens: int,
    draws: Draws,
    spans: bool = False,
  ) -> list[Written]:
    """What the model writes after each row, up to its end or `max_tokens`.

    Args:
      video: Opened at the video encoder's size.
      sampling: Which frames are shown.
      rows: They end right before a start where `spans` is set.
      max_tokens: Most tokens.
      draws: How tokens are chosen.
      spans: Times are written as the grammar of spans allows.
    """
    check_max_tokens(max_tokens)
    draws.check()
    sampled = Sampling(np.int32(draws.seed), np.float32(draws.temperature or 1))
    found = {}
    for places, questions, kv in self._batches(
      video, sampling, rows, max_tokens
    ):
      out = self.programs.write(
        self.params,
        kv,
        questions,
        np.arange(len(questions.ids)) < len(places),
        sampled,
        max_tokens=max_tokens,
        spans=spans,
        n_candidates=draws.n_candidates if draws.temperature else 0,
      )
      ids, length = np.asarray(out.ids), np.asarray(out.length)
      log_probs = np.asarray(out.token_log_probs, np.float64)
      for i, place in enumerate(places):
        n = int(length[i])
        found[place] = Written(ids[i, :n].tolist(), log_probs[i, :n])
    return [found[i] for i in range(len(rows))]

  def choose(
    self,
    video: FrameStore,
    sampling: str,
    rows: Sequence[Row],
    options: Sequence[Sequence[Row]],
  ) -> list[np.ndarray]:
    """Log-probability of each row's options, the sums over their tokens."""
    longest = max(len(ids) for texts in options for ids in texts)
    width = -(-longest // OPTION_BUCKET) * OPTION_BUCKET
    n_options = max(map(len, options))
    found = {}
    for places, questions, kv in self._batches(video, sampling, rows, width):
      shape = (len(questions.ids), n_options)
      ids, length = (
        np.zeros((*shape, width), np.int32),
        np.ones(shape, np.int32),
      )
      for i, place in enumerate(places):
        for j, text in enumerate(options[place]):
          ids[i, j, : len(text)], length[i, j] = text, len(text)
      out = self.programs.choose(self.params, kv, questions, ids, length)
      for place, scores in zip(places, np.asarray(out), strict=False):
        found[place] = scores[: len(options[place])].astype(np.float64)
    return [found[i] for i in range(len(rows))]

  def _batches(
    self, video: FrameStore, sampling: str, rows: Sequence[Row], room: int
  ) -> Iterator[tuple[list[int], Questions, object]]:
    """Questions of about the same length, with what is known of the video.

    Args:
      video: Opened at the video encoder's size.
      sampling: Which frames are shown.
      rows: At least one.
      room: Tokens that may follow each row.

    Yields:
      Which of `rows` they are, the questions, and keys and values of all that
      comes before them.
    """
    llm = self._config.llm
    n_prefix = len(self.wording.before_ids) + self._config.n_video
    longest = n_prefix + max(map(len, rows)) + room
    if longest > llm.max_positions:
      raise BadInput(
        f'the longest prompt takes {longest} tokens with its answer, the model '
        f'has {llm.max_positions} positions; shorten the question or allow a '
        'shorter answer'
      )

    def turned_long(row):
      """Whether LongRoPE turns the whole prompt by its long factors."""
      if llm.long_rope is None:
        return False
      return n_prefix + len(row) > llm.long_rope.original_positions

    by_length = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for long in (False, True):
      places = [i for i in by_length if turned_long(rows[i]) == long]
      for first in range(0, len(places), QUESTIONS_AT_ONCE):
        some = places[first : first + QUESTIONS_AT_ONCE]
        ids, length = padded_rows(
          [rows[i] for i in some], TOKEN_BUCKET, self.wording.padding_id
        )
        total = np.int32(n_prefix + length.max())
        kv = self._prefix(video, sampling, total, long=long)
        yield some, Questions(ids, length, total), kv

  def read(self, videos: Sequence[FrameStore], sampling: str) -> None:
    """Reads several videos together, for what will be asked about each.

    Args:
      videos: Opened at the video encoder's size; those that are kept are not
        read again.
      sampling: Which frames are shown.
    """
    total = np.int32(len(self.wording.before_ids) + self._config.n_video)
    rope = self._config.llm.long_rope
    long = rope is not None and bool(total > rope.original_positions)
    purpose = ('prefix', sampling, long)
    videos = [v for v in videos if not self.kept.holds(v, purpose)]
    if not videos:
      return
    rows = self._encode(videos, sampling)
    kv = self.programs.prefill(self.params, rows, total)
    for b, video in enumerate(videos):
      self.kept.get(video, ('rows', sampling), lambda b=b: rows[b : b + 1])
      self.kept.get(
        video, purpose, lambda b=b: jax.tree.map(lambda x: x[:, b : b + 1], kv)
      )

  def _encode(self, videos: Sequence[FrameStore], sampling: str):
    """The rows that stand for each video."""
    shown = [shown_frames(video, sampling, self._config) for video in videos]
    self.n_read += len(videos)
    return self.programs.encode(
      self.params,
      np.stack([one.keyframes for one in shown]),
      np.stack([one.frames for one in shown]),
    )

  def _prefix(self, video, sampling, sequence_length, *, long):
    """Keys and values of all that comes before a question; made once."""

    def prefill():
      rows = self.kept.get(
        video, ('rows', sampling), lambda: self._encode([video], sampling)
      )
      return self.programs.prefill(self.params, rows, sequence_length)

    return self.kept.get(video, ('prefix', sampling, long), prefill)
