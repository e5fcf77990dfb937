"""Products in closed form against those that a trace has."""

import re

import jax
import jax.numpy as jnp
import pytest

from tests.systems.grounded_videollm import golden
from vtg_jax.nn.compute import Compute
from vtg_jax.planning.flops import count_flops
from vtg_jax.systems.grounded_videollm.config import before_stage2, phi3
from vtg_jax.systems.grounded_videollm.flops import forward_flops, useful_flops
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  param_shapes,
)
from vtg_jax.train.freeze import flatten, join

PROJECTORS = r'two_stream/(image|video)_projector/.*'
TUNED = rf'{PROJECTORS}|llm/embed/.*|llm/lm_head/.*|.*/lora_[ab]'
BATCH = 2


def counted(config, row_tokens, trained=None):
  """Products in the traced forward pass, or in the gradient of `trained`."""
  model = GroundedVideoLlm(config, Compute(attention='xla'))
  S = jax.ShapeDtypeStruct

  def pixels(n, encoder):
    size = encoder.image_size
    return S((BATCH, n, size, size, 3), jnp.float32)

  row = (BATCH, row_tokens)
  inputs = (
    pixels(config.n_segments, config.image_encoder),
    pixels(config.n_frames, config.video_encoder),
    *(S(row, jnp.int32), S(row, bool), S((BATCH,), jnp.int32)),
  )

  def loss(some, others, *inputs):
    scores = model.apply({'params': join(some, others)}, *inputs)
    return (scores**2).sum()  # a gradient needs the scores

  flat = flatten(param_shapes(config))
  some = {p: x for p, x in flat.items() if p in (trained or ())}
  others = {p: x for p, x in flat.items() if p not in some}
  function = jax.grad(loss) if trained else loss
  return count_flops(function, some, others, *inputs).matmul


def paths(config, pattern):
  return {p for p in flatten(param_shapes(config)) if re.fullmatch(pattern, p)}


@pytest.mark.parametrize('name', golden.NAMES)
@pytest.mark.parametrize(
  'pattern', [None, PROJECTORS, TUNED, r'two_stream/video_projector/.*']
)
def test_a_step_costs_what_the_trace_says(name, pattern):
  config = golden.config_of(name)
  row_tokens = config.n_video + 9
  if pattern is None:
    # The separator of a batch is projected once.
    extra = _separator(config)
    needed = forward_flops(config, row_tokens=row_tokens)
    assert counted(config, row_tokens) == BATCH * (needed - extra) + extra
    return
  trained = paths(config, pattern)
  got = counted(config, row_tokens, trained)
  needed = BATCH * useful_flops(config, trained, row_tokens=row_tokens)
  assert abs(got / needed - 1) < 1e-3


def _separator(config):
  adapter = config.two_stream
  n_in = adapter.reduced_image_width + adapter.width
  return 2 * adapter.merges * n_in * adapter.width


def test_stage_1_at_full_size_is_what_a_sheet_of_paper_says():
  config = before_stage2(phi3())
  useful = useful_flops(config, paths(config, PROJECTORS), row_tokens=3600)
  # Frozen, with a gradient of the input.
  llm = 4 * 3600 * 32 * (4 * 3072**2 + 3 * 3072 * 8192)
  scores = 3 * 4 * 32 * 3600**2 * 3072
  # Frozen with nothing below: 12 clips of 2049 tokens, 12 images of 577.
  video = 12 * 2049 * 39 * 2 * (4 * 1408**2 + 2 * 1408 * 6144 + 2 * 2049 * 1408)
  image = 12 * 577 * 23 * 2 * (12 * 1024**2 + 2 * 577 * 1024)
  assert 1.0 < useful / (llm + scores + video + image) < 1.03


def test_the_path_of_no_stage_is_an_error():
  with pytest.raises(ValueError, match='nonsense'):
    useful_flops(golden.config_of('phi3'), {'nonsense/kernel'}, row_tokens=900)
