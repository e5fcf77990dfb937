"""Sixteen-bit networks answer on a CPU too."""

import pytest

from tests.systems.hawkeye import tiny
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.hawkeye.grounder import HawkEyeGrounder


@pytest.mark.parametrize('mode', ['score', 'generate'])
def test_bfloat16_finds_a_moment(clip, mode):
  grounder = HawkEyeGrounder(
    tiny.config(),
    tiny.params(),
    *tiny.tokenizers(),
    compute=Compute(dtype='bfloat16'),
  )
  (moment,) = grounder.ground(clip, 'a dog runs', mode=mode, max_rounds=2)
  assert 0 <= moment.start_s < moment.end_s <= 8
  assert 0 < moment.score <= 1 + 1e-3
