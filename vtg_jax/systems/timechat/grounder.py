"""TimeChat as a user meets it: a video and sentences in, times out."""

import os
from collections.abc import Sequence

import numpy as np

from input_pipeline.video import FrameStore
from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments.answer import Caption, Highlights
from vtg_jax.moments.coarse import fill_template
from vtg_jax.moments.moment import Absent, Moment, or_absent
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.checks import (
  MODES,
  SAMPLINGS,
  check_absent_below,
  check_known,
  checked_queries,
  checked_score,
)
from vtg_jax.systems.loading import OpensVideos, load_network
from vtg_jax.systems.timechat import answers, chat, questions
from vtg_jax.systems.timechat.asker import Asker
from vtg_jax.systems.timechat.benchmarks import benchmark_options
from vtg_jax.systems.timechat.boundaries import placed_moments
from vtg_jax.systems.timechat.config import SYSTEM, TimeChatConfig
from vtg_jax.systems.timechat.model import param_shapes
from vtg_jax.systems.timechat.prompt import TOKENIZER_OPTIONS
from vtg_jax.systems.timechat.time_formats import qformer_words
from vtg_jax.systems.timechat.time_words import TIME_WORDS
from vtg_jax.systems.timechat.wording import Wording
from vtg_jax.systems.vocabularies import (
  TOKENIZER,
  VOCABULARY,
  read_tokenizers,
)
from vtg_jax.systems.writing import Draws, mean_probability

# Most tokens of a freely written answer that tells a span, or highlights.
SPAN_TOKENS, HIGHLIGHT_TOKENS = 64, 512


