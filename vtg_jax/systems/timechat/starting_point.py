"""What a TimeChat's training begins with: sizes, tokenizers and weights."""

import dataclasses

from vtg_jax.errors import BadInput
from vtg_jax.moments import relative_position
from vtg_jax.systems.registry import SHIPPED
from vtg_jax.systems.timechat.chat import PLACEHOLDER
from vtg_jax.systems.timechat.config import (
  PRESETS,
  SYSTEM,
  TimeChatConfig,
  small,
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
      checkpoint's own, or for the preset 'small' those of the small HawkEye.
    drawn: Patterns of parameters that are drawn anew, whatever the checkpoint
      has.
  """

  init_from: str | None = None
  preset: str | None = None
  model: dict | None = None
  tokenizers: str | None = None
  drawn: tuple[str, ...] = ()


def starting_point(config: StartConfig) -> StartingPoint:
  """Reads what is small: sizes, and where the tokenizers are.

  Raises:
    BadInput: when something is missing or contradicts itself.
  """
  check_one_start(config.init_from, config.preset)
  shipped = SHIPPED if config.preset == 'small' else None
  files = training_files(config.tokenizers, config.init_from or shipped)
  if config.init_from is not None:
    sizes = stored_sizes(config.init_from, SYSTEM)
  else:
    sizes = _preset(config.preset, files).to_dict()
  return StartingPoint(
    TimeChatConfig.from_dict(merged(sizes, config.model or {})),
    files,
    init_params=init_params,
    folder=config.init_from,
    may_be_new=MAY_BE_NEW,
    renewed=config.drawn,
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
