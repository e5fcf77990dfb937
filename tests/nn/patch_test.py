"""Patches are ordered frame, row, column, and so are their pixels."""

import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.nn.patch import patchify


def numbered(frames=4, h=6, w=4, channels=3):
  """A video whose pixels say where they are."""
  shape = (1, frames, h, w, channels)
  return jnp.arange(np.prod(shape), dtype=jnp.float32).reshape(shape)


def test_a_block_holds_its_pixels_in_order():
  video = numbered()
  blocks = patchify(video, frames=2, patch=2)
  assert blocks.shape == (1, 2 * 3 * 2, 2 * 2 * 2 * 3)
  # Second time step, third row, second column of a 2 x 3 x 2 grid.
  index = 1 * 6 + 2 * 2 + 1
  want = video[0, 2:4, 4:6, 2:4].reshape(-1)
  np.testing.assert_array_equal(blocks[0, index], want)


def test_a_one_frame_block_is_a_picture():
  video = numbered(frames=1)
  (block,) = patchify(video[:, :, :4], frames=1, patch=4)[0]
  np.testing.assert_array_equal(block, video[0, 0, :4].reshape(-1))


@pytest.mark.parametrize(
  'sizes', [{'frames': 3, 'patch': 2}, {'frames': 2, 'patch': 4}]
)
def test_blocks_that_do_not_tile_the_video_are_refused(sizes):
  with pytest.raises(ValueError, match='4 frames of 6x4 px'):
    patchify(numbered(), **sizes)
