"""The image encoder of a CLIP in place of EVA-CLIP's.

It sees other colours: CLIP subtracts and divides by its own, TimeChat by the
usual ones. Both are linear, and so is what reads the patches: it takes up the
difference, and nothing of what comes after it changes.
"""

import dataclasses
import os

import jax.numpy as jnp
import numpy as np

from input_pipeline.pixels import CLIP_MEAN, CLIP_STD
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.encoders.dual import DualEncoderConfig
from vtg_jax.encoders.vit import VitConfig
from vtg_jax.nn.patch import patchify
from vtg_jax.systems.clip import release as clip
from vtg_jax.systems.training.starting_point import stored_sizes

_THEIRS, _OURS = 'image_encoder/', 'encoder/'
_KERNEL, _BIAS = (f'{_OURS}patch_embed/{name}' for name in ('kernel', 'bias'))


def image_encoder_sizes(folder: str | os.PathLike) -> VitConfig:
  """Sizes of the image encoder, as a TimeChat has it, of a CLIP of ours.

  Raises:
    BadInput: the folder is no CLIP of ours.
  """
  return dataclasses.replace(_dual(folder).image, patch_bias=True)


def image_encoder_params(folder: str | os.PathLike) -> dict[str, np.ndarray]:
  """Path in a TimeChat -> array, of the image encoder of a CLIP of ours.

  Raises:
    BadInput: the folder is no CLIP of ours, or is damaged.
  """
  config = _dual(folder)
  flat = flatten(checkpoint.load_params(folder))
  out = {
    _OURS + path.removeprefix(_THEIRS): np.asarray(x)
    for path, x in flat.items()
    if path.startswith(_THEIRS)
  }
  mean, std = (np.array(x) for x in (config.colour_mean, config.colour_std))
  # Colours as CLIP sees them: so much of those TimeChat sees, and so much more.
  worth = _patch(config.image, np.array(CLIP_STD) / std)
  more = _patch(config.image, (np.array(CLIP_MEAN) - mean) / std)
  kernel = out[_KERNEL].astype(np.float64)
  bias = out.get(_BIAS, 0.0) + more @ kernel
  out[_KERNEL] = (worth[:, None] * kernel).astype(np.float32)
  out[_BIAS] = bias.astype(np.float32)
  return out


def _dual(folder) -> DualEncoderConfig:
  return clip.config_of_json(stored_sizes(folder, clip.SYSTEM))


def _patch(config: VitConfig, colour: np.ndarray) -> np.ndarray:
  """A patch of one colour, as the encoder's first kernel reads it."""
  size = config.patch_size
  filled = np.broadcast_to(colour, (1, 1, size, size, len(colour)))
  patches = patchify(jnp.asarray(filled), frames=1, patch=size)
  return np.asarray(patches, np.float64)[0, 0]
