"""Which model and which file benchmarks of hours of video are about.

VTG_LONG_MODEL   a ReVisionLLM's checkpoint folder; the small shipped one
VTG_LONG_FILE    a long video file; there is none with the library
"""

import os
from pathlib import Path

MODEL, FILE = 'VTG_LONG_MODEL', 'VTG_LONG_FILE'
SHIPPED = 'revisionllm_small'


def model_folder() -> Path:
  """The checkpoint folder."""
  from vtg_jax.systems.registry import CHECKPOINTS

  return Path(os.environ.get(MODEL) or CHECKPOINTS / SHIPPED)


def has_model() -> bool:
  """Whether it is there."""
  return (model_folder() / 'config.json').is_file()


def long_file() -> Path | None:
  """The video file, if one is named and there."""
  path = Path(os.environ.get(FILE) or '')
  return path if path.is_file() else None
