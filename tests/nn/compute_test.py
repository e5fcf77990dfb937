import jax
import jax.numpy as jnp
import pytest

from vtg_jax.nn.compute import Compute, platform, traced_for
from vtg_jax.nn.dense import dot


def test_names_of_dtypes_become_dtypes():
  compute = Compute(dtype='bfloat16')
  assert compute.jnp_dtype == jnp.bfloat16
  assert compute.jnp_param_dtype == jnp.float32


@pytest.mark.parametrize('name', ['dtype', 'param_dtype', 'attention'])
def test_an_unknown_word_is_refused(name):
  with pytest.raises(ValueError, match=f"{name} 'flash' is unknown"):
    Compute(**{name: 'flash'})


def test_a_program_is_traced_for_this_machine_unless_told_otherwise():
  assert platform() == 'cpu'
  with traced_for('tpu'):
    assert platform() == 'tpu'
  assert platform() == 'cpu'


def test_products_for_another_platform_keep_their_operands_narrow():
  """CPUs need wide operands for a wide sum; others do not."""
  x = jnp.ones((2, 3), jnp.bfloat16)

  def widened():
    traced = jax.make_jaxpr(lambda x, w: dot(x, w, jnp.float32))(x, x.T)
    return 'convert_element_type' in str(traced)

  assert widened()
  with traced_for('tpu'):
    assert not widened()
