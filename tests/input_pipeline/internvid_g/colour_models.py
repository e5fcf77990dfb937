"""An embedder and a captioner that know colours, and videos made of them.

They do what CLIP and BLIP-2 do, for one aspect of an image: what share of it
is red, blue, ... and which colour there is most of.
"""

import numpy as np

from input_pipeline.encode_video import Encoding, encode_video

# Name -> its shades; shades of one colour look alike to the embedder only.
SHADES = {
  'red': [(220, 30, 30), (90, 10, 10)],
  'green': [(30, 200, 60), (10, 80, 20)],
  'blue': [(40, 60, 230), (10, 20, 100)],
  'yellow': [(240, 220, 40)],
  'white': [(250, 250, 250)],
}
NAMES = tuple(SHADES)
_PALETTE = np.array([rgb for shades in SHADES.values() for rgb in shades])
_OWNER = np.repeat(np.arange(len(NAMES)), [len(s) for s in SHADES.values()])


def shares(image):
  """[colours]: the share of pixels whose nearest shade is of each colour."""
  pixels = image.reshape(-1, 1, 3).astype(np.int64)
  nearest = ((pixels - _PALETTE) ** 2).sum(-1).argmin(1)
  return np.bincount(_OWNER[nearest], minlength=len(NAMES)) / len(nearest)


class ColourEmbedder:
  """Images by how much of each colour they hold, texts by naming them."""

  name = 'colours'

  def embed_images(self, images):
    return np.array([shares(image) for image in images])

  def embed_texts(self, texts):
    return np.array(
      [[text.split().count(name) for name in NAMES] for text in texts],
      np.float64,
    )


class ColourCaptioner:
  """Names the colour that an image holds most of; none for white."""

  name = 'main colour'

  def caption_images(self, images):
    names = [NAMES[shares(image).argmax()] for image in images]
    return ['' if name == 'white' else f'a {name} wall' for name in names]


def wall(rgb, *, stripe=None, size=(64, 96), striped=0.3):
  """A plain image; its lower part, if asked for, of a second colour."""
  image = np.empty((*size, 3), np.uint8)
  image[:] = rgb
  if stripe is not None:
    image[round(size[0] * (1 - striped)) :] = stripe
  return image


def write_walls(path, walls, *, fps=10.0, times_s=None):
  """Writes (image, seconds) one after the other, cut hard."""
  frames = [
    image for image, length_s in walls for _ in range(round(length_s * fps))
  ]
  encode_video(path, frames, Encoding(fps=fps, crf=8), times_s=times_s)
