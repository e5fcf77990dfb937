"""The network without its video stream, and with another scale of time."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.systems.grounded_videollm import tiny
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm.flops import forward_flops
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  param_shapes,
)
from vtg_jax.systems.grounded_videollm.new_words import (
  EMBEDDING,
  HEAD,
  HEAD_BIAS,
)
from vtg_jax.systems.grounded_videollm.release import export
from vtg_jax.systems.grounded_videollm.row_hints import (
  frames_of_rows,
  row_pairs,
)
from vtg_jax.systems.grounded_videollm.starting_point import (
  StartConfig,
  starting_point,
)

IMAGES_ONLY = {'two_stream': {'video_stream': False}}


def one_stream(name):
  whole = tiny.config(name)
  adapter = dataclasses.replace(whole.two_stream, video_stream=False)
  return dataclasses.replace(whole, two_stream=adapter)


@pytest.mark.parametrize('name', ['phi3', 'llama3'])
def test_rows_are_those_of_the_images_and_the_separators(name):
  whole, images = tiny.config(name), one_stream(name)
  params = jax.tree.map(jnp.asarray, tiny.params(whole))
  rng = np.random.default_rng(0)
  size = whole.image_encoder.image_size
  video_size = whole.video_encoder.image_size
  keyframes = rng.integers(
    0, 255, (1, whole.n_segments, size, size, 3), np.uint8
  )
  frames = rng.integers(
    0, 255, (1, whole.n_frames, video_size, video_size, 3), np.uint8
  )

  def see(config):
    network = GroundedVideoLlm(config, Compute())
    pixels = jnp.asarray(keyframes), jnp.asarray(frames)
    return network.apply({'params': params}, *pixels, method='see')

  both, alone = see(whole), see(images)
  adapter, n = whole.two_stream, whole.frames_per_segment
  segments = both.reshape(1, whole.n_segments, adapter.n_segment_rows(n), -1)
  n_image = adapter.n_image_rows
  kept = jnp.concatenate([segments[:, :, :n_image], segments[:, :, -1:]], 2)
  np.testing.assert_allclose(alone, kept.reshape(alone.shape), atol=1e-5)
  assert alone.shape[1] == images.n_video


def test_it_has_neither_encoder_nor_projector_of_the_stream():
  paths = flatten(param_shapes(one_stream('phi3')))
  assert not [path for path in paths if 'video' in path]
  assert forward_flops(one_stream('phi3'), row_tokens=64) < forward_flops(
    tiny.config('phi3'), row_tokens=64
  )


def test_hints_know_its_rows():
  config = one_stream('phi3')
  side = config.two_stream.image_side
  pairs = jnp.arange(config.n_frames * side**2).reshape(1, -1, side, side)
  rows = row_pairs(pairs, config)
  frames = frames_of_rows(config)
  assert rows.shape == (1, config.n_video)
  assert frames.shape == (config.n_video,)
  shown = np.asarray(rows[0]) >= 0
  np.testing.assert_array_equal(
    np.asarray(rows[0])[shown] // side**2, np.asarray(frames)[shown]
  )


def test_a_checkpoint_gives_what_one_stream_needs(tmp_path):
  tiny.save(tmp_path / 'm', 'phi3')
  start = starting_point(
    StartConfig(init_from=str(tmp_path / 'm'), model=IMAGES_ONLY)
  )
  drawn, params = flatten(tiny.params(tiny.config('phi3'))), start.params(0)
  assert params.keys() == flatten(param_shapes(start.model)).keys()
  for path, x in params.items():
    np.testing.assert_array_equal(x, drawn[path])


@pytest.mark.parametrize('n_intervals', [5, 400])
def test_another_scale_has_its_own_words(tmp_path, n_intervals):
  tiny.save(tmp_path / 'm', 'phi3')
  old = tiny.config('phi3')
  start = starting_point(
    StartConfig(
      init_from=str(tmp_path / 'm'), model={'n_intervals': n_intervals}
    )
  )
  params, more = start.params(0), n_intervals - old.n_intervals
  vocab_size = old.llm.vocab_size + more
  assert params['llm/embed/embedding'].shape[0] == vocab_size
  assert params['llm/lm_head/kernel'].shape[1] == vocab_size
  drawn = flatten(tiny.params(old))
  assert params.keys() == drawn.keys()
  for path in params.keys() - {EMBEDDING, HEAD, HEAD_BIAS}:
    np.testing.assert_array_equal(params[path], drawn[path])


def test_no_release_has_one_stream(tmp_path):
  tiny.save(tmp_path / 'm', 'phi3', one_stream('phi3'))
  with pytest.raises(BadInput, match='video_stream is false'):
    export(tmp_path / 'm', tmp_path / 'out')
