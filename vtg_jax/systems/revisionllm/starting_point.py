"""What a ReVisionLLM's training begins with."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.revisionllm.config import (
  PRESETS,
  SYSTEM,
  ReVisionLlmConfig,
  small,
)
from vtg_jax.systems.revisionllm.model import LORAS, init_params
from vtg_jax.systems.revisionllm.release import TOKENIZER
from vtg_jax.systems.training.starting_point import (
  StartingPoint,
  check_one_start,
  merged,
  stored_sizes,
  tokenizer_file,
)

# Whose tokenizer the small model takes when it begins from nothing.
SHIPPED_TOKENIZER = (
  Path(__file__).parents[2] / 'checkpoints' / 'revisionllm_small'
)
SMALL_WIDTH = 32
# What the checkpoint of an earlier stage need not have.
MAY_BE_NEW = (r'clip_encoder/.*', r'alternate_norm/.*')


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopiedAdapter:
  """An adapter that begins as a copy of another one.

  Attributes:
    name: of the new one.
    of: of the one that the checkpoint has.
  """

  name: str
  of: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartConfig:
  """Where a run starts.

  Attributes:
    init_from: A checkpoint folder of ours; None for random weights.
    preset: Sizes to begin with when there is no checkpoint: 'mad',
      'vidchapters', 'unified' or 'small'.
    model: Entries of the sizes that differ from the checkpoint's or the
      preset's, nested as in config.json: {'n_frames': 100}.
    copied: Adapters that begin as copies of others; a checkpoint that has the
      new ones already keeps them.
    drawn: Patterns of parameters that are drawn anew, whatever the checkpoint
      has.
    tokenizer: A tokenizer.model, or the folder of one; when None, the
      checkpoint's own, or that which is shipped for the preset 'small'.
  """

  init_from: str | None = None
  preset: str | None = None
  model: dict | None = None
  copied: tuple[CopiedAdapter, ...] = ()
  drawn: tuple[str, ...] = ()
  tokenizer: str | None = None


def starting_point(config: StartConfig) -> StartingPoint:
  """Reads what is small: sizes, and where the tokenizer is.

  Raises:
    BadInput: when something is missing or contradicts itself.
  """
  check_one_start(config.init_from, config.preset)
  shipped = SHIPPED_TOKENIZER if config.preset == 'small' else None
  file = tokenizer_file(TOKENIZER, config.tokenizer, config.init_from, shipped)
  if config.init_from is not None:
    sizes = stored_sizes(config.init_from, SYSTEM)
  else:
    sizes = _preset(config.preset, file).to_dict()
  model = ReVisionLlmConfig.from_dict(merged(sizes, config.model or {}))
  return StartingPoint(
    model,
    {TOKENIZER: file},
    init_params=init_params,
    folder=config.init_from,
    may_be_new=MAY_BE_NEW,
    renewed=config.drawn,
    adapt=functools.partial(with_copies, copied=config.copied, model=model),
  )


def with_copies(
  stored: Mapping[str, np.ndarray],
  seed: int,
  *,
  copied: tuple[CopiedAdapter, ...],
  model: ReVisionLlmConfig,
) -> dict[str, np.ndarray]:
  """Parameters with the adapters that begin as copies.

  Args:
    stored: Path -> array.
    seed: Draws nothing.
    copied: Which of which.
    model: The new sizes; what is of none of its parts is left out.

  Raises:
    BadInput: the adapter to copy is not there.
  """
  del seed
  out = dict(stored)
  for copy in copied:
    old, new = f'{LORAS}/{copy.of}/', f'{LORAS}/{copy.name}/'
    found = {p: x for p, x in stored.items() if p.startswith(old)}
    if not found:
      raise BadInput(
        f'start.copied names the adapter {copy.of!r}, which the checkpoint '
        f'does not have; give one of {", ".join(_adapters(stored))}'
      )
    for path, x in found.items():
      out.setdefault(new + path.removeprefix(old), x)
  kept = {f'{LORAS}/{name}/' for name in model.loras}
  return {
    path: x
    for path, x in out.items()
    if _is_needed(path, model) and (_adapter(path) is None or _in(path, kept))
  }


def _is_needed(path: str, model: ReVisionLlmConfig) -> bool:
  """Whether the network has the part; a long one need not be dense, too."""
  needed = {
    'dense_projector': model.has_dense_level,
    'clip_encoder': model.clip_encoder is not None,
    'alternate_norm': model.alternate_norm,
  }
  return needed.get(path.partition('/')[0], True)


def _adapter(path: str) -> str | None:
  parts = path.split('/')
  return parts[1] if parts[0] == LORAS else None


def _adapters(paths) -> list[str]:
  return sorted({name for path in paths if (name := _adapter(path))})


def _in(path: str, beginnings) -> bool:
  return any(path.startswith(beginning) for beginning in beginnings)


def _preset(name, file) -> ReVisionLlmConfig:
  if name in PRESETS:
    return PRESETS[name]()
  if name != 'small':
    raise BadInput(
      f'start.preset is {name!r}; use one of {", ".join(PRESETS)}, small'
    )
  words = SentencePieceTokenizer(file)
  return small(vocab_size=words.vocab_size, features_width=SMALL_WIDTH)
