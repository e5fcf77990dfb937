"""Position tables: fixed ones, and how tables are resampled."""

import numpy as np
from jaxtyping import Array, Float


def sinusoid_table(n_positions: int, width: int) -> Float[np.ndarray, 'P D']:
  """Interleaved sine/cosine codes of consecutive positions.

  Computed on the host in float64. Channel j of position p is the sine (j
  even) or cosine (j odd) of ``p / 10000 ** (2 * (j // 2) / width)``.

  Returns:
    float32, rounded from float64.
  """
  channel = np.arange(width)
  angles = np.arange(n_positions)[:, None] / np.power(
    10000.0, 2 * (channel // 2) / width
  )
  table = np.where(channel % 2 == 0, np.sin(angles), np.cos(angles))
  return table.astype(np.float32)


def resize_linear(
  table: Float[np.ndarray | Array, 'S D'], size: int
) -> Float[np.ndarray | Array, 'T D']:
  """Linear resampling of the first axis, half-pixel centres, no antialias.

  A table of jax gives one of jax, with gradients.
  """
  n = table.shape[0]
  source = (np.arange(size) + 0.5) * n / size - 0.5
  source = np.maximum(source, 0.0)
  low = np.minimum(np.floor(source).astype(int), n - 1)
  high = np.minimum(low + 1, n - 1)
  part = (source - low).astype(np.float32)[:, None]
  return table[low] * (1 - part) + table[high] * part


def resize_nearest(
  table: Float[np.ndarray | Array, 'S D'], size: int
) -> Float[np.ndarray | Array, 'T D']:
  """Nearest resampling of the first axis: row i is row floor(i S / T).

  The row is found in float32, so that it is that of PyTorch's `interpolate`.
  """
  n = table.shape[0]
  step = np.float32(n) / np.float32(size)
  source = np.floor(np.arange(size, dtype=np.float32) * step).astype(int)
  return table[np.minimum(source, n - 1)]


def resize_bicubic(
  table: Float[np.ndarray, 'h w D'], height: int, width: int
) -> Float[np.ndarray, 'H W D']:
  """Bicubic resampling (a = -0.75), half-pixel centres, clamped border."""
  rows = _cubic_matrix(table.shape[0], height)
  columns = _cubic_matrix(table.shape[1], width)
  out = np.einsum('Hh,hwd->Hwd', rows, table.astype(np.float64))
  out = np.einsum('Ww,Hwd->HWd', columns, out)
  return out.astype(np.float32)


def _cubic_matrix(n: int, size: int) -> Float[np.ndarray, 'O I']:
  a = -0.75
  matrix = np.zeros((size, n))
  for out in range(size):
    source = (out + 0.5) * n / size - 0.5
    base = int(np.floor(source))
    for tap in range(-1, 3):
      x = abs(source - (base + tap))
      if x <= 1:
        weight = (a + 2) * x**3 - (a + 3) * x**2 + 1
      elif x < 2:
        weight = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
      else:
        weight = 0.0
      matrix[out, min(max(base + tap, 0), n - 1)] += weight
  return matrix
