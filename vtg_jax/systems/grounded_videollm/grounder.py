"""Grounded-VideoLLM as a user meets it: a video and sentences in, times out."""

import os
from collections.abc import Sequence

from input_pipeline.video import FrameStore
from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.answer import Answer, Caption
from vtg_jax.moments.coarse import fill_template
from vtg_jax.moments.moment import Absent, Moment, or_absent
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.checks import (
  MODES,
  SAMPLINGS,
  check_absent_below,
  check_known,
  checked_queries,
)
from vtg_jax.systems.grounded_videollm import prompt as prompts
from vtg_jax.systems.grounded_videollm.asker import Asker
from vtg_jax.systems.grounded_videollm.benchmarks import BENCHMARK_OPTIONS
from vtg_jax.systems.grounded_videollm.config import (
  SYSTEM,
  GroundedVideoLlmConfig,
)
from vtg_jax.systems.grounded_videollm.frame_numbers import time_scale_s
from vtg_jax.systems.grounded_videollm.frames import announce_frames
from vtg_jax.systems.grounded_videollm.model import param_shapes
from vtg_jax.systems.grounded_videollm.question_answering import (
  answer_questions,
)
from vtg_jax.systems.grounded_videollm.release import TOKENIZER
from vtg_jax.systems.grounded_videollm.spans import (
  TimeScale,
  checked_spans,
  scored_moments,
  written_moments,
)
from vtg_jax.systems.grounded_videollm.telling import (
  describe_spans,
  tell_events,
)
from vtg_jax.systems.grounded_videollm.wording import Wording, asked_text
from vtg_jax.systems.loading import OpensVideos, load_network
from vtg_jax.systems.writing import Draws

# Most tokens of a freely written answer that tells a span.
SPAN_TOKENS = 32
MOST_ANSWERS = 64


