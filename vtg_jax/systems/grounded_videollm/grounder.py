"""Grounded-VideoLLM as a user meets it: a video and sentences in, times out."""

import os
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from input_pipeline.video import FrameStore, Resize, open_video
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.coarse import fill_template
from vtg_jax.moments.moment import Absent, Moment
from vtg_jax.moments.temporal_tokens import time_tokens, write_asked_tokens
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.checks import (
  MODES,
  SAMPLINGS,
  check_absent_below,
  check_known,
  checked_queries,
)
from vtg_jax.systems.grounded_videollm import prompt
from vtg_jax.systems.grounded_videollm.asking import (
  AskingPrograms,
  Questions,
  Sampling,
)
from vtg_jax.systems.grounded_videollm.config import (
  SYSTEM,
  GroundedVideoLlmConfig,
)
from vtg_jax.systems.grounded_videollm.frames import shown_frames, time_scale_s
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  param_shapes,
)
from vtg_jax.systems.grounded_videollm.prefixes import KeptPrefixes
from vtg_jax.systems.grounded_videollm.release import TOKENIZER
from vtg_jax.systems.grounded_videollm.spans import (
  TimeScale,
  or_absent,
  scored_moments,
  written_moments,
)
from vtg_jax.systems.grounded_videollm.wording import (
  Wording,
  checked_question,
  padded_rows,
)

# More questions than this are asked one batch after the other.
QUESTIONS_AT_ONCE = 32
# Questions are padded to a multiple of this, so that those of about the same
# length share a compilation.
TOKEN_BUCKET = 32
# Most tokens of a freely written answer that tells a span.
SPAN_TOKENS = 32
MOST_ANSWERS = 64


