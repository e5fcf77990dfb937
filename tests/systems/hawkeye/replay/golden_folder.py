"""HawkEye's golden folders made by the tests: changed copies, other sizes."""

import json
from pathlib import Path

import numpy as np

from tests.systems import golden_folder
from vtg_jax.systems.hawkeye import model, release
from vtg_jax.systems.replay import golden_weights

GOLDEN = Path(__file__).parents[3] / 'golden' / 'hawkeye'
TOKENIZERS = ('llama_tokenizer.model', 'bert_vocab.txt')


def description() -> dict:
  return json.loads((GOLDEN / 'config.json').read_text('utf-8'))


def load(name: str) -> dict[str, np.ndarray]:
  return golden_folder.load(GOLDEN / name)


def released_tensors(config, params) -> dict[str, np.ndarray]:
  """Our parameters under the released names."""
  return golden_weights.released_tensors(params, release.table(config))


def random_params(config):
  return golden_folder.random_params(model.param_shapes(config))


def write(folder: Path, told: dict, inputs, weights=None, outputs=None):
  """A golden folder; the recorded weights when none are given."""
  return golden_folder.write(
    folder,
    GOLDEN,
    told,
    inputs,
    weights=weights,
    outputs=outputs,
    files=TOKENIZERS,
  )


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
