"""A decoder cut into its layers computes what the stacked one does."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.llm.tiny_decoder import CONFIG, DECODER, prefill, random_params
from vtg_jax.llm import unrolled
from vtg_jax.llm.decoder import Past
from vtg_jax.llm.unrolled import cut_kv, unroll, unrolling_pays


def test_its_states_keys_and_values_are_those_of_the_stack():
  params = random_params()
  ids = jnp.arange(10).reshape(2, 5) % CONFIG.vocab_size
  kv, _ = prefill(params, ids)
  past = [Past(kv, jnp.ones((1, 1, 5), bool))]
  embeds = jax.random.normal(jax.random.key(2), (2, 3, CONFIG.width))
  positions = jnp.broadcast_to(5 + jnp.arange(3), (2, 3))
  want = DECODER.apply({'params': params}, embeds, positions, past=past)
  decoder, params, past = unroll(DECODER, params, past)
  got = decoder.apply({'params': params}, embeds, positions, past=past)
  np.testing.assert_allclose(got.hidden, want.hidden, atol=1e-5)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
    got.kv,
    cut_kv(want.kv),
  )


def test_large_layers_stay_stacked(monkeypatch):
  layers = random_params()['layers']
  monkeypatch.setattr(jax, 'default_backend', lambda: 'cpu')
  assert unrolling_pays(layers)
  monkeypatch.setattr(unrolled, 'MOST_BYTES', 10)
  assert not unrolling_pays(layers)


def test_layers_stay_stacked_on_accelerators(monkeypatch):
  monkeypatch.setattr(jax, 'default_backend', lambda: 'tpu')
  assert not unrolling_pays(random_params()['layers'])
