"""Golden folders made by the tests: changed copies, and other sizes."""

import json
import shutil
from pathlib import Path

import jax
import numpy as np

from tests.convert.small_model import save
from vtg_jax.convert.engine import canonical_tensors, unconvert
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.tensor_file import TensorInfo
from vtg_jax.systems.hawkeye import model, release

GOLDEN = Path(__file__).parents[3] / 'golden' / 'hawkeye'
TOKENIZERS = ('llama_tokenizer.model', 'bert_vocab.txt')


def description() -> dict:
  return json.loads((GOLDEN / 'config.json').read_text('utf-8'))


def load(name: str) -> dict[str, np.ndarray]:
  with np.load(GOLDEN / name) as arrays:
    return dict(arrays)


class InMemory:
  """Parameters as the export reads them."""

  def __init__(self, params):
    self.flat = flatten(params)
    self.shapes = {path: x.shape for path, x in self.flat.items()}

  def read(self, path, index=None):
    x = np.asarray(self.flat[path])
    return x if index is None else x[index]


def released_tensors(config, params) -> dict[str, np.ndarray]:
  """Our parameters under the released names."""
  stored = InMemory(params)
  return {
    key: np.ascontiguousarray(unconvert(stored, slot, TensorInfo('F32', shape)))
    for key, slot, shape in canonical_tensors(
      stored.shapes, release.table(config)
    )
  }


def random_params(config):
  """Parameters that differ everywhere, norms near one."""
  rng = np.random.default_rng(0)

  def draw(path, leaf):
    noise = 0.2 * rng.normal(size=leaf.shape).astype(np.float32)
    return noise + (jax.tree_util.keystr(path).endswith("['scale']"))

  return jax.tree_util.tree_map_with_path(draw, model.param_shapes(config))


def write(folder: Path, told: dict, inputs, weights=None, outputs=None):
  """A golden folder; the recorded weights when none are given."""
  folder.mkdir()
  (folder / 'config.json').write_text(json.dumps(told), 'utf-8')
  np.savez(folder / 'inputs.npz', **inputs)
  if outputs is not None:
    np.savez(folder / 'outputs.npz', **outputs)
  if weights is None:
    shutil.copy(GOLDEN / 'weights.safetensors', folder)
  else:
    save(folder / 'weights.safetensors', weights)
  for name in TOKENIZERS:
    shutil.copy(GOLDEN / name, folder)
  return folder


def without_figures(told: dict) -> dict:
  """A description that records no results."""
  generation = {
    name: {key: value for key, value in known.items() if key != 'text'}
    for name, known in told['generation'].items()
  }
  return told | {'losses': {}, 'grad_norms': {}, 'generation': generation}


def resized(*, vit, alt, q, llm, lora) -> tuple[dict, dict[str, np.ndarray]]:
  """The description and inputs of a network of other sizes."""
  told = without_figures(description())
  changes = {'vit': vit, 'alt': alt, 'q': q, 'llm': llm, 'lora': lora}
  for name, change in changes.items():
    told['dims'][name] = told['dims'][name] | change
  vit, alt = told['dims']['vit'], told['dims']['alt']
  told['vit_blocks_run'] = vit['depth'] - 1
  rng = np.random.default_rng(0)

  def frames(batch, n, size):
    return rng.normal(size=(batch, n, 3, size, size)).astype(np.float32)

  return told, load('inputs.npz') | {
    'video': frames(2, vit['frames'], vit['img']),
    'image': frames(1, 1, vit['img']),
    'alt_video': frames(1, alt['frames'], alt['img']),
  }
