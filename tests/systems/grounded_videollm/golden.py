"""The golden Grounded-VideoLLM as files, as they were released."""

import json
from pathlib import Path

from tests.convert.small_model import save
from tests.golden_vision import file_tensors
from vtg_jax.systems.grounded_videollm import release

GOLDEN = Path(__file__).parents[2] / 'golden' / 'grounded_videollm'
TOLD = json.loads((GOLDEN / 'config.json').read_text())
TOLERANCE = dict(rtol=1e-4, atol=2e-4)
NAMES = ('phi3', 'llama3')
ROWS_FILE = {'phi3': 'image_newlines.pth', 'llama3': 'image_newline.pth'}


def config_of(name, *, tuned=True):
  return release.config_of_golden(TOLD, name, tuned=tuned)


def modules_of(name, *, tuned) -> dict[str, dict]:
  """The modules in a stage's file."""
  modules = {
    'multi_modal_projector': file_tensors(f'{name}/multi_modal_projector.pth'),
    'video_projecter': file_tensors(f'{name}/ckpt[model][video_projecter]'),
  }
  if tuned:
    modules['language_model'] = file_tensors(
      f'{name}/ckpt[model][language_model]'
    )
  return modules


def save_release(name, folder, *, tuned=True) -> list[Path]:
  """Writes the files of one model; returns them in loading order."""
  rows = file_tensors(f'{name}/{ROWS_FILE[name]}')
  files = [
    save(folder / 'vision_model.safetensors', file_tensors('vision_model.pth')),
    save(folder / 'internvideo.safetensors', file_tensors('internvideo2.pt')),
    save(folder / 'rows.safetensors', rows),
  ]
  if not tuned:
    base = file_tensors(f'{name}/language_model_seperated')
    files.append(save(folder / 'language_model.safetensors', base))
  stage = {
    f'{module}.{key}': array
    for module, tensors in modules_of(name, tuned=tuned).items()
    for key, array in tensors.items()
  }
  return [*files, save(folder / 'stage.safetensors', stage)]


def torch_release(name, *, tuned=True) -> dict[str, dict]:
  """File name -> what torch saved there, as the files were released."""
  import torch

  def tensors(arrays):
    return {key: torch.from_numpy(array) for key, array in arrays.items()}

  modules = modules_of(name, tuned=tuned)
  return {
    'vision_model.pth': tensors(file_tensors('vision_model.pth')),
    'internvideo2.pt': tensors(file_tensors('internvideo2.pt')),
    ROWS_FILE[name]: tensors(file_tensors(f'{name}/{ROWS_FILE[name]}')),
    'stage.pth': {
      'model': {module: tensors(modules[module]) for module in modules}
    },
  }
