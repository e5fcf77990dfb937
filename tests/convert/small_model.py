"""A three-layer model with every kind of rule, for the tests beside it."""

import dataclasses
from pathlib import Path

import numpy as np

from vtg_jax.convert.from_release import ConversionReport, convert_release
from vtg_jax.convert.ops import LeadingOne, PatchKernel, Transpose
from vtg_jax.convert.safetensors_file import write_safetensors
from vtg_jax.convert.table import Ignore, Rule, Table
from vtg_jax.convert.tensor_file import NAMES, TensorInfo

N_LAYERS = 3
TABLE = Table(
  (
    Rule(
      'patch.weight', 'patch/kernel', PatchKernel(patch=(1, 2, 3), channels=2)
    ),
    Rule('embed.weight', 'embed/embedding', extra_rows=1),
    Rule('head.weight', 'head/kernel', Transpose(), extra_rows=1),
    Rule('queries', 'queries', LeadingOne()),
    Rule('blocks.{n}.fc.weight', 'layers/fc/kernel[{n}]', Transpose()),
    Rule('blocks.{n}.fc.bias', 'layers/fc/bias[{n}]'),
    Rule('norms.{n}.weight', 'norm_{n}/scale'),
  ),
  (Ignore(r'positions', 'a buffer that counts'), Ignore(r'old\..+', 'unused')),
).under('net.', '')
CONFIG = {'system': 'small'}


@dataclasses.dataclass(frozen=True)
class Shape:
  shape: tuple[int, ...]


EXPECTED = {
  'patch/kernel': Shape((12, 4)),
  'embed/embedding': Shape((6, 4)),
  'head/kernel': Shape((4, 6)),
  'queries': Shape((5, 4)),
  'layers/fc/kernel': Shape((N_LAYERS, 4, 7)),
  'layers/fc/bias': Shape((N_LAYERS, 7)),
  'norm_0/scale': Shape((4,)),
}


def released(dtype=np.float32, seed: int = 0) -> dict[str, np.ndarray]:
  """Tensors as a release would hold them, in no particular order."""
  rng = np.random.default_rng(seed)

  def normal(*shape):
    return rng.normal(size=shape).astype(dtype)

  tensors = {
    'net.positions': np.arange(9, dtype=np.int64)[None],
    'net.old.weight': normal(2, 2),
    'net.queries': normal(1, 5, 4),
    'net.patch.weight': normal(4, 2, 1, 2, 3),
    'net.embed.weight': normal(7, 4),
    'net.head.weight': normal(7, 4),
    'net.norms.0.weight': normal(4),
  }
  for n in (2, 0, 1):
    tensors[f'net.blocks.{n}.fc.weight'] = normal(7, 4)
    tensors[f'net.blocks.{n}.fc.bias'] = normal(7)
  return tensors


def save(path: Path, tensors: dict[str, np.ndarray], metadata=None) -> Path:
  """Writes tensors as safetensors."""
  headers = {k: TensorInfo(NAMES[a.dtype], a.shape) for k, a in tensors.items()}
  write_safetensors(path, headers, tensors.values(), metadata)
  return path


def convert(
  sources, out: Path, *, expected=None, **options
) -> ConversionReport:
  """Converts sources with the small model's table."""
  return convert_release(
    sources, TABLE, expected or EXPECTED, CONFIG, {}, out, **options
  )