class GroundedVideoLlmGrounder(OpensVideos):
  """Finds moments by the words of time in a language model.

  A video is read once; what is known of it is kept while there is room.

  Attributes:
    system: Name of the system.
    benchmark_options: How it is asked on benchmarks; see `Grounder`.
    config: Sizes of the network.
    notice: One line the user must read with every answer; empty if none.
    frame_size: Pixels of a side of a frame that the video encoder sees.
    asker: Reads videos and asks the network about them.
  """

  system = SYSTEM
  benchmark_options = BENCHMARK_OPTIONS

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
    self.frame_size = config.video_encoder.image_size
    self.asker = Asker(
      config, params, Wording(config, tokenizer), compute or Compute()
    )

  def read(
    self,
    videos: Sequence[str | os.PathLike | FrameStore],
    *,
    sampling: str = 'timestamp',
  ) -> list[FrameStore]:
    """Opens several videos and reads them together, before any question.

    What is asked about them afterwards costs no more than the questions, as
    long as what is known of them all is kept.

    Args:
      videos: Paths, or what `open_video` returned.
      sampling: See `ground`.

    Returns:
      The opened videos, in order.

    Raises:
      BadInput: when one cannot be read.
    """
    check_known('sampling', sampling, SAMPLINGS)
    opened = [self.opened(video) for video in videos]
    self.asker.read(opened, sampling)
    return opened

  def announce(
    self, video: FrameStore, *, sampling: str = 'timestamp', **_
  ) -> None:
    """See `AnnouncesFrames.announce`."""
    check_known('sampling', sampling, SAMPLINGS)
    announce_frames(video, sampling, self.config)

  def ground(
    self,
    video: str | os.PathLike | FrameStore,
    queries: str | Sequence[str],
    *,
    top_k: int = 1,
    absent_below: float | None = None,
    sampling: str = 'timestamp',
    mode: str = 'score',
    template: str = prompts.GROUNDING,
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
    draws = Draws(temperature, n_candidates, seed)
    draws.check()
    queries = checked_queries(queries, prompts.VIDEO)
    video, scale = self._opened_with_scale(video, sampling)
    wording = self.asker.wording
    rows = [
      wording.question_ids(
        asked_text(fill_template(template, query), scale), when=True
      )
      for query in queries
    ]
    if mode == 'score':
      words = wording.span_words()
      rows = [[*row, *words.lead] for row in rows]
      scores = self.asker.spans(video, sampling, rows, words.middle)
      found = [
        scored_moments(query, start, end, scale, top_k=top_k)
        for query, (start, end) in zip(queries, scores, strict=True)
      ]
    else:
      written = self.asker.write(
        video, sampling, rows, max_tokens=SPAN_TOKENS, draws=draws
      )
      found = [
        written_moments(
          query,
          wording.tokenizer.decode(one.ids),
          float(one.log_probs.sum()),
          scale,
          top_k=top_k,
        )
        for query, one in zip(queries, written, strict=True)
      ]
    return [
      answer
      for query, moments in zip(queries, found, strict=True)
      for answer in or_absent(query, moments, absent_below, SYSTEM)
    ]

  def dense_caption(
    self,
    video: str | os.PathLike | FrameStore,
    *,
    prompt: str | None = None,
    max_tokens: int = 512,
    sampling: str = 'timestamp',
    mode: str = 'score',
    temperature: float = 0.0,
    n_candidates: int = 50,
    seed: int = 0,
  ) -> list[Caption]:
    """Tells what happens in a video, and when.

    Args:
      video: Path, or what `open_video` returned.
      prompt: What to ask; one of the paper's questions when None.
      max_tokens: Most tokens of the whole answer.
      sampling: See `ground`.
      mode: 'score' has the model tell well-formed spans and write what it
        likes between them; 'generate' leaves it free, as the paper does.
      temperature: See `ground`; here in both modes.
      n_candidates: See `ground`.
      seed: See `ground`.

    Returns:
      Events in the order told; none where the answer tells none. An event's
      score is the geometric mean of its tokens' probabilities.

    Raises:
      BadInput: for an unreadable video, an empty or overlong prompt, or an
        option out of range.
    """
    check_known('mode', mode, MODES)
    question = prompts.DENSE_CAPTIONS if prompt is None else prompt
    (question,) = checked_queries(question, prompts.VIDEO, what='prompt')
    video, scale = self._opened_with_scale(video, sampling)
    return tell_events(
      self.asker,
      video,
      sampling,
      scale,
      question,
      guided=mode == 'score',
      max_tokens=max_tokens,
      draws=Draws(temperature, n_candidates, seed),
    )

  def describe(
    self,
    video: str | os.PathLike | FrameStore,
    spans: Sequence[tuple[float, float]],
    *,
    max_tokens: int = 128,
    sampling: str = 'timestamp',
    temperature: float = 0.0,
    n_candidates: int = 50,
    seed: int = 0,
  ) -> list[Caption]:
    """Says what happens in stretches of a video.

    Args:
      video: Path, or what `open_video` returned.
      spans: Start and end of each, seconds; an end beyond the video's is
        taken as the video's.
      max_tokens: Most tokens of each description.
      sampling: See `ground`.
      temperature: See `ground`.
      n_candidates: See `ground`.
      seed: See `ground`.

    Returns:
      A description of each, in the order given. Its score is the geometric
      mean of its tokens' probabilities.

    Raises:
      BadInput: for an unreadable video, a span that is empty or outside it,
        or an option out of range.
    """
    video, scale = self._opened_with_scale(video, sampling)
    return describe_spans(
      self.asker,
      video,
      sampling,
      scale,
      checked_spans(spans, scale.duration_s, video.path),
      max_tokens=max_tokens,
      draws=Draws(temperature, n_candidates, seed),
    )

  def answer(
    self,
    video: str | os.PathLike | FrameStore,
    questions: str | Sequence[str],
    *,
    options: Sequence[str] | Sequence[Sequence[str]] | None = None,
    evidence: bool = False,
    mode: str | None = None,
    max_tokens: int = 128,
    sampling: str = 'timestamp',
    temperature: float = 0.0,
    n_candidates: int = 50,
    seed: int = 0,
  ) -> list[Answer]:
    """Answers questions about a video.

    Args:
      video: Path, or what `open_video` returned.
      questions: One or several; their '12 seconds' become words of time.
      options: To choose from, without letters: a list for all questions, or
        one for each; none for an answer in free words.
      evidence: Tell also where the answer is to be seen.
      mode: 'score' compares the probabilities of the options' texts, 'letter'
        those of their letters, 'generate' writes an answer and reads which
        option it names. When None, 'score' with options and else 'generate'.
      max_tokens: Most tokens of a written answer.
      sampling: See `ground`.
      temperature: See `ground`.
      n_candidates: See `ground`.
      seed: See `ground`.

    Returns:
      An answer to each, in the order asked. Its score is the probability of
      the chosen option, or of a written answer the geometric mean of its
      tokens' probabilities.

    Raises:
      BadInput: for an unreadable video, a question that cannot be asked, or
        an option out of range.
    """
    questions = checked_queries(questions, prompts.VIDEO, what='question')
    video, scale = self._opened_with_scale(video, sampling)
    return answer_questions(
      self.asker,
      video,
      sampling,
      scale,
      questions,
      options=options,
      evidence=evidence,
      mode=mode,
      max_tokens=max_tokens,
      draws=Draws(temperature, n_candidates, seed),
    )

  def _opened_with_scale(self, video, sampling) -> tuple[FrameStore, TimeScale]:
    check_known('sampling', sampling, SAMPLINGS)
    video = self.opened(video)
    duration_s = time_scale_s(video, sampling)
    return video, TimeScale(duration_s, self.config.n_intervals)


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
  loaded = load_network(
    folder,
    read_sizes=GroundedVideoLlmConfig.from_dict,
    param_shapes=param_shapes,
    dtype=dtype,
    attention=attention,
  )
  tokenizer = JsonTokenizer(
    checkpoint.tokenizer_file(folder, TOKENIZER),
    time_tokens(loaded.config.n_intervals),
  )
  return GroundedVideoLlmGrounder(
    loaded.config,
    loaded.params,
    tokenizer,
    compute=loaded.compute,
    notice=loaded.notice,
  )
