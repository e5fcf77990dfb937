"""The golden Grounded-VideoLLM as files, as they were released."""

import json
from pathlib import Path

import numpy as np

from tests.convert.small_model import save
from vtg_jax.convert.readers import open_source
from vtg_jax.systems.grounded_videollm import release

GOLDEN = Path(__file__).parents[2] / 'golden' / 'grounded_videollm'
TOLD = json.loads((GOLDEN / 'config.json').read_text())
TOLERANCE = dict(rtol=1e-4, atol=2e-4)
NAMES = ('phi3', 'llama3')
ROWS_FILE = {'phi3': 'image_newlines.pth', 'llama3': 'image_newline.pth'}


def config_of(name, *, tuned=True):
  return release.config_of_golden(TOLD, name, tuned=tuned)


def section(name) -> dict[str, np.ndarray]:
  source = open_source(GOLDEN / 'weights.safetensors')
  return {
    key.removeprefix(f'{name}|'): source.read(key)
    for key in source.tensors
    if key.startswith(f'{name}|')
  }


def save_release(name, folder, *, tuned=True) -> list[Path]:
  """Writes the files of one model; returns them in loading order."""
  rows = section(f'{name}/{ROWS_FILE[name]}')
  files = [
    save(folder / 'vision_model.safetensors', section('vision_model.pth')),
    save(folder / 'internvideo.safetensors', section('internvideo2.pt')),
    save(folder / 'rows.safetensors', rows),
  ]
  modules = {
    'multi_modal_projector': section(f'{name}/multi_modal_projector.pth'),
    'video_projecter': section(f'{name}/ckpt[model][video_projecter]'),
  }
  if tuned:
    modules['language_model'] = section(f'{name}/ckpt[model][language_model]')
  else:
    base = section(f'{name}/language_model_seperated')
    files.append(save(folder / 'language_model.safetensors', base))
  stage = {
    f'{module}.{key}': array
    for module, tensors in modules.items()
    for key, array in tensors.items()
  }
  return [*files, save(folder / 'stage.safetensors', stage)]