class TimeChatGrounder(OpensVideos):
  """Finds moments by the seconds that a language model writes.

  A video is read once; what is known of it is kept while there is room.

  Attributes:
    system: Name of the system.
    benchmark_options: How it is asked on benchmarks; see `Grounder`.
    config: Sizes of the network.
    notice: One line the user must read with every answer; empty if none.
    frame_size: Pixels of a side of a frame that the image encoder sees.
    frame_fit: Frames are stretched to it, as in training.
    asker: Reads videos and asks the network about them.
  """

  system = SYSTEM
  frame_fit = 'stretch'

  def __init__(
    self,
    config: TimeChatConfig,
    params,
    tokenizer: SentencePieceTokenizer,
    bert: WordPieceTokenizer,
    *,
    compute: Compute | None = None,
    notice: str = '',
  ):
    """Makes a grounder of parameters in memory.

    Args:
      config: Sizes.
      params: Nested dict of arrays.
      tokenizer: Of the language model, read with `TOKENIZER_OPTIONS` and the
        words that its way of telling times adds.
      bert: Of the image Q-Former.
      compute: Numerics; float32 when None.
      notice: See the attribute.

    Raises:
      BadInput: when a tokenizer does not fit the network.
    """
    self.config, self.notice = config, notice
    self.benchmark_options = benchmark_options(config.prompts)
    self.frame_size = config.encoder.image_size
    self.asker = Asker(
      config, params, Wording(config, tokenizer, bert), compute or Compute()
    )

  def announce(
    self, video: FrameStore, *, sampling: str = 'timestamp', **_
  ) -> None:
    """See `AnnouncesFrames.announce`."""
    check_known('sampling', sampling, SAMPLINGS)
    video.announce(self.asker.shown(video, sampling).ids)

  def ground(
    self,
    video: str | os.PathLike | FrameStore,
    queries: str | Sequence[str],
    *,
    top_k: int = 1,
    absent_below: float | None = None,
    sampling: str = 'timestamp',
    mode: str = 'score',
    template: str | None = None,
    temperature: float = 0.0,
    n_candidates: int = 50,
    top_p: float = 1.0,
    seed: int = 0,
  ) -> list[Moment | Absent]:
    """Says when each query happens.

    Args:
      video: Path, or what `open_video` returned.
      queries: One sentence or several; together they cost less.
      top_k: Most answers per query; of a model that tells plain times there
        is one.
      absent_below: Answer `Absent` when the score is lower. The score is the
        probability of the text that was written, or where places are scored,
        that the true span overlaps the answer at least by half; it is not
        calibrated. Off when None.
      sampling: 'timestamp' shows the frames on display at evenly spaced
        times; 'paper' uses the paper's index arithmetic and its duration.
      mode: 'score' has the model write its usual answer, of which it chooses
        the times, and only such as are in the video and in order; a model
        that tells places digit by digit is asked for the probability of every
        one, and its best spans come with their doubt. 'generate'
        reads freely written text as the release does, and answers `Absent`
        where it tells no span.
      template: Question with one %s for the sentence; the first of training
        when None.
      temperature: Of the draws; 0 takes the most probable token. Deviates:
        the release draws, with a temperature of 1 and `top_p` 0.8.
      n_candidates: Most probable tokens that are drawn from.
      top_p: Of these only the first ones that reach so much probability.
      seed: Of the draws.

    Returns:
      Answers to each query, in the order asked, best first.

    Raises:
      BadInput: for an unreadable video, an empty or overlong query, or an
        option out of range.
    """
    check_known('mode', mode, MODES)
    check_known('sampling', sampling, SAMPLINGS)
    check_absent_below(absent_below)
    if top_k < 1:
      raise BadInput(f'top_k is {top_k}; use 1 up')
    queries = checked_queries(queries, chat.PLACEHOLDER)
    template = template or self._question(questions.GROUNDING)
    asked = [fill_template(template, query.strip('.')) for query in queries]
    wording, video = self.asker.wording, self.opened(video)
    duration_s = self.asker.shown(video, sampling).duration_s
    if mode == 'score' and wording.times.is_relative:
      places = self.asker.places(video, sampling, asked)
      found = []
      for query, (start, end) in zip(queries, places, strict=True):
        moments = placed_moments(query, start, end, duration_s, top_k=top_k)
        found += or_absent(query, moments, absent_below, SYSTEM)
      return found
    words = wording.span_words if mode == 'score' else None
    written = self.asker.write(
      video,
      sampling,
      asked,
      max_tokens=SPAN_TOKENS,
      draws=Draws(temperature, n_candidates, seed, top_p),
      words=words,
    )
    found = []
    for query, one in zip(queries, written, strict=True):
      score = float(np.exp(checked_score(float(one.log_probs.sum()))))
      lead = () if words is None else words.lead
      text = wording.text([*lead, *one.ids])
      text = wording.times.in_seconds(text, duration_s)
      span = answers.read_span(text, released=words is None)
      moments = []
      if span is not None:
        start_s, end_s = span
        told = dict(start_s=start_s, end_s=end_s, score=score)
        moments.append(Moment(**told, query=query, system=SYSTEM))
      found += or_absent(query, moments, absent_below, SYSTEM)
    return found

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
    top_p: float = 1.0,
    seed: int = 0,
  ) -> list[Caption]:
    """Tells what happens in a video, and when.

    Args:
      video: Path, or what `open_video` returned.
      prompt: What to ask; the first question of training when None.
      max_tokens: Most tokens of the whole answer.
      sampling: See `ground`.
      mode: 'score' has the model tell well-formed times and write what it
        likes between them; 'generate' leaves it free and reads what comes as
        the release does.
      temperature: See `ground`.
      n_candidates: See `ground`.
      top_p: See `ground`.
      seed: See `ground`.

    Returns:
      Events in the order told; none where the answer tells none. The score
      is the geometric mean of the probabilities of the answer's tokens, the
      same for all events.

    Raises:
      BadInput: for an unreadable video, an empty or overlong prompt, or an
        option out of range.
    """
    check_known('mode', mode, MODES)
    check_known('sampling', sampling, SAMPLINGS)
    if prompt is None:
      prompt = self._question(questions.DENSE_CAPTIONS)
    (question,) = checked_queries(prompt, chat.PLACEHOLDER, what='prompt')
    wording, video = self.asker.wording, self.opened(video)
    duration_s = self.asker.shown(video, sampling).duration_s
    words = wording.event_words if mode == 'score' else None
    (written,) = self.asker.write(
      video,
      sampling,
      [question],
      max_tokens=max_tokens,
      draws=Draws(temperature, n_candidates, seed, top_p),
      words=words,
    )
    lead = () if words is None else words.lead
    text = wording.text([*lead, *written.ids])
    text = wording.times.in_seconds(text, duration_s)
    events = answers.read_events(
      text,
      released=words is None,
      cut=wording.eos_id not in written.ids,
    )
    score = mean_probability(written.log_probs)
    return [
      Caption(
        start_s=min(event.span),
        end_s=max(event.span),
        text=event.sentence,
        score=score,
        system=SYSTEM,
      )
      for event in events
    ]

  def highlights(
    self,
    video: str | os.PathLike | FrameStore,
    queries: str | Sequence[str],
    *,
    template: str | None = None,
    max_tokens: int = HIGHLIGHT_TOKENS,
    sampling: str = 'timestamp',
    mode: str = 'score',
    temperature: float = 0.0,
    n_candidates: int = 50,
    top_p: float = 1.0,
    seed: int = 0,
  ) -> list[Highlights]:
    """Says which moments stand out for each query, and how much.

    Args:
      video: Path, or what `open_video` returned.
      queries: One sentence or several; together they cost less.
      template: Question with one %s for the sentence; the release's, after it
        was trained for this, when None.
      max_tokens: Most tokens of an answer.
      sampling: See `ground`.
      mode: 'score' has the model count and list as it was taught to, times in
        the video and saliencies; 'generate' leaves it free and reads what
        comes as the release does, which makes something of most texts.
      temperature: See `ground`.
      n_candidates: See `ground`.
      top_p: See `ground`.
      seed: See `ground`.

    Returns:
      An answer to each query, in the order asked; there may be no moment in
      it, and none behind the video's end is. Saliency is 1 to 5, the score
      is the geometric mean of the probabilities of the answer's tokens.

    Raises:
      BadInput: for an unreadable video, an empty or overlong query, or an
        option out of range.
    """
    check_known('mode', mode, MODES)
    check_known('sampling', sampling, SAMPLINGS)
    queries = checked_queries(queries, chat.PLACEHOLDER)
    template = template or self._question(questions.HIGHLIGHTS)
    wording, video = self.asker.wording, self.opened(video)
    duration_s = self.asker.shown(video, sampling).duration_s
    words = wording.highlight_words if mode == 'score' else None
    written = self.asker.write(
      video,
      sampling,
      [fill_template(template, query.strip('.')) for query in queries],
      max_tokens=max_tokens,
      draws=Draws(temperature, n_candidates, seed, top_p),
      words=words,
    )
    found = []
    for query, one in zip(queries, written, strict=True):
      lead = () if words is None else words.lead
      text = wording.text([*lead, *one.ids])
      text = wording.times.in_seconds(text, duration_s)
      told = [
        highlight
        for highlight in answers.read_highlights(text, released=words is None)
        if 0 <= highlight.time_s <= video.duration_s
      ]
      found.append(
        Highlights(
          query=query,
          times_s=tuple(highlight.time_s for highlight in told),
          saliency=tuple(highlight.saliency for highlight in told),
          score=mean_probability(one.log_probs),
          system=SYSTEM,
        )
      )
    return found

  def _question(self, task: str) -> str:
    """What is asked where nobody says."""
    return questions.usual_question(
      task,
      self.config.prompts,
      coded=self.asker.wording.times.is_relative,
    )


def load(
  folder: str | os.PathLike, *, dtype: str | None = None, attention='auto'
) -> TimeChatGrounder:
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
    read_sizes=TimeChatConfig.from_dict,
    param_shapes=param_shapes,
    dtype=dtype,
    attention=attention,
  )
  files = {
    name: checkpoint.tokenizer_file(folder, name)
    for name in (TOKENIZER, VOCABULARY)
  }
  words = TIME_WORDS[loaded.config.places].added_words
  options = {**TOKENIZER_OPTIONS, 'extra_tokens': words}
  return TimeChatGrounder(
    loaded.config,
    loaded.params,
    *read_tokenizers(
      files,
      qformer_words=qformer_words(loaded.config.qformer_time_format),
      **options,
    ),
    compute=loaded.compute,
    notice=loaded.notice,
  )
