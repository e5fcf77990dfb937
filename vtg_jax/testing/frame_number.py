"""A number written into a frame as black and white blocks.

The code survives lossy compression, so a test can ask of a decoded frame which
frame it is. It needs 64 x 24 pixels in the top left corner:

    row 0   bits 15..8 of the number, one block of 8 x 8 pixels a bit
    row 1   bits  7..0
    row 2   checksum: both bytes and 0x5A, combined by exclusive or
"""

import numpy as np
from jaxtyping import UInt8

MAX_NUMBER = 2**16 - 1
CODE_HEIGHT = 24
CODE_WIDTH = 64
_BLOCK = 8
# A plain frame (all black, all white) must not read as a number.
_SALT = 0x5A


def burn_number(
  frame: UInt8[np.ndarray, 'h w 3'], number: int
) -> UInt8[np.ndarray, 'h w 3']:
  """A copy of the frame with `number` (0..65535) in its top left corner."""
  height, width = frame.shape[:2]
  if height < CODE_HEIGHT or width < CODE_WIDTH:
    raise ValueError(
      f'frame of {width}x{height} is too small; use at least '
      f'{CODE_WIDTH}x{CODE_HEIGHT}'
    )
  if not 0 <= number <= MAX_NUMBER:
    raise ValueError(f'{number=} is not in 0..{MAX_NUMBER}')
  high, low = number >> 8, number & 0xFF
  code = np.array([high, low, high ^ low ^ _SALT], np.uint8)
  bits = np.unpackbits(code).reshape(3, 8)
  blocks = np.kron(bits, np.ones((_BLOCK, _BLOCK), np.uint8)) * 255
  burnt = frame.copy()
  burnt[:CODE_HEIGHT, :CODE_WIDTH] = blocks[:, :, None]
  return burnt


def read_number(frame: UInt8[np.ndarray, 'h w 3']) -> int:
  """The number burnt into a frame.

  Raises:
    ValueError: the corner holds no number (its checksum does not fit).
  """
  corner = frame[:CODE_HEIGHT, :CODE_WIDTH].mean(axis=2)
  blocks = corner.reshape(3, _BLOCK, 8, _BLOCK)[:, 2:-2, :, 2:-2]
  bits = blocks.mean(axis=(1, 3)) > 127
  high, low, checksum = (int(byte) for byte in np.packbits(bits, axis=1)[:, 0])
  if checksum != high ^ low ^ _SALT:
    raise ValueError('no number is burnt into this frame')
  return high << 8 | low
