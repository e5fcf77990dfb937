"""What Phi-3 adds to the decoder: fused kernels, LongRoPE; and a head bias."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.llm.tiny_decoder import (
  CONFIG,
  on_eight_devices,
  prefill,
  random_params,
  score,
)
from tests.params_of_tensors import params_of
from vtg_jax.convert.phi3 import phi3_table
from vtg_jax.llm.decoder import Decoder, Past
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.nn.rope import LongRope
from vtg_jax.systems.config_json import from_json

T, CONTEXT = 9, 6
IDS = jax.random.randint(jax.random.key(3), (2, T), 0, CONFIG.vocab_size)
LONG_ROPE = LongRope(
  short_factors=(1.0, 1.5, 2.0),
  long_factors=(1.25, 4.0, 9.0),
  original_positions=CONTEXT,
)
PLAIN = dataclasses.replace(CONFIG, lora=None)
FUSED = dataclasses.replace(
  PLAIN,
  fused_projections=True,
  head_bias=True,
  lora=LoraConfig(
    rank=2,
    alpha=4.0,
    dropout=0.5,
    targets=('qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj'),
  ),
)
LONG = Decoder(
  dataclasses.replace(FUSED, lora=None, long_rope=LONG_ROPE), Compute()
)


def test_a_fused_kernel_holds_the_separate_ones_side_by_side():
  separate = random_params(Decoder(PLAIN, Compute()))
  layers = dict(separate['layers'])
  for fused, names in (
    ('qkv_proj', ('q_proj', 'k_proj', 'v_proj')),
    ('gate_up_proj', ('gate_proj', 'up_proj')),
  ):
    kernels = [layers.pop(name)['kernel'] for name in names]
    layers[fused] = {'kernel': jnp.concatenate(kernels, -1)}
  config = dataclasses.replace(PLAIN, fused_projections=True)
  np.testing.assert_allclose(
    score(separate | {'layers': layers}, IDS, Decoder(config, Compute())),
    score(separate, IDS, Decoder(PLAIN, Compute())),
    atol=1e-5,
  )


def test_a_fused_kernel_has_one_adapter():
  layers = random_params(Decoder(FUSED, Compute()))['layers']
  assert layers['qkv_proj']['lora_a'].shape == (2, 16, 2)
  assert layers['qkv_proj']['lora_b'].shape == (2, 2, (4 + 2 * 2) * 6)
  assert layers['gate_up_proj']['lora_b'].shape == (2, 2, 2 * 20)
  assert 'q_proj' not in layers and 'up_proj' not in layers


def test_a_head_bias_is_added_to_the_scores():
  decoder = Decoder(FUSED, Compute())
  params = random_params(decoder)
  bias = params['lm_head']['bias']
  bare = params | {'lm_head': {'kernel': params['lm_head']['kernel']}}
  config = dataclasses.replace(FUSED, head_bias=False)
  np.testing.assert_allclose(
    score(params, IDS, decoder),
    score(bare, IDS, Decoder(config, Compute())) + bias,
    atol=1e-5,
  )


def test_eight_devices_compute_what_one_does():
  config = dataclasses.replace(FUSED, long_rope=LONG_ROPE)
  decoder = Decoder(config, Compute())
  params = random_params(decoder)
  placed, ids = on_eight_devices(params, IDS, decoder)
  kernel = placed['layers']['qkv_proj']['kernel']
  assert kernel.addressable_shards[0].data.shape == (2, 8, 24)
  got = score(placed, ids, decoder)
  assert len(got.sharding.device_set) == 8
  np.testing.assert_allclose(got, score(params, IDS, decoder), atol=1e-4)


@pytest.mark.parametrize(
  ('changes', 'told'),
  [
    (dict(lora=CONFIG.lora), r"\['q_proj', 'v_proj'\] name no projection"),
    (dict(tied_embeddings=True), 'no head to add a bias in'),
    (dict(head_dim=8, long_rope=LONG_ROPE), '3 factors for 4 frequencies'),
  ],
)
def test_parts_that_do_not_fit_are_named(changes, told):
  with pytest.raises(ValueError, match=told):
    dataclasses.replace(FUSED, **changes)


def test_a_file_without_the_later_entries_means_what_it_did():
  values = json.loads(json.dumps(dataclasses.asdict(CONFIG)))
  for later in ('fused_projections', 'head_bias', 'long_rope'):
    del values[later]
  assert from_json(type(CONFIG), values, 'llm') == CONFIG
  values = json.loads(json.dumps(dataclasses.asdict(LONG.config)))
  assert from_json(type(CONFIG), values, 'llm') == LONG.config


def in_two_calls(params, lengths):
  """Scores of rows whose first 5 tokens are in a cache.

  Args:
    params: Of `LONG`.
    lengths: What each of the two calls is told of the sequence.
  """
  run = jax.jit(
    lambda params, ids, start, past, length: _run(
      params, ids, start, past, length
    )
  )
  first, kv = run(params, IDS[:, :5], 0, [], lengths[0])
  past = Past(kv, jnp.ones((1, 1, 5), bool))
  second, _ = run(params, IDS[:, 5:], 5, [past], lengths[1])
  return jnp.concatenate([first, second], 1)


def _run(params, ids, start, past, length):
  variables = {'params': params}
  embeds = LONG.apply(variables, ids, method='embed_tokens')
  positions = jnp.broadcast_to(start + jnp.arange(ids.shape[1]), ids.shape)
  out = LONG.apply(
    variables, embeds, positions, past=past, sequence_length=length
  )
  return LONG.apply(variables, out.hidden, method='logits'), out.kv


def test_the_factors_follow_the_length_that_a_call_is_told():
  params = random_params(LONG)
  whole = score(params, IDS, LONG)  # 9 tokens: long factors
  long = in_two_calls(params, (T, T))
  np.testing.assert_allclose(long, whole, atol=1e-4)
  short = in_two_calls(params, (CONTEXT, CONTEXT))
  assert np.abs(short - long).max() > 1e-2
  # Outgrown on the way: the cached keys keep the factors they were made with.
  mixed = in_two_calls(params, (5, T))
  np.testing.assert_allclose(mixed[:, :5], short[:, :5], atol=1e-5)
  assert np.abs(mixed[:, 5:] - long[:, 5:]).max() > 1e-2
  assert np.abs(mixed[:, 5:] - short[:, 5:]).max() > 1e-2


def test_after_a_past_the_length_must_be_told():
  params = random_params(LONG)
  kv, _ = prefill(params, IDS[:, :5], LONG)
  past = Past(kv, jnp.ones((1, 1, 5), bool))
  with pytest.raises(ValueError, match='needs a sequence_length'):
    _run(params, IDS[:, 5:], 5, [past], None)


@pytest.mark.torch
@pytest.mark.parametrize('context', [CONTEXT, 16])
@pytest.mark.parametrize('n_kv_heads', [4, 2])
def test_logits_are_those_of_transformers(context, n_kv_heads):
  import torch
  import transformers

  torch.manual_seed(0)
  theirs = transformers.Phi3ForCausalLM(
    transformers.Phi3Config(
      vocab_size=24,
      hidden_size=24,
      intermediate_size=20,
      num_hidden_layers=2,
      num_attention_heads=4,
      num_key_value_heads=n_kv_heads,
      rms_norm_eps=1e-6,
      max_position_embeddings=64,
      original_max_position_embeddings=context,
      rope_parameters={
        'rope_type': 'longrope',
        'rope_theta': 10000.0,
        'short_factor': list(LONG_ROPE.short_factors),
        'long_factor': list(LONG_ROPE.long_factors),
        'original_max_position_embeddings': context,
      },
      initializer_range=0.2,
      bos_token_id=1,
      eos_token_id=2,
      pad_token_id=0,
    )
  ).eval()
  config = dataclasses.replace(
    LONG.config,
    width=24,
    n_kv_heads=n_kv_heads,
    head_bias=False,
    long_rope=dataclasses.replace(LONG_ROPE, original_positions=context),
  )
  with torch.no_grad():
    want = theirs(torch.from_numpy(np.array(IDS)).long()).logits.numpy()
  tensors = {k: x.numpy() for k, x in theirs.state_dict().items()}
  params = params_of(phi3_table(), tensors)['llm']
  got = score(params, IDS, Decoder(config, Compute()))
  np.testing.assert_allclose(got, want, atol=1e-5)
