"""The torch modules that ours are timed against compute the same."""

import dataclasses

import pytest

from benchmarks import gpu_timechat, video_tokens


@pytest.mark.torch
def test_the_two_ways_give_the_same_tokens():
  config = gpu_timechat.tiny()
  config = dataclasses.replace(
    config,
    qformer=dataclasses.replace(config.qformer, n_layers=2),
    video_qformer=dataclasses.replace(config.video_qformer, window=2, stride=2),
  )
  result = video_tokens.measure(config, repeats=1)
  assert result['difference'] < 1e-4
  ((what, measured, target),) = video_tokens.rows(result)
  assert '4 frames' in what and '(1, 2, 2 layers' in what
  assert measured.startswith(f'{result["ratio"]:.2f} (') and target == '>= 1'
