import jax.numpy as jnp
import pytest

from vtg_jax.nn.compute import Compute


def test_names_of_dtypes_become_dtypes():
  compute = Compute(dtype='bfloat16')
  assert compute.jnp_dtype == jnp.bfloat16
  assert compute.jnp_param_dtype == jnp.float32


def test_an_unknown_attention_is_refused():
  with pytest.raises(ValueError, match="'flash' is not one of"):
    Compute(attention='flash')
