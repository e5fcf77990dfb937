import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.testing import frame_number


@given(number=st.integers(0, frame_number.MAX_NUMBER), seed=st.integers(0, 99))
def test_number_survives_noise(number, seed):
  rng = np.random.default_rng(seed)
  frame = rng.integers(0, 256, (33, 71, 3), np.uint8)
  burnt = frame_number.burn_number(frame, number).astype(int)
  noisy = np.clip(burnt + rng.normal(0, 40, burnt.shape), 0, 255)
  assert frame_number.read_number(noisy.astype(np.uint8)) == number


def test_only_the_corner_changes():
  frame = np.full((40, 80, 3), 7, np.uint8)
  burnt = frame_number.burn_number(frame, 12345)
  assert (burnt[24:] == 7).all()
  assert (burnt[:, 64:] == 7).all()
  assert (frame == 7).all()


@pytest.mark.parametrize('level', [0, 127, 255])
def test_plain_frame_has_no_number(level):
  with pytest.raises(ValueError, match='no number'):
    frame_number.read_number(np.full((40, 80, 3), level, np.uint8))


def test_small_frame_is_refused():
  with pytest.raises(ValueError, match='too small'):
    frame_number.burn_number(np.zeros((16, 16, 3), np.uint8), 1)


@pytest.mark.parametrize('number', [-1, 65536])
def test_number_out_of_range_is_refused(number):
  with pytest.raises(ValueError, match='number'):
    frame_number.burn_number(np.zeros((40, 80, 3), np.uint8), number)
