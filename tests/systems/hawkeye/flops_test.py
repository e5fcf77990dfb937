import dataclasses
import re

import jax
import jax.numpy as jnp
import pytest

from tests.systems.hawkeye import tiny
from vtg_jax.convert.param_tree import flatten, unflatten
from vtg_jax.nn.compute import Compute
from vtg_jax.planning.flops import count_flops
from vtg_jax.systems.hawkeye.config import full
from vtg_jax.systems.hawkeye.flops import forward_flops, useful_flops
from vtg_jax.systems.hawkeye.model import HawkEye, param_shapes

PAPER = r'qformer/.*|projector/.*|.*lora_[ab]'
ROW_TOKENS, INSTRUCTION_TOKENS, BATCH = 23, 7, 2
SIZES = dict(row_tokens=ROW_TOKENS, instruction_tokens=INSTRUCTION_TOKENS)


def configs():
  base = tiny.config()
  yield 'tiny', base
  deeper = dataclasses.replace(
    base,
    encoder=dataclasses.replace(base.encoder, n_layers=3, width=24),
    qformer=dataclasses.replace(
      base.qformer, n_layers=5, features_width=24, width=12, mlp_hidden=20
    ),
    llm=dataclasses.replace(
      base.llm, n_kv_heads=2, lora=None, tied_embeddings=True
    ),
    n_frames=2,
  )
  yield 'deeper', deeper


CONFIGS = dict(configs())


def counted(config, trained=None):
  """Products in the traced forward pass, or in the gradient of `trained`."""
  model = HawkEye(config, Compute(attention='xla'))
  size = config.encoder.image_size
  S = jax.ShapeDtypeStruct
  video = S((BATCH, config.n_frames, size, size, 3), jnp.float32)
  text, row = (BATCH, INSTRUCTION_TOKENS), (BATCH, ROW_TOKENS)
  inputs = (
    *(video, S(text, jnp.int32), S(text, bool)),
    *(S(row, jnp.int32), S(row, bool), S((BATCH,), jnp.int32)),
  )

  def loss(some, others, *inputs):
    params = unflatten({**some, **others})
    scores = model.apply({'params': params}, *inputs)
    return (scores**2).sum()  # a gradient needs the scores

  flat = flatten(param_shapes(config))
  some = {p: x for p, x in flat.items() if p in (trained or ())}
  others = {p: x for p, x in flat.items() if p not in some}
  function = jax.grad(loss) if trained else loss
  return count_flops(function, some, others, *inputs).matmul


def unused(config):
  """The last Q-Former layer's network for the text, which XLA leaves out."""
  qformer = config.qformer
  return 4 * INSTRUCTION_TOKENS * qformer.width * qformer.mlp_hidden


def paths(config, pattern):
  return {p for p in flatten(param_shapes(config)) if re.fullmatch(pattern, p)}


@pytest.mark.parametrize('name', CONFIGS)
def test_the_forward_pass_costs_what_the_trace_says(name):
  config = CONFIGS[name]
  needed = forward_flops(config, **SIZES)
  assert counted(config) == BATCH * (needed + unused(config))


@pytest.mark.parametrize('name', CONFIGS)
@pytest.mark.parametrize(
  ('pattern', 'times_unused'),
  [(PAPER, 3), ('projector/kernel', 1), (r'projector/.*|.*lora_b', 1)],
)
def test_a_training_step_costs_what_the_trace_says(name, pattern, times_unused):
  config = CONFIGS[name]
  trained = paths(config, pattern)
  needed = useful_flops(config, trained, **SIZES)
  traced = BATCH * (needed + times_unused * unused(config))
  assert counted(config, trained) == traced


def test_training_everything_costs_three_forward_passes_but_for_the_pixels():
  config = CONFIGS['tiny']
  trained = paths(config, '.*')
  useful = useful_flops(config, trained, **SIZES)
  encoder = config.encoder
  patches = config.n_frames * encoder.grid**2
  pixels = 2 * patches * encoder.patch_size**2 * 3 * encoder.width
  assert useful == 3 * forward_flops(config, **SIZES) - pixels
  assert counted(config, trained) == BATCH * (useful + 3 * unused(config))


def test_frozen_products_cost_their_forward_pass():
  config = CONFIGS['tiny']
  assert useful_flops(config, (), **SIZES) == forward_flops(config, **SIZES)


def test_the_frozen_language_model_counts_twice():
  """At full size: 2 x 2 x 6.6 G products a token, and little besides."""
  config = full()
  trained = {'projector/kernel', 'projector/bias'}
  sizes = dict(row_tokens=608, instruction_tokens=32)
  useful = useful_flops(config, trained, **sizes)
  llm = 4 * 608 * 32 * (4 * 4096**2 + 3 * 4096 * 11008)
  assert 1.0 < useful / llm < 1.3


def test_the_path_of_no_stage_is_an_error():
  with pytest.raises(ValueError, match='nonsense'):
    useful_flops(CONFIGS['tiny'], {'nonsense/kernel'}, **SIZES)
