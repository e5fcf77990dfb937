"""ReVisionLLM as a user meets it: hours of video and sentences in."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from input_pipeline.feature_files import is_feature_file, read_features
from input_pipeline.feature_index import is_index
from input_pipeline.frame_features import FrameFeatures
from input_pipeline.video import FrameStore
from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.moments.moment import Absent, Moment
from vtg_jax.nn.compute import Compute
from vtg_jax.recursion.search_plan import Quote, plan_search
from vtg_jax.recursion.search_result import Budget
from vtg_jax.systems.checks import checked_queries
from vtg_jax.systems.clip import frame_encoder
from vtg_jax.systems.clip.frame_encoder import FrameEncoder
from vtg_jax.systems.clip.video_features import features_of_index
from vtg_jax.systems.loading import OpensVideos, load_network
from vtg_jax.systems.revisionllm import prompt, reading
from vtg_jax.systems.revisionllm.answering import (
  answers_by_likeness,
  answers_by_search,
  prices_of,
)
from vtg_jax.systems.revisionllm.asker import Asker, check_widths
from vtg_jax.systems.revisionllm.benchmarks import BENCHMARK_OPTIONS
from vtg_jax.systems.revisionllm.compiled import n_compiled_searches
from vtg_jax.systems.revisionllm.config import SYSTEM, ReVisionLlmConfig
from vtg_jax.systems.revisionllm.known_videos import KnownVideos, Video
from vtg_jax.systems.revisionllm.likeness import QUOTE
from vtg_jax.systems.revisionllm.model import param_shapes
from vtg_jax.systems.revisionllm.options import (
  LIKENESS,
  RELEASED,
  SearchOptions,
  other_scores,
)
from vtg_jax.systems.revisionllm.release import TOKENIZER

# Start and end tokens of a sentence have no features of their own.
_AROUND_WORDS = 2


class ReVisionLlmGrounder(OpensVideos):
  """Finds moments by a search from coarse to fine over windows.

  A video's frames are encoded once; `vtg index` does it before any query.

  Attributes:
    system: Name of the system.
    benchmark_options: How it is asked on benchmarks; see `Grounder`.
    config: Sizes of the network.
    notice: One line the user must read with every answer; empty if none.
    frame_size: Pixels of a side of a frame that the frame encoder sees.
    frame_encoder: Encodes frames, and sentences for the same space.
    known: Features of videos and queries.
    asker: Asks the network.
  """

  system = SYSTEM
  benchmark_options = BENCHMARK_OPTIONS

  def __init__(
    self,
    config: ReVisionLlmConfig,
    params,
    tokenizer: SentencePieceTokenizer,
    encoder: FrameEncoder,
    *,
    compute: Compute | None = None,
    notice: str = '',
    index_folder: str | os.PathLike | None = None,
    on_notice: Callable[[str], None] | None = None,
  ):
    """Makes a grounder of parameters in memory.

    Args:
      config: Sizes.
      params: Nested dict of arrays.
      tokenizer: Of the language model.
      encoder: What the features were made with that it was trained on.
      compute: Numerics; float32 when None.
      notice: See the attribute.
      index_folder: Where indexes of videos are, if not beside them.
      on_notice: Is called with what is wrong with an index that is passed
        over.

    Raises:
      BadInput: the tokenizer or the encoder does not fit the network.
    """
    check_widths(config, encoder.features, encoder.config.text.block.width)
    self.config, self.notice = config, notice
    self.frame_encoder = encoder
    self.frame_size = encoder.config.image.image_size
    self.known = KnownVideos(
      encoder, config.fps, index_folder=index_folder, on_notice=on_notice
    )
    self.asker = Asker(
      config,
      params,
      tokenizer,
      compute=compute or Compute(),
      query_words=encoder.config.text.max_tokens - _AROUND_WORDS,
    )

  @property
  def features_fps(self) -> float:
    """Frames per second of the features that it sees a video by."""
    return self.config.fps

  @property
  def n_compiled(self) -> int:
    """Programs that were compiled so far, other networks' of its system, too.

    What it grows by is what a search compiled.
    """
    own = reading.n_compiled() + n_compiled_searches()
    return own + self.frame_encoder.n_compiled

  def open_video(
    self,
    path: str | os.PathLike,
    *,
    resize: str = 'pil',
    on_progress: Callable[[int, int], None] | None = None,
    on_notice: Callable[[str], None] | None = None,
  ) -> Video:
    """Opens a video for any number of queries.

    No frame is read yet. The first query reads its index; where there is none,
    it encodes all frames, which takes no memory for frames, and what it found
    is kept as long as the video is.

    Args:
      path: Video file, folder of frames, an index itself, or a file of
        features as others release them; see `feature_files.read_features`.
        These are taken for features of the rate and the encoder of this
        network.
      resize: 'pil' for exactly what the checkpoint expects, 'swscale' for
        the fast one; an index and features have their own.
      on_progress: Called with (frames encoded, frames to encode).
      on_notice: Called with what is wrong with an index; what the grounder was
        made with, when None.

    Raises:
      BadInput: when it cannot be read.
    """
    if is_feature_file(path):
      return read_features(path, fps=self.config.fps)
    if is_index(path):
      fps = self.config.fps
      return features_of_index(self.frame_encoder, path, fps=fps)
    video = super().open_video(path, resize=resize)
    self.known.watch(video, on_progress, on_notice)
    return video

  def ground(
    self,
    video: str | os.PathLike | FrameStore | FrameFeatures,
    queries: str | Sequence[str],
    *,
    top_k: int = 1,
    absent_below: float | None = None,
    search: str = 'top_down',
    levels: int | None = None,
    mode: str = 'score',
    rank: str = 'both',
    quirks: str = 'clean',
    budget: str | dict[str, float] | Budget | None = None,
    seed: int = 0,
  ) -> list[Moment | Absent]:
    """Says when each query happens.

    The score is exp(-H), H the mean entropy of the answer's tokens, times
    ((1 + c) / 2) ** 5, c the mean cosine of the sentence and the three frames
    of the moment that are most like it.

    Args:
      video: Path, what `open_video` returned, or features of frames.
      queries: One sentence or several.
      top_k: Most answers per query.
      absent_below: Answer `Absent` when the best score is lower. The score is
        not calibrated. When None, only where the network finds nothing.
      search: 'top_down' looks from coarse to fine at what seems worth it;
        'compiled' does the same as one program, see `compiled`;
        'released' looks at everything on every level and keeps what they
        agree on; 'dense' reads all frames; 'sparse' stops above the dense
        level and answers with whole windows; 'likeness' asks the frame
        encoder alone.
      levels: Of the search, the dense one included; what suits the length of
        the video when None. 0 shows the whole video as one window.
      mode: 'score' has the network answer with a span that can be or with
        'Not Present'; 'generate' parses freely written text, as the release
        does.
      rank: 'both' as above; 'confidence' leaves the cosine out, so that answers
        come in the order of the paper's confidence 1 / H.
      quirks: 'released' does what the release does wrong, too.
      budget: Most that a query may spend: sequences, frames or seconds, as in
        'frames=500,seconds=3' or a dict. The best answer so far is given.
      seed: Of the order of windows, where the release shuffles them.

    Returns:
      Answers grouped by query, in the order asked, best first. Each says what
      share of the video was looked at, and what that cost.

    Raises:
      BadInput: for an unreadable video, an empty or overlong query, or an
        option out of range.
    """
    options = SearchOptions(
      top_k=top_k,
      absent_below=absent_below,
      search=search,
      levels=levels,
      mode=mode,
      rank=rank,
      quirks=quirks,
      budget=budget,
      seed=seed,
    )
    queries = checked_queries(queries, prompt.VIDEO)
    asked = list(dict.fromkeys(queries))
    if options.search == LIKENESS:
      video, _ = self._features(video)
      answers = answers_by_likeness(
        self.asker, self.known, video, asked, options
      )
    else:
      config = options.search_config(self.config)
      video, features = self._features(video)
      plan = plan_search(len(features), config)
      answers = answers_by_search(
        self.asker, self.known, video, asked, options, plan
      )
    found = dict(zip(asked, answers, strict=True))
    return [answer for query in queries for answer in found[query]]

  def quote(
    self,
    video: str | os.PathLike | FrameStore | FrameFeatures,
    query: str = 'it',
    **options,
  ) -> Quote:
    """What a query will cost at least and at most, before it is asked.

    A budget, which ends a search earlier, is not counted.

    Args:
      video: See `ground`. It is not read, but where only features are given.
      query: A sentence; its length counts.
      **options: Of `ground`.

    Raises:
      BadInput: see `ground`.
    """
    (query,) = checked_queries(query, prompt.VIDEO)
    wanted = SearchOptions(**options)
    if wanted.search == LIKENESS:
      return QUOTE
    if isinstance(video, str | os.PathLike):
      video = self.open_video(video)
    if isinstance(video, FrameStore):
      n_features = len(self.opened(video).ids_at_rate(self.config.fps))
    else:
      n_features = len(video.features)
    config = wanted.search_config(self.config)
    quote = plan_search(n_features, config).quote(prices_of(self.asker, query))
    if wanted.search == RELEASED:  # which looks at everything
      return dataclasses.replace(quote, one_event=quote.most)
    return quote

  def other_scores(self, **options) -> list[str]:
    """Which options of `ground` make scores that no calibration is of."""
    return other_scores(options)

  def ready(self, video: str | os.PathLike | Video) -> None:
    """Encodes a video now, and forgets what was kept of its queries.

    Whatever is asked next costs what that search costs, and no more.

    Args:
      video: See `ground`.

    Raises:
      BadInput: it cannot be read.
    """
    video, _ = self._features(video)
    self.known.forget_windows(video)

  def _features(
    self, video: str | os.PathLike | Video
  ) -> tuple[Video, np.ndarray]:
    """The video, and features of its frames; of an index alone, those."""
    if isinstance(video, str | os.PathLike):
      stored = None if is_feature_file(video) else self.known.indexed(video)
      video = self.open_video(video) if stored is None else stored
    if isinstance(video, FrameStore):
      video = self.opened(video)
    features = self.known.features(video).features
    if features.shape[1] != self.config.features_width:
      raise BadInput(
        f'the features have {features.shape[1]} channels, the network reads '
        f'{self.config.features_width}; give those of its frame encoder'
      )
    return video, features


def load(
  folder: str | os.PathLike,
  *,
  dtype: str | None = None,
  attention: str = 'auto',
  encoder: str | os.PathLike | None = None,
  index_folder: str | os.PathLike | None = None,
  on_notice: Callable[[str], None] | None = None,
) -> ReVisionLlmGrounder:
  """Loads a checkpoint folder of ours.

  Args:
    folder: Made by `vtg convert` or by training.
    dtype: Of parameters and activations; float32 on CPU and bfloat16
      elsewhere when None.
    attention: See `Compute.attention`.
    encoder: A checkpoint of the CLIP whose features it was trained on; that in
      the folder `frame_encoder` of the checkpoint when None.
    index_folder: See `ReVisionLlmGrounder`.
    on_notice: See `ReVisionLlmGrounder`.

  Raises:
    BadInput: when the folder is no such checkpoint, or is damaged; or it has
      no encoder.
  """
  loaded = load_network(
    folder,
    read_sizes=ReVisionLlmConfig.from_dict,
    param_shapes=param_shapes,
    dtype=dtype,
    attention=attention,
  )
  part = Path(folder) / frame_encoder.PART
  if encoder is None and not part.is_dir():
    raise BadInput(
      f'{folder} has no encoder of frames and sentences; convert the CLIP it '
      f'was trained with to {part}, or name its checkpoint as encoder'
    )
  tokenizer = SentencePieceTokenizer(
    checkpoint.tokenizer_file(folder, TOKENIZER)
  )
  return ReVisionLlmGrounder(
    loaded.config,
    loaded.params,
    tokenizer,
    frame_encoder.load(folder if encoder is None else encoder),
    compute=loaded.compute,
    notice=loaded.notice,
    index_folder=index_folder,
    on_notice=on_notice,
  )
