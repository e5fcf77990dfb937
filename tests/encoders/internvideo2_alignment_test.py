"""The heads InternVideo2 was aligned by, against the reference's arrays."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from tests import golden_vision as golden
from tests.params_of_tensors import params_of
from vtg_jax.convert.internvideo2 import internvideo2_alignment_table
from vtg_jax.encoders.internvideo2 import InternVideo2
from vtg_jax.encoders.internvideo2_alignment import Alignment, AlignmentConfig
from vtg_jax.nn.compute import Compute

TOLD = golden.TOLD['internvideo2']
CONFIG = AlignmentConfig(
  n_heads=TOLD['heads'],
  pooled_width=TOLD['clip_embed_dim'],
  token_width=TOLD['clip_teacher_embed_dim'],
  clip_width=TOLD['clip_teacher_final_dim'],
  n_layers=TOLD['clip_return_layer'],
  norm_eps=1e-5,
  table_steps=TOLD['ckpt_t'],
  grid=golden.INTERNVIDEO2.grid,
)


def test_the_golden_heads_say_what_the_reference_said():
  tensors = golden.file_tensors('internvideo2.pt')
  config = dataclasses.replace(golden.INTERNVIDEO2, n_layers=TOLD['depth'])
  encoder = params_of(golden.video_table(config.n_layers), tensors)
  heads = params_of(internvideo2_alignment_table(), tensors)

  @jax.jit
  def align(video):
    seen = InternVideo2(config, Compute()).apply(
      {'params': encoder['video_encoder']}, video
    )
    return Alignment(CONFIG, Compute()).apply(
      {'params': heads['alignment']}, seen.layers
    )

  out = align(golden.segments()[0, :1])
  got = {
    'internvideo2.x_pool_vis': out.pooled,
    'internvideo2.x_clip_align_mean': out.tokens.mean(2),
    'internvideo2.x_align': out.clip,
  }
  for name, want in golden.recorded(*got).items():
    np.testing.assert_allclose(
      got[name], want, **golden.TOLERANCE, err_msg=name
    )


@pytest.mark.parametrize('n_steps', [1, 3])
def test_tokens_and_clips_have_their_teachers_widths(n_steps):
  config = dataclasses.replace(
    CONFIG, n_heads=2, token_width=5, clip_width=7, n_layers=2, grid=3
  )
  layers = jax.random.normal(jax.random.key(0), (4, 2, 1 + 9 * n_steps, 8))
  out, boxed = Alignment(config, Compute()).init_with_output(
    jax.random.key(1), layers
  )
  assert out.pooled.shape == (2, CONFIG.pooled_width)
  assert out.tokens.shape == (2, 2, 1 + 9 * n_steps, 5)
  assert out.clip.shape == (2, 7)
  for unit in (out.tokens, out.clip):
    np.testing.assert_allclose(jnp.linalg.norm(unit, axis=-1), 1, atol=1e-5)
  params = nn.meta.unbox(boxed)['params']
  assert params['positions'].shape == (1 + 9 * CONFIG.table_steps, 8)
