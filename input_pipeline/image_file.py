"""An image file as RGB pixels."""

import os
import warnings

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vtg_jax.errors import BadInput

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.webp')
# What is in files that end so, whatever else PIL knows: it would run another
# program for PostScript. A GIF, or a JPEG of several pictures, may be called
# .jpg by whoever collected it.
_FORMATS = ('BMP', 'GIF', 'JPEG', 'PNG', 'WEBP')


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
    if not os.path.isfile(path):  # to open a pipe may take for ever
      raise OSError('no file')
    with warnings.catch_warnings():
      # A few kB can be pixels of more than a gigabyte.
      warnings.simplefilter('error', Image.DecompressionBombWarning)
      with Image.open(path, formats=_FORMATS) as image:
        if least_side is not None:
          image.draft('RGB', (least_side, least_side))
        return np.asarray(image.convert('RGB'))
  except (
    OSError,
    SyntaxError,
    ValueError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
  ) as e:
    raise BadInput(
      f'{os.fspath(path)} cannot be read as an image; replace or remove it'
    ) from e