class GroundedVideoLlmGrounder:
  """Finds moments by the words of time in a language model.

  A video is encoded, and read by the language model, once; what is known of
  it then is kept for further questions while there is room.

  Attributes:
    system: Name of the system.
    config: Sizes of the network.
    notice: One line the user must read with every answer; empty if none.
    wording: Questions and answers as tokens.
    programs: The compiled programs.
    kept: What is known of the videos asked about last.
  """

  system = SYSTEM

  def __init__(
    self,
    config: GroundedVideoLlmConfig,
    params,
    tokenizer: JsonTokenizer,
    *,
    compute: Compute | None = None,
    notice: str = '',
  ):
    """Makes a grounder of parameters in memory.

    Args:
      config: Sizes.
      params: Nested dict of arrays.
      tokenizer: Of the language model, with the time tokens.
      compute: Numerics; float32 when None.
      notice: See the attribute.

    Raises:
      BadInput: when the tokenizer does not fit the network.
    """
    self.config = config
    self.notice = notice
    self.wording = Wording(config, tokenizer)
    network = GroundedVideoLlm(config, compute or Compute())
    self.programs = AskingPrograms(network, self.wording)
    self.kept = KeptPrefixes()
    self._params = jax.tree.map(jnp.asarray, params)

  def open_video(
    self,
    path: str | os.PathLike,
    *,
    resize: str = 'pil',
    on_progress: Callable[[int, int], None] | None = None,
  ) -> FrameStore:
    """Opens a video for any number of questions.

    Args:
      path: Video file or folder of frames.
      resize: 'pil' for exactly what the checkpoint expects, 'swscale' for
        the fast one.
      on_progress: Called with (frames read, frames to read), once for each of
        the two sizes.

    Raises:
      BadInput: when it cannot be read.
    """
    size = Resize(size=self.config.video_encoder.image_size, method=resize)
    return open_video(path, resize=size, on_progress=on_progress)

  def ground(
    self,
    video: str | os.PathLike | FrameStore,
    queries: str | Sequence[str],
    *,
    top_k: int = 1,
    absent_below: float | None = None,
    sampling: str = 'timestamp',
    mode: str = 'score',
    template: str = prompt.GROUNDING,
    temperature: float = 0.0,
    n_candidates: int = 50,
    seed: int = 0,
  ) -> list[Moment | Absent]:
    """Says when each query happens.

    Args:
      video: Path, or what `open_video` returned.
      queries: One sentence or several; together they cost less.
      top_k: Most answers per query.
      absent_below: Answer `Absent` when the best score is lower. The score is
        not calibrated. Off when None.
      sampling: 'timestamp' shows the frames on display at evenly spaced
        times; 'paper' uses the paper's index arithmetic and its duration.
      mode: 'score' has the model say 'From <s> to <e>.', the times chosen
        from their probabilities; 'generate' parses freely written text, as
        the paper does, and answers `Absent` where it tells no span.
      template: Question with one %s for the sentence.
      temperature: Of the draws in mode 'generate'; 0 takes the most probable
        token. The paper draws at 0.2.
      n_candidates: Most probable tokens that are drawn from.
      seed: Of the draws.

    Returns:
      Answers grouped by query, in the order asked, best first.

    Raises:
      BadInput: for an unreadable video, an empty or overlong query, or an
        option out of range.
    """
    check_known('mode', mode, MODES)
    check_absent_below(absent_below)
    if not 1 <= top_k <= MOST_ANSWERS:
      raise BadInput(f'top_k is {top_k}; it must be from 1 to {MOST_ANSWERS}')
    draws = _draws(temperature, n_candidates, seed)
    queries = checked_queries(queries, prompt.VIDEO)
    video, scale = self._opened(video, sampling)
    asked = [fill_template(template, query) for query in queries]
    rows = [self._question_ids(text, scale, when=True) for text in asked]
    if mode == 'score':
      found = self._scored(video, sampling, queries, rows, scale, top_k)
    else:
      texts, log_probs = self._written(
        video, sampling, rows, max_tokens=SPAN_TOKENS, draws=draws
      )
      found = [
        written_moments(query, text, log_prob, scale, top_k=top_k)
        for query, text, log_prob in zip(queries, texts, log_probs, strict=True)
      ]
    return [
      answer
      for query, moments in zip(queries, found, strict=True)
      for answer in or_absent(query, moments, absent_below)
    ]

  def _opened(self, video, sampling) -> tuple[FrameStore, TimeScale]:
    check_known('sampling', sampling, SAMPLINGS)
    if not isinstance(video, FrameStore):
      video = self.open_video(video)
    size = self.config.video_encoder.image_size
    if video.resize is None or video.resize.size != size:
      raise BadInput(
        f'{video.path} was opened with {video.resize}, this model sees frames '
        f'of {size} pixels; open it with open_video of this grounder'
      )
    duration_s = time_scale_s(video, sampling)
    return video, TimeScale(duration_s, self.config.n_intervals)

  def _question_ids(self, question, scale, *, when) -> list[int]:
    question = write_asked_tokens(
      checked_question(question), scale.duration_s, scale.n_intervals
    )
    return self.wording.question_ids(question, when=when)

  def _scored(self, video, sampling, queries, rows, scale, top_k):
    """The moments of each query by the scores of their times."""
    words = self.wording.span_words()
    middle = jnp.asarray(words.middle, jnp.int32)
    rows = [[*row, *words.lead] for row in rows]
    found = [[]] * len(rows)
    for places, questions, kv in self._batches(
      video, sampling, rows, 1 + len(middle)
    ):
      out = self.programs.spans(self._params, kv, questions, middle)
      start, end = np.asarray(out.start), np.asarray(out.end)
      for i, place in enumerate(places):
        found[place] = scored_moments(
          queries[place], start[i], end[i], scale, top_k=top_k
        )
    return found

  def _written(self, video, sampling, rows, *, max_tokens, draws):
    """What is written freely after each question, and its log-probability."""
    sampled, n_candidates = draws
    texts, log_probs = [''] * len(rows), [0.0] * len(rows)
    for places, questions, kv in self._batches(
      video, sampling, rows, max_tokens
    ):
      active = np.arange(len(questions.ids)) < len(places)
      out = self.programs.write(
        self._params,
        kv,
        questions,
        active,
        sampled,
        max_tokens=max_tokens,
        spans=False,
        n_candidates=n_candidates,
      )
      out = jax.tree.map(np.asarray, out)
      for i, place in enumerate(places):
        ids = out.ids[i, : out.length[i]].tolist()
        texts[place] = self.wording.tokenizer.decode(ids).strip()
        log_probs[place] = float(out.log_prob[i])
    return texts, log_probs

  def _batches(
    self, video: FrameStore, sampling: str, rows: list[list[int]], room: int
  ) -> Iterator[tuple[list[int], Questions, object]]:
    """Questions of about the same length, with what is known of the video.

    Yields:
      Which of `rows` they are, the questions, and keys and values of all that
      comes before them.
    """
    llm = self.config.llm
    n_prefix = len(self.wording.before_ids) + self.config.n_video

    def turned_long(row):
      """Whether LongRoPE turns the whole prompt by its long factors."""
      if llm.long_rope is None:
        return False
      return n_prefix + len(row) > llm.long_rope.original_positions

    longest = n_prefix + max(map(len, rows)) + room
    if longest > llm.max_positions:
      raise BadInput(
        f'the longest prompt takes {longest} tokens with its answer, the model '
        f'has {llm.max_positions} positions; shorten the question'
      )
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

  def _prefix(self, video, sampling, sequence_length, *, long):
    """Keys and values of all that comes before a question; made once."""

    def encode():
      shown = shown_frames(video, sampling, self.config)
      return self.programs.encode(
        self._params, shown.keyframes[None], shown.frames[None]
      )

    def prefill():
      rows = self.kept.get(video, ('rows', sampling), encode)
      return self.programs.prefill(self._params, rows, sequence_length)

    return self.kept.get(video, ('prefix', sampling, long), prefill)


