"""A CLIP of random weights that runs in no time."""

import dataclasses
import functools

import jax
import numpy as np

from vtg_jax.encoders.dual import param_shapes, small
from vtg_jax.systems.clip import frame_encoder
from vtg_jax.testing.small_clip_tokenizer import make_tokenizer


@functools.cache
def tokenizer():
  return make_tokenizer()


def tiny():
  config = small(vocab_size=tokenizer().get_vocab_size())
  block = dataclasses.replace(
    config.image.block, width=8, n_heads=2, mlp_hidden=12
  )
  return dataclasses.replace(
    config,
    image=dataclasses.replace(
      config.image, block=block, n_layers=1, image_size=16
    ),
    text=dataclasses.replace(
      config.text, block=block, n_layers=1, max_tokens=20
    ),
    features=8,
  )


def random_params(config, *, seed=0):
  """As trained ones are: no bias is zero, no scale one."""
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda leaf: rng.normal(0, 0.3, leaf.shape).astype(np.float32),
    param_shapes(config),
  )


def write_tiny(folder, *, seed=0, **options):
  """A checkpoint folder of it."""
  folder.parent.mkdir(exist_ok=True)
  file = folder.parent / f'{folder.name}-tokenizer.json'
  tokenizer().save(str(file))
  params = random_params(tiny(), seed=seed)
  frame_encoder.save(folder, tiny(), params, file, **options)
  file.unlink()
  return folder
