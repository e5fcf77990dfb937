"""What a training run begins with: sizes, tokenizers and weights."""

import dataclasses

from vtg_jax.errors import BadInput
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.config import PRESETS, SYSTEM, HawkEyeConfig, small
from vtg_jax.systems.hawkeye.model import init_params
from vtg_jax.systems.registry import SHIPPED
from vtg_jax.systems.training.starting_point import (
  StartingPoint,
  check_one_start,
  merged,
  stored_sizes,
)
from vtg_jax.systems.vocabularies import read_tokenizers, training_files

# Parameters that a checkpoint of an earlier stage need not have.
MAY_BE_NEW = r'.*/lora_[ab]'
PROJECTOR = r'projector/.*'


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartConfig:
  """Where a run starts.

  Attributes:
    init_from: A checkpoint folder of ours; None for random weights.
    preset: Sizes to begin with when there is no checkpoint: 'full', 'stage2'
      or 'small'.
    model: Entries of the sizes that differ from the checkpoint's or the
      preset's, nested as in config.json: {'llm': {'n_layers': 2}}.
    tokenizers: Folder with tokenizer.model and vocab.txt; when None, the
      checkpoint's own, or those that are shipped for the preset 'small'.
    reinit_projector: Draw the projector anew, as HawkEye's instruction tuning
      does, since it loads stage 2 before it makes the projector.
  """

  init_from: str | None = None
  preset: str | None = None
  model: dict | None = None
  tokenizers: str | None = None
  reinit_projector: bool = False


def starting_point(config: StartConfig) -> StartingPoint:
  """Reads what is small: sizes, and where the tokenizers are.

  Args:
    config: Where to look.

  Raises:
    BadInput: when something is missing or contradicts itself.
  """
  check_one_start(config.init_from, config.preset)
  if config.preset not in (None, 'small', *PRESETS):
    raise BadInput(
      f'start.preset is {config.preset!r}; use one of {", ".join(PRESETS)}, '
      'small'
    )
  shipped = SHIPPED if config.preset == 'small' else None
  files = training_files(config.tokenizers, config.init_from or shipped)
  if config.init_from is not None:
    sizes = stored_sizes(config.init_from, SYSTEM)
  else:
    sizes = _preset(config.preset, files).to_dict()
  return StartingPoint(
    HawkEyeConfig.from_dict(merged(sizes, config.model or {})),
    files,
    init_params=init_params,
    folder=config.init_from,
    may_be_new=(MAY_BE_NEW,),
    renewed=(PROJECTOR,) if config.reinit_projector else (),
  )


def _preset(name, files) -> HawkEyeConfig:
  if name in PRESETS:
    return PRESETS[name]()
  words, instructions = read_tokenizers(files)
  alone = words.encode(prompt.SEPARATOR)
  inside = words.encode('.' + prompt.SEPARATOR)[len(words.encode('.')) :]
  return small(
    vocab_size=words.vocab_size,
    bert_vocab_size=instructions.vocab_size,
    stop_ids=tuple(dict.fromkeys([tuple(alone), tuple(inside)])),
  )
