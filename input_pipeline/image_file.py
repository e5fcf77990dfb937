"""An image file as RGB pixels."""

import os

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vtg_jax.errors import BadInput

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.webp')


def read_image(
  path: str | os.PathLike, *, least_side: int | None = None
) -> UInt8[np.ndarray, 'h w 3']:
  """The pixels of an image file.

  Args:
    path: of the file.
    least_side: a JPEG file is decoded at a half, a quarter or an eighth of its
      size, in less time, as long as both sides keep so many pixels; None
      decodes all pixels.

  Raises:
    BadInput: it is no image, is damaged or has far too many pixels.
  """
  try:
    with Image.open(path) as image:
      if least_side is not None:
        image.draft('RGB', (least_side, least_side))
      return np.asarray(image.convert('RGB'))
  except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as e:
    raise BadInput(
      f'{os.fspath(path)} cannot be read as an image; replace or remove it'
    ) from e
