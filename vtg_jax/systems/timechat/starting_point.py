"""What a TimeChat's training begins with: sizes, tokenizers and weights."""

import dataclasses
import functools
from pathlib import Path

from vtg_jax.errors import BadInput
from vtg_jax.moments import relative_position
from vtg_jax.systems.timechat.chat import PLACEHOLDER
from vtg_jax.systems.timechat.config import (
  PRESETS,
  SYSTEM,
  TimeChatConfig,
  small,
)
from vtg_jax.systems.timechat.image_encoder import (
  image_encoder_params,
  image_encoder_sizes,
)
from vtg_jax.systems.timechat.model import init_params
from vtg_jax.systems.training.starting_point import (
  StartingPoint,
  check_one_start,
  merged,
  stored_sizes,
)
from vtg_jax.systems.vocabularies import read_tokenizers, training_files

# Words that training adds to the language model's: what stands for a token of
# the video, whose row is never looked up, then the digits of places.
ADDED_WORDS = (PLACEHOLDER, *relative_position.TOKENS)
# Whose tokenizers the small model takes when it begins from nothing.
SHIPPED_TOKENIZERS = Path(__file__).parents[2] / 'checkpoints/timechat_small'
# What a checkpoint from before TimeChat's training need not have.
MAY_BE_NEW = (r'.*/lora_[ab]',)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartConfig:
  """Where a run starts.

  Attributes:
    init_from: A checkpoint folder of ours; None for random weights.
    preset: Sizes to begin with when there is no checkpoint: 'full', 'start' or
      'small'.
    model: Entries of the sizes that differ from the checkpoint's or the
      preset's, nested as in config.json: {'llm': {'n_layers': 2}}.
    tokenizers: Folder with tokenizer.model and vocab.txt; when None, the
      checkpoint's own, or for the preset 'small' those of the small one.
    image_encoder: A folder of a CLIP of ours, whose image encoder the preset
      begins with in place of its own; None draws it.
    drawn: Patterns of parameters that are drawn anew, whatever the checkpoint
      has.
  """

  init_from: str | None = None
  preset: str | None = None
  model: dict | None = None
  tokenizers: str | None = None
  image_encoder: str | None = None
  drawn: tuple[str, ...] = ()


def starting_point(config: StartConfig) -> StartingPoint:
  """Reads what is small: sizes, and where the tokenizers are.

  Raises:
    BadInput: when something is missing or contradicts itself.
  """
  check_one_start(config.init_from, config.preset)
  seen = config.image_encoder
  if seen is not None and config.preset is None:
    raise BadInput(
      'start.image_encoder and start.init_from are both given, and the latter '
      'has an image encoder; give one of them'
    )
  shipped = SHIPPED_TOKENIZERS if config.preset == 'small' else None
  files = training_files(config.tokenizers, config.init_from or shipped)
  if config.init_from is not None:
    sizes = stored_sizes(config.init_from, SYSTEM)
  else:
    sizes = _preset(config.preset, files).to_dict()
  if seen is not None:
    encoder = dataclasses.asdict(image_encoder_sizes(seen))
    sizes = merged(sizes, {'encoder': encoder})
  return StartingPoint(
    TimeChatConfig.from_dict(merged(sizes, config.model or {})),
    files,
    init_params=init_params,
    folder=config.init_from,
    may_be_new=MAY_BE_NEW,
    renewed=config.drawn,
    parts=seen and functools.partial(image_encoder_params, seen),
  )


def _preset(name, files) -> TimeChatConfig:
  if name in PRESETS:
    return PRESETS[name]()
  if name != 'small':
    raise BadInput(
      f'start.preset is {name!r}; use one of {", ".join(PRESETS)}, small'
    )
  words, own = read_tokenizers(files)
  return small(
    vocab_size=words.vocab_size + len(ADDED_WORDS),
    bert_vocab_size=own.vocab_size,
  )
