"""Entropy of a step; what a loop keeps of it is in ReVisionLLM's goldens."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.decode.entropy import step_entropy


@settings(max_examples=30, deadline=None)
@given(
  st.lists(st.floats(-50, 50, width=32), min_size=5, max_size=5),
  st.floats(-9, 9, width=32),
)
def test_entropy_is_that_of_the_softmax(scores, shift):
  logits = np.array(scores, np.float64)
  p = np.exp(logits - logits.max())
  p /= p.sum()
  want = -(p * np.log(np.maximum(p, 1e-300))).sum()
  got = step_entropy(jnp.asarray(scores) + shift)
  np.testing.assert_allclose(got, want, atol=1e-4)
  assert -1e-6 <= got <= np.log(len(scores)) + 1e-5


def test_sixteen_bit_scores_are_summed_in_float32():
  logits = jnp.zeros(32000, jnp.bfloat16)
  entropy = step_entropy(logits)
  assert entropy.dtype == jnp.float32
  np.testing.assert_allclose(entropy, np.log(32000), rtol=1e-4)
