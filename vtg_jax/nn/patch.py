"""Pixels to patches."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def patchify(
  video: Float[Array, 'B F h w C'], *, frames: int, patch: int
) -> Float[Array, 'B P K']:
  """Cuts a video into blocks of `frames` x `patch` x `patch` pixels.

  Args:
    video: Channels last.
    frames: Frames a block spans; divides F.
    patch: Side of a block in pixels; divides h and w.

  Returns:
    Blocks ordered frame, row, column; each flattened in the order
    frame, row, column, channel.

  Raises:
    ValueError: when the blocks do not tile the video.
  """
  B, F, h, w, C = video.shape
  if F % frames or h % patch or w % patch:
    raise ValueError(
      f'a video of {F} frames of {h}x{w} px is not a whole number of '
      f'{frames}x{patch}x{patch} blocks'
    )
  x = video.reshape(
    B, F // frames, frames, h // patch, patch, w // patch, patch, C
  )
  x = jnp.transpose(x, (0, 1, 3, 5, 2, 4, 6, 7))
  return x.reshape(B, -1, frames * patch * patch * C)
