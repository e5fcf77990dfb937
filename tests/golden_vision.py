"""The vision side of the golden Grounded-VideoLLM: sizes, weights, arrays."""

import json
from pathlib import Path

import numpy as np

from vtg_jax.convert.clip_vit import clip_vit_table
from vtg_jax.convert.internvideo2 import internvideo2_table
from vtg_jax.convert.readers import open_source
from vtg_jax.convert.table import Table
from vtg_jax.convert.two_stream import two_stream_table
from vtg_jax.systems.grounded_videollm.release import config_of_golden

GOLDEN = Path(__file__).parent / 'golden' / 'grounded_videollm'
TOLERANCE = dict(rtol=1e-4, atol=2e-4)
TOLD = json.loads((GOLDEN / 'config.json').read_text())
N_SEGMENTS, N_FRAMES = TOLD['num_segs'], TOLD['frames_per_seg']
_CONFIGS = {name: config_of_golden(TOLD, name) for name in ('phi3', 'llama3')}
CLIP = _CONFIGS['phi3'].image_encoder
INTERNVIDEO2 = _CONFIGS['phi3'].video_encoder
TWO_STREAM = {name: config.two_stream for name, config in _CONFIGS.items()}
# Language model -> the files its adapter is spread over.
TWO_STREAM_FILES = {
  'phi3': (
    'multi_modal_projector.pth',
    'image_newlines.pth',
    'ckpt[model][video_projecter]',
  ),
  'llama3': (
    'multi_modal_projector.pth',
    'image_newline.pth',
    'ckpt[model][video_projecter]',
  ),
}


def clip_table(n_layers: int = CLIP.n_layers) -> Table:
  """Rules for the keys of `vision_model.pth`."""
  return clip_vit_table(patch_size=CLIP.patch_size, n_layers=n_layers).under(
    'vision_model.'
  )


def video_table(n_layers: int = INTERNVIDEO2.n_layers) -> Table:
  """Rules for the keys of `internvideo2.pt`."""
  config = INTERNVIDEO2
  patch = (config.tubelet_size, config.patch_size, config.patch_size)
  return internvideo2_table(patch=patch, n_layers=n_layers)


def adapter_table(name: str) -> Table:
  """Rules for the keys of one language model's adapter."""
  return two_stream_table(image_reduction=TWO_STREAM[name].image_reduction)


def file_tensors(section: str) -> dict[str, np.ndarray]:
  """The tensors of one released file, under its keys."""
  source = open_source(GOLDEN / 'weights.safetensors')
  prefix = f'{section}|'
  return {
    key.removeprefix(prefix): source.read(key)
    for key in source.tensors
    if key.startswith(prefix)
  }


def adapter_tensors(name: str) -> dict[str, np.ndarray]:
  """The tensors of all files of one adapter."""
  tensors = {}
  for file in TWO_STREAM_FILES[name]:
    tensors |= file_tensors(f'{name}/{file}')
  return tensors


def recorded(*names: str) -> dict[str, np.ndarray]:
  """Some of the reference's outputs."""
  with np.load(GOLDEN / 'outputs.npz') as file:
    return {name: file[name] for name in names}


def keyframes() -> np.ndarray:
  """Normalised keyframes [B S h w C]."""
  with np.load(GOLDEN / 'inputs.npz') as file:
    return np.moveaxis(file['spatial_pixel_values'], 2, -1)


def segments() -> np.ndarray:
  """Normalised frames by segment, [B S F h w C]."""
  with np.load(GOLDEN / 'inputs.npz') as file:
    frames = np.moveaxis(file['temporal_pixel_values'], 2, -1)
  return frames.reshape(len(frames), N_SEGMENTS, N_FRAMES, *frames.shape[2:])
