"""A CLIP of random weights that runs in no time."""

import dataclasses
import functools

import jax

from vtg_jax.encoders.dual import init_params, small
from vtg_jax.nn.compute import Compute
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


def write_tiny(folder, *, seed=0, **options):
  """A checkpoint folder of it."""
  folder.parent.mkdir(exist_ok=True)
  file = folder.parent / f'{folder.name}-tokenizer.json'
  tokenizer().save(str(file))
  params = init_params(tiny(), jax.random.key(seed), Compute())
  frame_encoder.save(folder, tiny(), params, file, **options)
  file.unlink()
  return folder
