"""What is kept of videos, and for how long."""

import numpy as np

from vtg_jax.systems.kept_prefixes import KeptPrefixes


class Video:
  """Anything that is told apart by identity."""


def test_what_is_kept_stays_within_its_bound():
  kept = KeptPrefixes(most_bytes=100)
  made = []

  def make(n_bytes):
    made.append(n_bytes)
    return np.zeros(n_bytes, np.uint8)

  first, second = Video(), Video()
  kept.get(first, 'a', lambda: make(60))
  kept.get(first, 'a', lambda: make(60))
  assert made == [60]
  kept.get(second, 'a', lambda: make(60))  # drops the first
  assert kept.n_bytes == 60
  kept.get(first, 'a', lambda: make(60))
  assert made == [60, 60, 60]
  kept.get(second, 'b', lambda: make(500))  # stays, whatever its size
  assert kept.n_bytes == 500
  del second
  assert kept.n_bytes == 0
