"""What the stages of ReVisionLLM's training left, and the levels it makes.

The projector, a folder with the adapter of the dense level, one with the
encoder of windows, and one a long level. The files of several stages have the
same keys, so each source has a name, said as NAME=PATH or found in the path:
'dense', 'sparse', 'long_33', 'long_100'.
"""

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path

from vtg_jax.convert.readers import SCOPE_END, Source, open_source
from vtg_jax.convert.revisionllm import SPARSE, scope
from vtg_jax.errors import BadInput
from vtg_jax.systems.released_files import existing
from vtg_jax.systems.revisionllm.config import (
  DENSE,
  LevelConfig,
  ReVisionLlmConfig,
)

UNIFIED = 'unified'
_NAMED = re.compile(r'(\w+)=(.+)', re.DOTALL)
_LONG = re.compile(r'long(?:[_-]?(\d+))?')
_LORA = re.compile(r'(.*\.)?lora_A(\.default)?\.weight')
_ENCODER_KEY = re.compile(r'(.*\.)?global_rep_token')
_PROJECTOR_KEY = re.compile(r'(model\.|base_model\.)*mm_projector\.weight')
_EMBEDDING_KEY = re.compile(r'(.*\.)?embed_tokens\.weight')
_TEXT_STAGE_KEY = re.compile(r'(.*\.)?t2v_encoder\.layers\.0\.norm1\.weight')
_NORM_KEY = re.compile(r'(.*\.)?alternate_layer_norm\.weight')


def open_stages(sources: Sequence[str | os.PathLike]) -> list[Source]:
  """The sources, opened, each with the scope that its name gives it.

  Raises:
    BadInput: a source cannot be read, or holds an adapter whose level neither
      its name nor its path tells.
  """
  opened, names = [], []
  for given in sources:
    said, path = _said_name(given)
    (path,) = existing([path])
    source = open_source(path)
    if said is None and _has(source, _LORA):
      said = _name_in(path)
    elif said is None and _has(source, _ENCODER_KEY):
      said = SPARSE
    opened.append(source)
    names.append(said)
  if DENSE not in names:  # the sparse stage's copy is all there is of it
    names = [
      DENSE if name == SPARSE and _has(source, _LORA) else name
      for name, source in zip(names, opened, strict=True)
    ]
  return [
    source if name is None else dataclasses.replace(source, scope=scope(name))
    for name, source in zip(names, opened, strict=True)
  ]


def _said_name(
  given: str | os.PathLike,
) -> tuple[str | None, str | os.PathLike]:
  named = _NAMED.fullmatch(os.fspath(given))
  if named is None or Path(given).exists():
    return None, given
  return named[1], named[2]


def _name_in(path: Path) -> str:
  """What a path calls the stage that left it."""
  folder = (
    path.absolute().name if path.is_dir() else path.absolute().parent.name
  )
  if long := _LONG.search(folder):
    return f'long_{long[1]}' if long[1] else 'long'
  for name in (SPARSE, DENSE, UNIFIED):
    if name in folder:
      return name
  raise BadInput(
    f'{path} holds an adapter of the language model, and its name does not '
    f'tell the level; give it as {DENSE}={path} or long_33={path}'
  )


def _has(source: Source, pattern: re.Pattern) -> bool:
  return any(map(pattern.fullmatch, source.tensors))


def _shapes(sources: Sequence[Source], pattern: re.Pattern) -> list[tuple]:
  """Shapes of the tensors whose keys match, the last source's last."""
  return [
    info.shape
    for source in sources
    for key, info in source.tensors.items()
    if pattern.fullmatch(key)
  ]


def as_in_files(
  sizes: ReVisionLlmConfig, sources: Sequence[Source]
) -> ReVisionLlmConfig:
  """The sizes with the words, the adapters and the levels that files have.

  Raises:
    BadInput: no file holds an adapter of any kind, or none holds the encoder
      that a long level needs.
  """
  told = ', '.join(str(source.path) for source in sources)
  encoders, adapters = _shapes(sources, _ENCODER_KEY), _shapes(sources, _LORA)
  has_projector = bool(_shapes(sources, _PROJECTOR_KEY))
  if not (encoders or adapters or has_projector):
    raise BadInput(
      f'no adapter tensor is in {told}: neither a projector (mm_projector.'
      'weight) nor an encoder of windows (mm_projector.global_rep_token) nor '
      'LoRA; give the folders of the stages as well'
    )
  names = [source.scope.rstrip(SCOPE_END) for source in sources if source.scope]
  names = [name for name in dict.fromkeys(names) if name != SPARSE]
  levels = _levels(sizes, names, has_projector, bool(encoders))
  if not encoders and not all(level.is_dense for level in levels):
    raise BadInput(
      f'no adapter tensor of the encoder of windows (mm_projector.global_rep_'
      f'token and others) is in {told}; a long stage does not always save it: '
      'give the folder of the sparse stage as well'
    )
  lora = sizes.llm.lora
  if not adapters:
    lora = None
  elif lora is not None:
    lora = dataclasses.replace(lora, rank=adapters[-1][0])
  words = _shapes(sources, _EMBEDDING_KEY)
  encoder = sizes.clip_encoder
  if encoder is not None and not _shapes(sources, _TEXT_STAGE_KEY):
    encoder = dataclasses.replace(encoder, n_text_layers=0)
  return dataclasses.replace(
    sizes,
    clip_encoder=encoder if encoders else None,
    llm=dataclasses.replace(
      sizes.llm,
      lora=lora,
      vocab_size=words[-1][0] if words else sizes.llm.vocab_size,
    ),
    levels=levels,
    alternate_norm=bool(_shapes(sources, _NORM_KEY)),
  )


def _levels(
  sizes: ReVisionLlmConfig,
  names: Sequence[str],
  has_projector: bool,
  has_encoder: bool,
) -> tuple[LevelConfig, ...]:
  """The levels that adapters of these names make, coarse to fine."""
  usual = [level.n_windows for level in sizes.levels if not level.is_dense]
  usual = usual[0] if usual else 1
  sparse, dense = [], []
  for name in names:
    if long := _LONG.fullmatch(name):
      n_windows = int(long[1] or usual)
      sparse.append(LevelConfig(name=name, lora=name, n_windows=n_windows))
    elif name == DENSE:
      dense.append(LevelConfig(name=name, lora=name, n_windows=None))
    elif name == UNIFIED:
      long = LevelConfig(name='long', lora=name, n_windows=usual)
      sparse.append(long)
      dense.append(LevelConfig(name=DENSE, lora=name, n_windows=None))
    else:
      raise BadInput(
        f'{name!r} names no level of the hierarchy; use {DENSE}, {SPARSE}, '
        f'{UNIFIED}, or long_33 for one of 33 windows'
      )
  if has_projector and not dense:
    dense.append(LevelConfig(name=DENSE, lora=None, n_windows=None))
  if has_encoder and not sparse:  # one window a sequence, as it was trained
    lora = DENSE if DENSE in names else None
    sparse.append(LevelConfig(name=SPARSE, lora=lora, n_windows=1))
  return (*sorted(sparse, key=lambda level: -level.n_windows), *dense)
