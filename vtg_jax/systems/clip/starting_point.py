"""What the training of a dual encoder begins with."""

import dataclasses
from pathlib import Path

from vtg_jax.encoders.dual import init_params, small
from vtg_jax.errors import BadInput
from vtg_jax.systems.clip.release import SYSTEM, TOKENIZER, config_of_json
from vtg_jax.systems.clip.words import ClipTokenizer
from vtg_jax.systems.training.starting_point import (
  StartingPoint,
  check_one_start,
  merged,
  stored_sizes,
  tokenizer_file,
)

# Whose tokenizer the small encoder takes when it begins from nothing.
SHIPPED_TOKENIZER = Path(__file__).parents[2] / 'checkpoints' / 'clip_small'


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartConfig:
  """Where a run starts.

  Attributes:
    init_from: A checkpoint folder of ours; None for random weights.
    preset: Sizes to begin with when there is no checkpoint: 'small'.
    model: Entries of the sizes that differ from the checkpoint's or the
      preset's, nested as in config.json: {'features': 64}.
    tokenizer: A tokenizer.json, or the folder of one; when None, the
      checkpoint's own, or that which is shipped.
  """

  init_from: str | None = None
  preset: str | None = None
  model: dict | None = None
  tokenizer: str | None = None


def starting_point(config: StartConfig) -> StartingPoint:
  """Reads what is small: sizes, and where the tokenizer is.

  Raises:
    BadInput: when something is missing or contradicts itself.
  """
  check_one_start(config.init_from, config.preset)
  file = tokenizer_file(
    TOKENIZER, config.tokenizer, config.init_from, SHIPPED_TOKENIZER
  )
  if config.init_from is not None:
    sizes = stored_sizes(config.init_from, SYSTEM)
  elif config.preset == 'small':
    n_words = ClipTokenizer(file, max_tokens=3).vocab_size
    sizes = small(vocab_size=n_words).to_dict()
  else:
    raise BadInput(f'start.preset is {config.preset!r}; use small')
  return StartingPoint(
    config_of_json(merged(sizes, config.model or {})),
    {TOKENIZER: file},
    init_params=init_params,
    folder=config.init_from,
  )
