"""ReVisionLLM's numbers: what every part measures, and where each is from."""

import dataclasses
from collections.abc import Mapping

from vtg_jax.adapters.hierarchy import ClipEncoderConfig
from vtg_jax.llm.decoder_config import PROJECTIONS, DecoderConfig, llama_7b
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.systems.config_json import from_json

SYSTEM = 'revisionllm'
# Rows of so many windows or frames are laid out before any is read.
_MOST_ROWS = 4096


@dataclasses.dataclass(frozen=True, kw_only=True)
class LevelConfig:
  """One level of the hierarchy: what one sequence of it shows.

  Attributes:
    name: Such as 'dense' or 'long_33'.
    lora: Name of the adapter that the language model wears at this level; the
      bare one when None.
    n_windows: Windows of one sequence, a row each. None for the dense level:
      one window, a row for each of its frames.
  """

  name: str
  lora: str | None
  n_windows: int | None

  def __post_init__(self):
    if self.n_windows is not None and not 1 <= self.n_windows <= _MOST_ROWS:
      raise ValueError(f'{self.n_windows=} of {self.name!r}; use 1 up')

  @property
  def is_dense(self) -> bool:
    """Whether frames, not windows, are the rows of a sequence."""
    return self.n_windows is None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReVisionLlmConfig:
  """Everything that shapes a ReVisionLLM.

  Attributes:
    features_width: Channels D of the features of frames and words.
    clip_encoder: Encoder of whole windows; None where no level needs it.
    llm: Language model; its `lora` is the shape of every adapter.
    levels: From coarse to fine.
    n_frames: Frames F of a window.
    window_s: Its length in seconds.
    fps: Frames per second that features are kept at.
    alternate_norm: The visual rows pass a norm before the language model, as
      in the variant with one adapter for all levels.
  """

  features_width: int
  clip_encoder: ClipEncoderConfig | None
  llm: DecoderConfig
  levels: tuple[LevelConfig, ...]
  n_frames: int
  window_s: float
  fps: float
  alternate_norm: bool = False

  def __post_init__(self):
    for size, value in vars(self.llm).items():
      if type(value) is int and value < 1:
        raise ValueError(f'llm.{size} is {value}; use 1 up')
    if not 1 <= self.n_frames <= _MOST_ROWS:
      raise ValueError(f'n_frames is {self.n_frames}; use 1 to {_MOST_ROWS}')
    if min(self.features_width, self.window_s, self.fps) <= 0:
      raise ValueError(
        f'{self.features_width=}, {self.window_s=} and {self.fps=} must be '
        'above 0'
      )
    names = [level.name for level in self.levels]
    if not names or len(set(names)) < len(names):
      raise ValueError(f'levels are called {names}; give each a name')
    if self.loras and self.llm.lora is None:
      raise ValueError(f'adapters {self.loras} have no llm.lora to size them')
    if self.has_sparse_levels:
      if self.clip_encoder is None:
        raise ValueError(f'levels {names} need a clip_encoder')
      if self.clip_encoder.width != self.features_width:
        raise ValueError(
          f'{self.clip_encoder.width=} is not {self.features_width=}'
        )

  @property
  def loras(self) -> tuple[str, ...]:
    """Names of the adapters, from fine levels to coarse ones."""
    named = [level.lora for level in reversed(self.levels) if level.lora]
    return tuple(dict.fromkeys(named))

  @property
  def has_dense_level(self) -> bool:
    return any(level.is_dense for level in self.levels)

  @property
  def has_sparse_levels(self) -> bool:
    return not all(level.is_dense for level in self.levels)

  def level(self, name: str) -> LevelConfig:
    """The level of a name.

    Raises:
      KeyError: naming those there are.
    """
    for level in self.levels:
      if level.name == name:
        return level
    known = ', '.join(level.name for level in self.levels)
    raise KeyError(f'no level is called {name!r}; use one of {known}')

  def to_dict(self) -> dict:
    """Plain JSON types; `from_dict` is the inverse."""
    return dataclasses.asdict(self)

  @classmethod
  def from_dict(cls, values: Mapping) -> 'ReVisionLlmConfig':
    """The config that `to_dict` wrote.

    Raises:
      BadInput: naming the entry that is missing, unknown or mistyped.
    """
    return from_json(cls, values, 'config')


