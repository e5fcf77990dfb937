"""The decoder: caching, padding, its configs, and parity with torch."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from tests.llm.tiny_decoder import (
  CONFIG,
  DECODER,
  boxed_params,
  on_eight_devices,
  prefill,
  random_params,
  score,
)
from tests.params_of_tensors import params_of
from vtg_jax.convert.llama import llama_table
from vtg_jax.convert.param_tree import flatten
from vtg_jax.llm.decoder import Decoder, KeyValues, Past
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.rope import apply_rope, rope_angles

B, T = 2, 9
IDS = jax.random.randint(jax.random.key(3), (B, T), 0, CONFIG.vocab_size)


@pytest.fixture(scope='module')
def params():
  return random_params()


@pytest.fixture(scope='module')
def logits(params):
  return np.asarray(score(params, IDS))


@jax.jit
def run(params, ids, start, past=(), mask=None):
  """Logits and keys of ids that begin at position `start`."""
  variables = {'params': params}
  embeds = DECODER.apply(variables, ids, method='embed_tokens')
  positions = jnp.broadcast_to(start + jnp.arange(ids.shape[1]), ids.shape)
  out = DECODER.apply(variables, embeds, positions, mask=mask, past=past)
  return DECODER.apply(variables, out.hidden, method='logits'), out.kv


@pytest.mark.parametrize('cuts', [[4], [1, 2], [3, 8], [2, 3, 7]])
def test_cached_is_uncached_however_the_row_is_cut(params, logits, cuts):
  @jax.jit
  def in_parts(params, ids):
    past, scores = [], []
    bounds = [0, *cuts, T]
    for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
      part, kv = run(params, ids[:, start:stop], start, past)
      past.append(Past(kv, jnp.ones((1, 1, stop - start), bool)))
      scores.append(part)
    return jnp.concatenate(scores, 1)

  np.testing.assert_allclose(in_parts(params, IDS), logits, atol=1e-4)


def test_a_prefix_of_batch_one_serves_every_row(params):
  ids = jnp.concatenate([IDS[:1, :4].repeat(B, 0), IDS[:, 4:]], 1)
  _, kv = run(params, ids[:1, :4], 0)
  prefix = Past(kv, jnp.ones((1, 1, 4), bool))
  got, _ = run(params, ids[:, 4:], 4, [prefix])
  want = score(params, ids)[:, 4:]
  np.testing.assert_allclose(got, want, atol=1e-4)


def test_an_unused_tail_of_a_cache_changes_nothing(params, logits):
  _, kv = run(params, IDS[:, :4], 0)
  pad = [(0, 0), (0, 0), (0, 3), (0, 0), (0, 0)]
  padded = KeyValues(*(jnp.pad(x, pad, constant_values=7.0) for x in kv))
  past = Past(padded, (jnp.arange(7) < 4)[None, None])
  got, _ = run(params, IDS[:, 4:], 4, [past])
  np.testing.assert_allclose(got, logits[:, 4:], atol=1e-4)


def test_padding_on_the_right_changes_nothing(params, logits):
  longer = jnp.concatenate([IDS, jnp.full((B, 3), 5)], 1)
  real = jnp.arange(T + 3) < T
  mask = (jnp.tril(jnp.ones((T + 3, T + 3), bool)) & real)[None]
  got, _ = run(params, longer, 0, mask=mask)
  np.testing.assert_allclose(got[:, :T], logits, atol=1e-4)
  assert np.isfinite(got).all()


def test_no_token_sees_a_later_one(params, logits):
  changed = score(params, IDS.at[:, 5].set((IDS[:, 5] + 1) % 24))
  np.testing.assert_allclose(changed[:, :5], logits[:, :5], atol=1e-5)
  assert not np.allclose(changed[:, 5:], logits[:, 5:], atol=1e-2)


def test_only_distances_between_positions_matter(params, logits):
  shifted, _ = run(params, IDS, 11)
  np.testing.assert_allclose(shifted, logits, atol=1e-4)


def test_keys_come_out_by_layer_and_key_head(params):
  _, kv = run(params, IDS, 0)
  assert kv.k.shape == kv.v.shape == (2, B, T, 2, 6)


def test_what_a_layer_looks_with_can_be_read_before_it_is_turned(params):
  variables = {'params': params}
  embeds = DECODER.apply(variables, IDS, method='embed_tokens')
  positions = jnp.broadcast_to(jnp.arange(T), (B, T))
  out, seen = DECODER.apply(
    variables, embeds, positions, mutable=['intermediates']
  )
  layers = seen['intermediates']['layers']
  angles = rope_angles(positions, CONFIG.head_dim, CONFIG.rope_theta)
  (keys,), (queries,) = layers['k'], layers['q']
  n_layers, n_heads = CONFIG.n_layers, CONFIG.n_heads
  assert queries.shape == (n_layers, B, T, n_heads, CONFIG.head_dim)
  turned = jax.vmap(lambda k: apply_rope(k, *angles))(keys)
  np.testing.assert_allclose(turned, out.kv.k, atol=1e-6)


def test_adapters_stand_on_their_targets_only():
  layers = nn.meta.unbox(boxed_params())['layers']
  adapted = {name for name, layer in layers.items() if 'lora_a' in layer}
  assert adapted == {'q_proj', 'v_proj'}


def test_tied_embeddings_need_no_head(params):
  config = dataclasses.replace(CONFIG, tied_embeddings=True, lora=None)
  decoder = Decoder(config, Compute())
  tied = random_params(decoder)
  assert 'lm_head' not in tied
  untied = tied | {'lm_head': {'kernel': tied['embed']['embedding'].T}}
  config = dataclasses.replace(CONFIG, lora=None)
  np.testing.assert_allclose(
    score(tied, IDS, decoder),
    score(untied, IDS, Decoder(config, Compute())),
    atol=1e-5,
  )


def test_key_heads_must_divide_query_heads():
  with pytest.raises(ValueError, match='n_heads=4 not divisible'):
    dataclasses.replace(CONFIG, n_kv_heads=3)


def test_logits_are_float32_under_16_bit_compute(params, logits):
  decoder = Decoder(CONFIG, Compute(dtype='bfloat16'))
  got = score(params, IDS, decoder)
  assert got.dtype == jnp.float32
  assert np.abs(got - logits).max() < 0.1 * np.abs(logits).max()
  kv, _ = prefill(params, IDS, decoder)
  assert kv.k.dtype == jnp.bfloat16


def test_gradients_are_finite_with_and_without_remat(params):
  def gradient(remat):
    decoder = Decoder(CONFIG, Compute(remat=remat))

    def loss(params):
      embeds = decoder.apply({'params': params}, IDS, method='embed_tokens')
      out = decoder.apply(
        {'params': params},
        embeds,
        jnp.broadcast_to(jnp.arange(T), (B, T)),
        deterministic=False,
        rngs={'dropout': jax.random.key(0)},
      )
      scores = decoder.apply({'params': params}, out.hidden, method='logits')
      return jax.nn.logsumexp(scores, -1).sum()

    return flatten(jax.jit(jax.grad(loss))(params))

  plain, recomputed = gradient(False), gradient(True)
  for path, leaf in plain.items():
    assert np.isfinite(leaf).all() and np.any(leaf), path
    np.testing.assert_allclose(leaf, recomputed[path], atol=1e-3, rtol=1e-3)


def test_eight_devices_compute_what_one_does(params, logits):
  placed, ids = on_eight_devices(params, IDS)
  kernel = placed['layers']['gate_proj']['kernel']
  assert kernel.addressable_shards[0].data.shape == (2, 8, 10)
  got = score(placed, ids)
  assert len(got.sharding.device_set) == 8
  np.testing.assert_allclose(got, logits, atol=1e-4)


@pytest.mark.torch
@pytest.mark.parametrize(
  ('n_kv_heads', 'tied', 'theta'),
  [(4, False, 10000.0), (2, False, 500000.0), (1, True, 100.0)],
)
def test_logits_are_those_of_transformers(n_kv_heads, tied, theta):
  import torch
  import transformers

  torch.manual_seed(0)
  theirs = transformers.LlamaForCausalLM(
    transformers.LlamaConfig(
      vocab_size=24,
      hidden_size=16,
      intermediate_size=20,
      num_hidden_layers=2,
      num_attention_heads=4,
      num_key_value_heads=n_kv_heads,
      head_dim=6,
      rms_norm_eps=1e-6,
      rope_parameters={'rope_type': 'default', 'rope_theta': theta},
      max_position_embeddings=64,
      tie_word_embeddings=tied,
      initializer_range=0.2,
    )
  ).eval()
  config = dataclasses.replace(
    CONFIG,
    n_kv_heads=n_kv_heads,
    tied_embeddings=tied,
    rope_theta=theta,
    lora=None,
  )
  with torch.no_grad():
    want = theirs(torch.from_numpy(np.array(IDS)).long()).logits.numpy()
  tensors = {k: x.numpy() for k, x in theirs.state_dict().items()}
  params = params_of(llama_table(tied_embeddings=tied), tensors)['llm']
  got = score(params, IDS, Decoder(config, Compute()))
  np.testing.assert_allclose(got, want, atol=1e-5)


def test_the_axes_of_every_parameter_are_named():
  for path, box in jax.tree_util.tree_leaves_with_path(
    boxed_params(), is_leaf=lambda x: isinstance(x, nn.Partitioned)
  ):
    assert isinstance(box, nn.Partitioned), path
    assert len(box.names) == box.value.ndim, path
    assert None not in box.names, path
