"""A Grounded-VideoLLM of a few thousand parameters, in both dialects."""

import dataclasses

import jax
import numpy as np

from tests.systems.grounded_videollm import golden
from vtg_jax.convert.checkpoint import save_checkpoint
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.systems.grounded_videollm.config import (
  SYSTEM,
  GroundedVideoLlmConfig,
)
from vtg_jax.systems.grounded_videollm.grounder import GroundedVideoLlmGrounder
from vtg_jax.systems.grounded_videollm.model import param_shapes
from vtg_jax.systems.grounded_videollm.release import TOKENIZER


def config(name: str) -> GroundedVideoLlmConfig:
  """The golden set's sizes with fewer frames and patches."""
  whole = golden.config_of(name)
  image = dataclasses.replace(
    whole.image_encoder, image_size=16, patch_size=2, n_layers=1
  )
  return dataclasses.replace(
    whole,
    image_encoder=image,
    video_encoder=dataclasses.replace(whole.video_encoder, n_layers=1),
    two_stream=dataclasses.replace(
      whole.two_stream, image_grid=image.grid, image_side=4
    ),
    n_frames=4,
    max_text_tokens=512,
  )


def params(sizes: GroundedVideoLlmConfig, seed: int = 3) -> dict:
  """Random parameters under which questions and videos make a difference."""
  rng = np.random.default_rng(seed)

  def draw(path, leaf):
    noise = 0.25 * rng.normal(size=leaf.shape).astype(np.float32)
    return noise + 1 if path[-1].key == 'scale' else noise

  return jax.tree_util.tree_map_with_path(draw, param_shapes(sizes))


def tokenizer_file(name: str):
  return golden.GOLDEN / f'tokenizer_{name}.json'


def tokenizer(name: str) -> JsonTokenizer:
  n_intervals = config(name).n_intervals
  return JsonTokenizer(tokenizer_file(name), time_tokens(n_intervals))


def grounder(name: str, **options) -> GroundedVideoLlmGrounder:
  sizes = config(name)
  return GroundedVideoLlmGrounder(
    sizes, params(sizes), tokenizer(name), **options
  )


def save(folder, name: str, sizes: GroundedVideoLlmConfig | None = None):
  """Writes a checkpoint folder, of the usual sizes when none are given."""
  sizes = sizes or config(name)
  save_checkpoint(
    folder,
    params(sizes),
    {'system': SYSTEM, 'model': sizes.to_dict(), 'notice': 'a test'},
    tokenizer_files={TOKENIZER: tokenizer_file(name)},
  )
