"""What a Grounded-VideoLLM's training begins with."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.systems.grounded_videollm.config import (
  PRESETS,
  GroundedVideoLlmConfig,
  small,
)
from vtg_jax.systems.grounded_videollm.model import init_params
from vtg_jax.systems.grounded_videollm.new_words import (
  EMBEDDING,
  HEAD,
  HEAD_BIAS,
  as_tuned,
  with_new_words,
)
from vtg_jax.systems.grounded_videollm.release import SYSTEM, TOKENIZER
from vtg_jax.systems.training.starting_point import (
  StartingPoint,
  check_one_start,
  merged,
  stored_sizes,
  tokenizer_file,
)

# Where the small model's tokenizer lies, with its weights once it is trained.
SHIPPED = Path(__file__).parents[2] / 'checkpoints' / 'grounded_videollm_small'
# What the checkpoint of an earlier stage, or of the base models, need not have.
MAY_BE_NEW = (r'.*/lora_[ab]', r'two_stream/video_projector/.*')
# What belongs to the video stream alone.
VIDEO_STREAM = ('video_encoder/', 'two_stream/video_projector/')


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartConfig:
  """Where a run starts.

  Attributes:
    init_from: A checkpoint folder of ours; None for random weights.
    preset: Sizes to begin with when there is no checkpoint: 'phi3', 'llama3'
      or 'small'.
    tuned: Words of time, the head's bias and adapters are added where there
      are none, as stage 2 begins.
    model: Entries of the sizes that differ from the checkpoint's or the
      preset's, nested as in config.json: {'llm': {'n_layers': 2}}. With another
      `n_intervals` the words of time are as many, and all words begin anew;
      without two_stream.video_stream, what a checkpoint has of it is left out.
    tokenizer: A tokenizer.json, or the folder of one; when None, the
      checkpoint's own, or that which is shipped for the preset 'small'.
  """

  init_from: str | None = None
  preset: str | None = None
  tuned: bool = False
  model: dict | None = None
  tokenizer: str | None = None


def starting_point(config: StartConfig) -> StartingPoint:
  """Reads what is small: sizes, and where the tokenizer is.

  Raises:
    BadInput: when something is missing or contradicts itself.
  """
  check_one_start(config.init_from, config.preset)
  shipped = SHIPPED if config.preset == 'small' else None
  file = tokenizer_file(TOKENIZER, config.tokenizer, config.init_from, shipped)
  if config.init_from is not None:
    sizes = stored_sizes(config.init_from, SYSTEM)
  else:
    sizes = _preset(config.preset, file).to_dict()
  model = changed(sizes, tuned=config.tuned, changes=config.model)
  other_words = model.n_intervals != sizes['n_intervals']
  return StartingPoint(
    model,
    {TOKENIZER: file},
    init_params=init_params,
    folder=config.init_from,
    may_be_new=MAY_BE_NEW,
    renewed=(EMBEDDING, HEAD, HEAD_BIAS) if other_words else (),
    adapt=functools.partial(_adapted, model=model, tuned=config.tuned),
  )


def changed(
  sizes: Mapping, *, tuned: bool, changes: Mapping | None
) -> GroundedVideoLlmConfig:
  """The sizes that `StartConfig` makes of a checkpoint's or a preset's.

  Raises:
    BadInput: naming the entry that is unknown or mistyped.
  """
  old = GroundedVideoLlmConfig.from_dict(sizes)
  if tuned:
    old = as_tuned(old)
  new = GroundedVideoLlmConfig.from_dict(merged(old.to_dict(), changes or {}))
  has_times = new.llm.head_bias
  if has_times and new.llm.vocab_size == old.llm.vocab_size:
    vocab_size = new.llm.vocab_size + new.n_intervals - old.n_intervals
    llm = dataclasses.replace(new.llm, vocab_size=vocab_size)
    new = dataclasses.replace(new, llm=llm)
  return new


def _adapted(stored, seed, *, model, tuned):
  """A checkpoint's arrays for a network of other sizes; see `StartConfig`."""
  if not model.two_stream.video_stream:
    stored = {p: x for p, x in stored.items() if not p.startswith(VIDEO_STREAM)}
  if tuned:
    return with_new_words(stored, seed, vocab_size=model.llm.vocab_size)
  return stored


def _preset(name, file) -> GroundedVideoLlmConfig:
  if name in PRESETS:
    return PRESETS[name]()
  if name != 'small':
    raise BadInput(
      f'start.preset is {name!r}; use one of {", ".join(PRESETS)}, small'
    )
  n_intervals = small(vocab_size=1).n_intervals
  words = JsonTokenizer(file, time_tokens(n_intervals))
  return small(vocab_size=words.vocab_size)
