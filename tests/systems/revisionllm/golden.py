"""ReVisionLLM's golden folder: its files, as they lie and in other layouts."""

import json
import shutil
from pathlib import Path

import numpy as np

from tests.convert.small_model import save
from vtg_jax.convert.readers import open_source
from vtg_jax.convert.torch_file import write_torch

GOLDEN = Path(__file__).parents[2] / 'golden' / 'revisionllm'
TOLD = json.loads((GOLDEN / 'config.json').read_text('utf-8'))
CKPT = GOLDEN / 'ckpt'
BASE = GOLDEN / 'weights.safetensors'
PROJECTOR, DENSE, SPARSE, LONG = (
  CKPT / name
  for name in (
    'vtimellm_stage1',
    'stage1_dense',
    'stage1_sparse',
    'stage2_long',
  )
)
WHOLE = (BASE, PROJECTOR, DENSE, SPARSE, LONG)


def tensors(source: Path) -> dict[str, np.ndarray]:
  """Every tensor of a file or folder, in its order."""
  opened = open_source(source)
  return {key: opened.read(key) for key in opened.tensors}


def stage(
  folder: Path,
  *,
  torch: bool = False,
  like: Path | None = None,
  **files: dict[str, np.ndarray],
) -> Path:
  """A folder as a stage leaves it.

  Args:
    folder: The new one.
    torch: As PyTorch files.
    like: Whose adapter_config.json is copied.
    **files: Tensors of 'adapter_model', 'non_lora_trainables' or another.
  """
  folder.mkdir(parents=True)
  if like is not None:
    shutil.copy(like / 'adapter_config.json', folder)
  for name, values in files.items():
    path = save(folder / f'{name}.safetensors', values, {'format': 'pt'})
    if torch:
      write_torch(path.with_suffix('.bin'), path, {})
      path.unlink()
  return folder
