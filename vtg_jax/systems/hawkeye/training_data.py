"""What a HawkEye is trained on: options, samples, batches.

In:  {'video': 'a.mp4', 'QA': [{'i': ..., 'q': ..., 'a': [...], times}]}
Out: {'frames': uint8 [F s s 3], 'input_ids': int32 [T], 'attention_mask':
      bool [T], 'labels': int32 [T], 'video_start': int32, 'text_ids': int32
      [I], 'text_mask': bool [I], 'objective': int32, 'shows_target': bool [F]}

Nothing here loads jax: loader processes import it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from input_pipeline import augment, hawkeye_clips, training_items
from input_pipeline.augment import Augment
from input_pipeline.hawkeye_clips import ClipOptions
from input_pipeline.loader import BadSample, Batches, LoaderOptions
from input_pipeline.training_sources import (
  FileSource,
  Source,
  open_source,
)
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.systems.checks import check_known, check_least
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.hawkeye.sample_rows import LAYOUTS, RowMaker, RowSizes
from vtg_jax.systems.hawkeye.story_source import (
  StoriesOptions,
  StoriesSource,
  cell_labels,
)
from vtg_jax.systems.training.mixing import mixed_batches

OBJECTIVES = training_items.OBJECTIVES


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataOptions:
  """What to train on and how samples of it are drawn.

  Attributes:
    files: data sets on disk.
    stories: ShapeStories, made while training.
    n_frames: frames in a sample.
    row_tokens: length of every row of tokens, video rows included.
    instruction_tokens: length of every instruction.
    augment: how frames become squares.
    loader: order, processes, what may fail.
    clip: how stretches of video and frames are drawn.
    layout: how a grounding sample is worded; see `RowMaker`.
    label_grid: cells along a frame's side of which samples also say what they
      show, which is known of ShapeStories only; 0 leaves it out. See
      `story_source.cell_labels`.
  """

  files: tuple[FileSource, ...] = ()
  stories: tuple[StoriesOptions, ...] = ()
  n_frames: int
  row_tokens: int
  instruction_tokens: int
  augment: Augment
  loader: LoaderOptions = LoaderOptions()
  clip: ClipOptions = ClipOptions()
  layout: str = 'paper'
  label_grid: int = 0

  def __post_init__(self):
    check_known('layout', self.layout, LAYOUTS)
    check_least(
      self, n_frames=1, row_tokens=1, instruction_tokens=2, label_grid=0
    )

  @classmethod
  def from_dict(cls, values: Mapping[str, Any]) -> 'DataOptions':
    """Options of plain types.

    Raises:
      BadInput: naming the entry that is missing, unknown or mistyped.
    """
    return from_json(cls, values, 'data')


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleMaker:
  """Makes a sample from an item of a source.

  Attributes:
    sources: where items and videos come from.
    options: how samples are drawn.
    rows: makes the text entries.
  """

  sources: tuple[Source, ...]
  options: DataOptions
  rows: RowMaker

  def __call__(
    self, source: int, index: int, rng: np.random.Generator
  ) -> dict[str, np.ndarray]:
    """The sample of one item, drawn anew with every generator.

    Raises:
      BadSample: the video cannot be read, or the text does not fit.
    """
    options, items = self.options, self.sources[source]
    item = items.item(index, rng)
    objective = training_items.objective(item)
    try:
      video = items.open(item)
      clip = hawkeye_clips.draw_clip(
        item,
        video.duration_s,
        options.clip,
        num_frames=options.n_frames,
        rng=rng,
      )
      chosen = hawkeye_clips.choose_frames(
        video,
        clip.bounds_s,
        options.clip.frame_choice,
        num_frames=options.n_frames,
        rng=rng,
      )
      frames = video.get([int(i) for i in chosen.ids])
    except (BadInput, OSError) as error:
      raise BadSample(f'{items.name}: {error}', 'video') from error
    view = augment.draw_view(options.augment, *frames.shape[1:3], rng)
    turns: Sequence[Mapping[str, Any]] = clip.turns
    if view.mirrored and options.augment.flip == 'swap_words':
      turns = [
        {
          key: augment.swap_sides(value) if isinstance(value, str) else value
          for key, value in turn.items()
        }
        for turn in turns
      ]
    try:
      text = self.rows(
        turns,
        chosen.times_s if options.clip.tell_times else None,
        grounding=objective == 'grounding',
      )
    except BadInput as error:
      raise BadSample(f'{items.name}, item {index}: {error}', 'text') from error
    labels = {}
    if options.label_grid:
      labels = cell_labels(
        item, video, chosen.ids, options.label_grid, mirrored=view.mirrored
      )
    return {
      'frames': augment.show(frames, view, options.augment.size),
      **text,
      **labels,
      'objective': np.int32(OBJECTIVES.index(objective)),
      'shows_target': clip.shows_target(video.times_s[chosen.ids]),
    }


def batches(
  options: DataOptions,
  tokenizer: SentencePieceTokenizer,
  instruction_tokenizer: WordPieceTokenizer,
  *,
  n_video: int,
  max_text_tokens: int,
  pad_id: int,
  **share: int,
) -> Batches:
  """Training batches of one host.

  Args:
    options: what and how.
    tokenizer: of the language model.
    instruction_tokenizer: of the Q-Former.
    n_video: rows of embeddings that stand for the video.
    max_text_tokens: where the paper cuts a text.
    pad_id: token of the padding.
    **share: see `mixed_batches`.

  Raises:
    BadInput: a data set cannot be read, or holds too little.
  """
  sources = (
    *(open_source(source) for source in options.files),
    *(
      StoriesSource(options=stories, config=stories.config)
      for stories in options.stories
    ),
  )
  if options.label_grid and options.files:
    raise BadInput(
      f'label_grid is {options.label_grid}, and what cells show is known of '
      'data.stories only; set it to 0 or leave files out'
    )
  maker = SampleMaker(
    sources=sources,
    options=options,
    rows=RowMaker(
      sizes=RowSizes(
        n_video=n_video,
        max_text_tokens=max_text_tokens,
        pad_id=pad_id,
        row_tokens=options.row_tokens,
        instruction_tokens=options.instruction_tokens,
      ),
      tokenizer=tokenizer,
      instruction_tokenizer=instruction_tokenizer,
      layout=options.layout,
    ),
  )
  return mixed_batches(maker, options, [len(one) for one in sources], **share)
