"""The hint to an attention head."""

import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.systems.training.attention_hint import attention_losses


def test_a_head_that_looks_at_what_is_wanted_only_loses_nothing():
  keys = jnp.eye(5)[None] * 100.0
  wanted = jnp.array([[False, True, False, True, False]])

  def loss(query, position):
    seen = jnp.arange(5) <= position
    return attention_losses(
      jnp.asarray(query, jnp.float32)[None, None],
      keys,
      seen[None, None],
      wanted[:, None],
    )[0, 0]

  assert loss([0, 1, 0, 0, 0], 4) == pytest.approx(0, abs=1e-6)
  assert loss([0, 1, 0, 1, 0], 4) == pytest.approx(0, abs=1e-6)
  assert loss([1, 0, 0, 0, 0], 4) > 10
  # Token 3 is not seen from 2: of three alike, one is right.
  assert loss([0, 0, 0, 0, 0], 2) == pytest.approx(np.log(3), abs=1e-5)