# The dense level, and what its adapter is called.
DENSE = 'dense'


def levels_of(
  n_windows: Mapping[str, int], *, dense: bool = True
) -> tuple[LevelConfig, ...]:
  """Levels that each have an adapter of their own name, coarse to fine.

  Args:
    n_windows: Name of a sparse level -> windows of a sequence.
    dense: Whether there is a dense level.
  """
  sparse = sorted(n_windows.items(), key=lambda item: -item[1])
  levels = [
    LevelConfig(name=name, lora=name, n_windows=n) for name, n in sparse
  ]
  if dense:
    levels.append(LevelConfig(name=DENSE, lora=DENSE, n_windows=None))
  return tuple(levels)


def mad() -> ReVisionLlmConfig:
  """The released model for MAD: CLIP-L features, Vicuna-7B-v1.5, 3 levels.

  Source: spec sections 1, 3 and 4; the epsilon of Vicuna's norms is that of
  its config.json, which conversion reads where it is given.
  """
  return ReVisionLlmConfig(
    features_width=768,
    clip_encoder=ClipEncoderConfig(
      width=768,
      n_heads=8,
      n_text_layers=2,
      n_layers=2,
      mlp_hidden=2048,
      norm_eps=1e-5,
      dropout=0.1,
    ),
    llm=llama_7b(
      lora=LoraConfig(rank=64, alpha=128.0, dropout=0.05, targets=PROJECTIONS),
    ),
    levels=levels_of({'long_100': 100, 'long_33': 33}),
    n_frames=250,
    window_s=125.0,
    fps=5.0,
  )


def vidchapters() -> ReVisionLlmConfig:
  """The released model for VidChapters-7M: longer windows, two levels."""
  return dataclasses.replace(
    mad(),
    levels=levels_of({'long_100': 100}),
    window_s=500.0,
    fps=2.0,
  )


def unified() -> ReVisionLlmConfig:
  """The variant for VidChapters-7M with one adapter for both levels."""
  return dataclasses.replace(
    vidchapters(),
    levels=(
      LevelConfig(name='long_100', lora='unified', n_windows=100),
      LevelConfig(name=DENSE, lora='unified', n_windows=None),
    ),
    alternate_norm=True,
  )


# Sizes of released files, by the name to ask for them.
PRESETS = {'mad': mad, 'vidchapters': vidchapters, 'unified': unified}


def small(
  *,
  vocab_size: int,
  features_width: int,
  n_frames: int = 24,
  window_s: float = 24.0,
  fps: float = 2.0,
  n_windows: Mapping[str, int] | None = None,
) -> ReVisionLlmConfig:
  """A ReVisionLLM that trains and answers on a laptop CPU: ours.

  Args:
    vocab_size: Of the language model's tokenizer.
    features_width: Of the dual encoder's features, divisible by 4.
    n_frames: Frames of a window.
    window_s: Its length.
    fps: Frames per second that features are kept at.
    n_windows: Name of a sparse level -> windows of a sequence.
  """
  return ReVisionLlmConfig(
    features_width=features_width,
    clip_encoder=ClipEncoderConfig(
      width=features_width,
      n_heads=4,
      n_text_layers=2,
      n_layers=2,
      mlp_hidden=4 * features_width,
      norm_eps=1e-5,
      dropout=0.0,
    ),
    llm=DecoderConfig(
      vocab_size=vocab_size,
      width=96,
      n_layers=4,
      n_heads=2,
      n_kv_heads=2,
      head_dim=48,
      mlp_hidden=256,
      norm_eps=1e-5,
      rope_theta=1e6,
      max_positions=1024,
      tied_embeddings=False,
      lora=LoraConfig(rank=8, alpha=16.0, dropout=0.0, targets=PROJECTIONS),
    ),
    levels=levels_of(n_windows or {'long_33': 33, 'long_12': 12}),
    n_frames=n_frames,
    window_s=window_s,
    fps=fps,
  )
