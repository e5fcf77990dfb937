import ml_dtypes
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.convert.tensor_file import has_non_finite


@given(
  st.sampled_from([np.float16, np.float32, np.float64, ml_dtypes.bfloat16]),
  st.lists(st.integers(0, 255), min_size=8, max_size=64),
)
def test_non_finite_values_are_found_whatever_their_bits(dtype, values):
  n_bytes = len(values) // 8 * 8
  array = np.array(values[:n_bytes], np.uint8).view(dtype)
  with np.errstate(invalid='ignore'):
    finite = np.isfinite(array.astype(np.float64)).all()
  assert has_non_finite(array) == (not finite)


def test_an_empty_array_holds_no_nan():
  assert not has_non_finite(np.zeros((0, 3), np.float16))
