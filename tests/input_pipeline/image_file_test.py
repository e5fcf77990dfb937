"""Image files: what comes out, and what is refused."""

import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from input_pipeline.image_file import read_image
from vtg_jax.errors import BadInput


def gradient(height, width):
  image = np.zeros((height, width, 3), np.uint8)
  image[..., 0] = np.linspace(0, 255, width)
  image[..., 1] = np.linspace(0, 255, height)[:, None]
  return image


def test_other_colours_become_rgb(tmp_path):
  Image.fromarray(np.full((3, 5), 7, np.uint8)).save(tmp_path / 'a.png')
  image = read_image(tmp_path / 'a.png')
  assert image.shape == (3, 5, 3) and (image == 7).all()


@pytest.mark.parametrize(
  ('side', 'shape'), [(None, (160, 240)), (60, (80, 120)), (100, (160, 240))]
)
def test_a_jpeg_is_decoded_no_smaller_than_asked(tmp_path, side, shape):
  Image.fromarray(gradient(160, 240)).save(tmp_path / 'a.jpg', quality=95)
  image = read_image(tmp_path / 'a.jpg', least_side=side)
  assert image.shape == (*shape, 3)
  np.testing.assert_allclose(image, gradient(*shape), atol=6)


@pytest.mark.parametrize('content', [b'', b'no image', b'\xff\xd8\xff\xe0 cut'])
def test_what_is_no_image_is_refused(tmp_path, content):
  (tmp_path / 'a.jpg').write_bytes(content)
  with pytest.raises(BadInput, match=r'a\.jpg cannot be read as an image'):
    read_image(tmp_path / 'a.jpg')


def test_a_damaged_image_and_one_that_is_not_there_are_refused(tmp_path):
  Image.fromarray(gradient(64, 64)).save(tmp_path / 'a.jpg')
  content = (tmp_path / 'a.jpg').read_bytes()
  (tmp_path / 'a.jpg').write_bytes(content[: len(content) // 2])
  for name in ('a.jpg', 'b.jpg'):
    with pytest.raises(BadInput, match='cannot be read'):
      read_image(tmp_path / name)


def chunk(kind, data):
  check = zlib.crc32(kind + data)
  return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', check)


def test_a_small_file_of_far_too_many_pixels_is_refused(tmp_path):
  for side in (10_000, 50_000):
    header = struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
    chunks = (b'IHDR', header), (b'IDAT', zlib.compress(b'')), (b'IEND', b'')
    content = b''.join(chunk(*one) for one in chunks)
    (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n\x1a\n' + content)
    with warnings.catch_warnings():
      warnings.simplefilter('error')
      with pytest.raises(BadInput, match='cannot be read') as refused:
        read_image(tmp_path / 'a.png')
    assert 'pixels' in str(refused.value.__cause__)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
  os.mkfifo(tmp_path / 'a.jpg')
  with pytest.raises(BadInput, match='cannot be read'):
    read_image(tmp_path / 'a.jpg')


def test_no_other_kind_of_file_is_looked_into(tmp_path):
  """PIL would read these; for PostScript it runs another program."""
  Image.fromarray(gradient(9, 9)).save(tmp_path / 'a.jpg', 'PPM')
  with pytest.raises(BadInput, match='cannot be read'):
    read_image(tmp_path / 'a.jpg')
  Image.fromarray(gradient(9, 9)).save(tmp_path / 'a.jpg', 'PNG')
  assert (read_image(tmp_path / 'a.jpg') == gradient(9, 9)).all()
