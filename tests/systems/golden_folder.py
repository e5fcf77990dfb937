"""Golden folders made by the tests: changed copies, and other sizes."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import jax
import numpy as np

from tests.convert.small_model import save


def load(path: Path) -> dict[str, np.ndarray]:
  """The arrays of an .npz file."""
  with np.load(path) as arrays:
    return dict(arrays)


def random_params(shapes):
  """Parameters that differ everywhere, norms near one.

  Args:
    shapes: Nested dict of what has the shape of a parameter.
  """
  rng = np.random.default_rng(0)

  def draw(path, leaf):
    noise = 0.2 * rng.normal(size=leaf.shape).astype(np.float32)
    return noise + (jax.tree_util.keystr(path).endswith("['scale']"))

  return jax.tree_util.tree_map_with_path(draw, shapes)


def write(
  folder: Path,
  golden: Path,
  told: dict,
  inputs: Mapping[str, np.ndarray],
  *,
  weights: Mapping[str, np.ndarray] | None = None,
  outputs: Mapping[str, np.ndarray] | None = None,
  files: Iterable[str] = (),
) -> Path:
  """A golden folder.

  Args:
    folder: The new one.
    golden: The recorded one.
    told: For config.json.
    inputs: For inputs.npz.
    weights: By key; the recorded ones when None.
    outputs: For outputs.npz; there is none when None.
    files: What is copied from the recorded one.
  """
  folder.mkdir()
  (folder / 'config.json').write_text(json.dumps(told), 'utf-8')
  np.savez(folder / 'inputs.npz', **inputs)
  if outputs is not None:
    np.savez(folder / 'outputs.npz', **outputs)
  if weights is None:
    shutil.copy(golden / 'weights.safetensors', folder)
  else:
    save(folder / 'weights.safetensors', weights)
  for name in files:
    shutil.copy(golden / name, folder)
  return folder
