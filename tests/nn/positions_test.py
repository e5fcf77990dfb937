"""Fixed position tables and their resampling, against definitions."""

import numpy as np
import pytest

from vtg_jax.nn.positions import (
  resize_bicubic,
  resize_linear,
  resize_nearest,
  sinusoid_table,
)


def test_even_channels_are_sines_and_odd_ones_cosines():
  table = sinusoid_table(50, 6)
  assert table.shape == (50, 6) and table.dtype == np.float32
  want = [
    np.sin(37.0),
    np.cos(37.0),
    np.sin(37.0 / 10000 ** (2 / 6)),
    np.cos(37.0 / 10000 ** (2 / 6)),
    np.sin(37.0 / 10000 ** (4 / 6)),
    np.cos(37.0 / 10000 ** (4 / 6)),
  ]
  np.testing.assert_allclose(table[37], want, atol=1e-7)


def test_an_odd_width_ends_with_a_sine():
  assert sinusoid_table(3, 5)[0].tolist() == [0, 1, 0, 1, 0]


def test_resizing_to_the_same_size_changes_nothing():
  table = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
  np.testing.assert_allclose(resize_bicubic(table, 4, 4), table, atol=1e-6)
  np.testing.assert_array_equal(resize_linear(table[0], 4), table[0])


def test_linear_resampling_uses_half_pixel_centres():
  table = np.array([[0.0], [4.0]], np.float32)
  # Centres of four slots over two: -0.25 (clamped), 0.25, 0.75, 1.25.
  assert resize_linear(table, 4)[:, 0].tolist() == [0, 1, 3, 4]
  assert resize_linear(table, 1)[:, 0].tolist() == [2]


@pytest.mark.torch
@pytest.mark.parametrize('size', [1, 2, 5, 9, 20])
def test_resampling_agrees_with_torch(size):
  import torch
  from torch.nn.functional import interpolate

  table = np.random.default_rng(1).normal(size=(4, 4, 3)).astype(np.float32)
  lines = torch.from_numpy(table[0].T[None])
  want = interpolate(lines, size=size, mode='linear', align_corners=False)
  got = resize_linear(table[0], size)
  np.testing.assert_allclose(got, want[0].numpy().T, atol=1e-6)
  picture = torch.from_numpy(table.transpose(2, 0, 1)[None])
  want = interpolate(
    picture, size=(size, 7), mode='bicubic', align_corners=False
  )
  got = resize_bicubic(table, size, 7)
  np.testing.assert_allclose(got, want[0].numpy().transpose(1, 2, 0), atol=2e-6)


def test_nearest_rows_are_taken_from_below():
  table = np.arange(4.0)[:, None]
  assert resize_nearest(table, 5)[:, 0].tolist() == [0, 0, 1, 2, 3]
  assert resize_nearest(table, 2)[:, 0].tolist() == [0, 2]
