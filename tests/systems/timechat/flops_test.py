"""Products in closed form against those that a trace has."""

import dataclasses
import re

import jax
import pytest

from tests.systems.timechat import golden
from vtg_jax.llm.decoder_config import NewWords
from vtg_jax.nn.compute import Compute
from vtg_jax.planning.flops import count_flops
from vtg_jax.systems.products import forward_flops
from vtg_jax.systems.timechat import release
from vtg_jax.systems.timechat.config import full
from vtg_jax.systems.timechat.flops import sample_products, useful_flops
from vtg_jax.systems.timechat.model import TimeChat, param_shapes
from vtg_jax.systems.timechat.shapes import sample_shapes
from vtg_jax.train.freeze import flatten, join

TUNED = r'(video_)?qformer/.*|projector/.*|.*/lora_[ab]|llm/new_.*'
SIZES = dict(row_tokens=23, time_tokens=7)
BATCH = 2


def configs():
  """The recorded sizes, with digits of their own; and a model without text."""
  base = release.config_of_golden(golden.TOLD)
  new = NewWords(first=base.llm.vocab_size + 1, count=10)
  yield (
    'digits',
    dataclasses.replace(base, llm=dataclasses.replace(base.llm, new_words=new)),
  )
  video = dataclasses.replace(base.video_qformer, window=5, stride=5)
  yield (
    'queries only',
    dataclasses.replace(
      base, keeps_text=False, video_qformer=video, n_frames=5
    ),
  )


CONFIGS = dict(configs())


def counted(config, trained=None):
  """Products in the traced forward pass, or in the gradient of `trained`."""
  model = TimeChat(config, Compute(attention='xla'))
  batch = {
    name: jax.ShapeDtypeStruct((BATCH, *x.shape), x.dtype)
    for name, x in sample_shapes(config, **SIZES).items()
  }

  def loss(some, others, batch):
    params = {'params': join(some, others)}
    states = model.apply(
      params, batch, deterministic=True, method='training_states'
    )
    return (model.apply(params, states, method='logits') ** 2).sum()

  flat = flatten(param_shapes(config))
  some = {p: x for p, x in flat.items() if p in (trained or ())}
  others = {p: x for p, x in flat.items() if p not in some}
  function = jax.grad(loss) if trained else loss
  return count_flops(function, some, others, batch).matmul


def unused(config):
  """The last layer's network for words, which XLA leaves out of a program."""
  if config.keeps_text:
    return 0
  n_words = config.n_frames * SIZES['time_tokens']
  return 4 * n_words * config.qformer.width * config.qformer.mlp_hidden


@pytest.mark.parametrize('name', CONFIGS)
def test_a_step_costs_what_the_trace_says(name):
  config = CONFIGS[name]
  needed = forward_flops(sample_products(config, **SIZES))
  assert counted(config) == BATCH * (needed + unused(config))
  paths = flatten(param_shapes(config))
  trained = {path for path in paths if re.fullmatch(TUNED, path)}
  needed = useful_flops(config, trained, **SIZES) + 3 * unused(config)
  # The learned queries are the same for all, so that some products of the
  # first layer need no gradient of their input but for the words'.
  assert abs(counted(config, trained) / (BATCH * needed) - 1) < 0.01


def test_full_size_is_what_a_sheet_of_paper_says():
  config = full()
  sizes = dict(row_tokens=2048, time_tokens=16)
  trained = {'qformer/layer_0/self_attention/query/kernel'}
  useful = useful_flops(config, trained, **sizes)
  # Frozen with nothing below: 96 frames of 257 tokens.
  image = 2 * (4 * 1408**2 + 2 * 1408 * 6144 + 2 * 257 * 1408)
  # Frozen with a gradient of the input, and both products of attention.
  llm = 4 * 2048 * (4 * 4096**2 + 3 * 4096 * 11008) + 12 * 2048**2 * 4096
  assert 1.0 < useful / (96 * 257 * 39 * image + 32 * llm) < 1.1


def test_the_path_of_no_stage_is_an_error():
  with pytest.raises(ValueError, match='nonsense'):
    useful_flops(CONFIGS['digits'], {'nonsense/kernel'}, **SIZES)
