import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vtg_jax.convert.ops import Identity, LeadingOne, PatchKernel, Transpose

sizes = st.integers(1, 5)
dtypes = st.sampled_from([np.float16, np.float32])


@st.composite
def cases(draw):
  """An op and a tensor it accepts, any bits included."""
  kind = draw(st.sampled_from(['identity', 'transpose', 'leading', 'patch']))
  if kind == 'identity':
    op, shape = Identity(), draw(hnp.array_shapes(min_dims=0, max_dims=4))
  elif kind == 'transpose':
    op, shape = Transpose(), (draw(sizes), draw(sizes))
  elif kind == 'leading':
    op = LeadingOne(draw(st.integers(1, 3)))
    shape = (1,) * op.times + draw(hnp.array_shapes(max_dims=3))
  else:
    patch = tuple(draw(st.lists(sizes, min_size=1, max_size=3)))
    channels = draw(sizes)
    op = PatchKernel(patch=patch, channels=channels)
    shape = (draw(sizes), channels, *patch)
  return op, draw(hnp.arrays(draw(dtypes), shape))


@given(cases())
def test_inverse_gives_back_the_same_bits_and_shape(case):
  op, tensor = case
  param = op.forward(tensor)
  back = op.inverse(param)
  assert back.shape == tensor.shape == op.source_shape(param.shape)
  assert back.dtype == param.dtype == tensor.dtype
  assert back.tobytes() == tensor.tobytes()


def test_patch_kernel_rows_run_over_frame_row_column_then_channel():
  tensor = np.arange(math.prod((2, 3, 1, 2, 2))).reshape(2, 3, 1, 2, 2)
  param = PatchKernel(patch=(1, 2, 2), channels=3).forward(tensor)
  # row of (frame 0, row 1, column 0, channel 2), output 1
  assert param[(0 * 4 + 1 * 2 + 0) * 3 + 2, 1] == tensor[1, 2, 0, 1, 0]


def test_a_parameter_that_no_tensor_makes_has_no_source_shape():
  assert Transpose().source_shape((3,)) is None
  assert PatchKernel(patch=(2,), channels=3).source_shape((5, 4)) is None