def _draws(temperature, n_candidates, seed) -> tuple[Sampling, int]:
  """How tokens are drawn, and from how many; 0 for greedily."""
  if not 0 <= temperature <= 100:
    raise BadInput(f'temperature is {temperature}; it must be from 0 to 100')
  if n_candidates < 1:
    raise BadInput(f'n_candidates is {n_candidates}; it must be at least 1')
  if not 0 <= seed < 2**31:
    raise BadInput(f'seed is {seed}; it must be from 0 to {2**31 - 1}')
  drawn = Sampling(np.int32(seed), np.float32(temperature or 1))
  return drawn, n_candidates if temperature else 0


def load(
  folder: str | os.PathLike, *, dtype: str | None = None, attention='auto'
) -> GroundedVideoLlmGrounder:
  """Loads a checkpoint folder of ours.

  Args:
    folder: Made by `vtg convert` or by training.
    dtype: Of parameters and activations; float32 on CPU and bfloat16
      elsewhere when None.
    attention: See `Compute.attention`.

  Raises:
    BadInput: when the folder is no such checkpoint, or is damaged.
  """
  description = checkpoint.read_config(folder)
  config = GroundedVideoLlmConfig.from_dict(description.get('model'))
  if dtype is None:
    dtype = 'float32' if jax.default_backend() == 'cpu' else 'bfloat16'
  compute = Compute(dtype=dtype, attention=attention)
  params = checkpoint.load_params(
    folder, dtype=compute.jnp_dtype, expected=flatten(param_shapes(config))
  )
  tokenizer = JsonTokenizer(
    checkpoint.tokenizer_file(folder, TOKENIZER),
    time_tokens(config.n_intervals),
  )
  return GroundedVideoLlmGrounder(
    config,
    params,
    tokenizer,
    compute=compute,
    notice=description.get('notice', ''),
  )
