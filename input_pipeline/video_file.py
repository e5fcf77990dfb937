"""A video file opened with PyAV: its packets and its decoded pictures."""

import contextlib
import os
from collections.abc import Container, Iterable, Iterator

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from jaxtyping import UInt8

from input_pipeline import pixels
from vtg_jax.errors import BadInput

# More threads give the same pixels, but start and end with every picture: on a
# busy machine a hundred times slower, and on two idle cores no faster at 1080p.
_CONVERSION_THREADS = 1
# FFmpeg reads any text file as a terminal recording.
_NOT_VIDEO_FORMATS = ('tty',)
# Formats that only name other files, which FFmpeg would open and perhaps wait
# for; `imf` and `webm_dash_manifest` are XML playlists.
_PLAYLISTS = {'concat', 'dash', 'hls', 'imf', 'webm_dash_manifest'}
_FORMATS = ','.join(sorted(set(av.formats_available) - _PLAYLISTS))


@contextlib.contextmanager
def open_container(
  path: str,
) -> Iterator[tuple[InputContainer, VideoStream]]:
  """Opens a file and its first video stream that is not a cover picture.

  Nothing but the file itself is read: playlists are refused, and so is a pipe
  or device, which could block.

  Raises:
    BadInput: no such file, not a regular file, empty, or not a video.
  """
  if os.path.isdir(path):
    raise BadInput(f'{path} is a folder; give a video file')
  if not os.path.exists(path):
    raise BadInput(f'there is no file {path}; check its name')
  if not os.path.isfile(path):
    raise BadInput(f'{path} is not a regular file; give a video file')
  if not os.path.getsize(path):
    raise BadInput(f'{path} is an empty file; copy or download it again')
  try:
    container = av.open(
      f'file:{path}',
      options={'protocol_whitelist': 'file', 'format_whitelist': _FORMATS},
      metadata_errors='ignore',
    )
  except (av.error.FFmpegError, OSError) as error:
    raise BadInput(
      f'{path} cannot be read as a video ({_reason(error)}); '
      'give a video file, and a whole one'
    ) from error
  with container:
    streams = [
      stream
      for stream in container.streams.video
      if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if container.format.name in _NOT_VIDEO_FORMATS:
      raise BadInput(f'{path} is a text file; give a video file')
    if not streams:
      raise BadInput(f'{path} has no video stream; give a file with a picture')
    if streams[0].codec_context is None:
      raise BadInput(
        f'{path} is encoded in a way that FFmpeg does not know; re-encode it'
      )
    streams[0].thread_type = 'AUTO'
    yield container, streams[0]


def demux(
  container: InputContainer, stream: VideoStream
) -> Iterator[av.Packet]:
  """The packets of a stream from where the container stands, in file order.

  A transport stream may hold streams that begin after its head; PyAV does not
  know them and stumbles over their packets, which are passed over here.
  """
  while True:
    try:
      yield from container.demux(stream)
    except IndexError:
      continue
    return


def decode(
  stream: VideoStream,
  packets: Iterable[av.Packet],
  *,
  faults: list[str],
  wanted_pts: Container[int] | None = None,
) -> Iterator[av.VideoFrame]:
  """The pictures of some packets, in display order.

  Args:
    stream: the packets' stream.
    packets: from a keyframe on, in file order.
    faults: receives a line for each packet that could not be decoded.
    wanted_pts: if given, pictures with another time may be left out where no
      other picture depends on them. Those that come are the same as without.
  """
  context = stream.codec_context
  context.skip_frame = 'DEFAULT'
  skips = False
  packets = iter(packets)
  while True:
    try:
      packet = next(packets, None)
      if packet is None:
        return
      skip = wanted_pts is not None and packet.pts not in wanted_pts
      if skip != skips:
        context.skip_frame = 'NONREF' if skip else 'DEFAULT'
        skips = skip
      pictures = packet.decode()
    except av.error.FFmpegError as error:
      faults.append(_reason(error))
      continue
    yield from pictures


def upright_size(picture: av.VideoFrame) -> tuple[int, int]:
  """Height and width of the picture once it is turned as the file asks."""
  transposed, _, _ = _orientation(picture)
  if transposed:
    return picture.width, picture.height
  return picture.height, picture.width


def to_frame(
  picture: av.VideoFrame, resize: pixels.Resize | None
) -> UInt8[np.ndarray, 'h w 3']:
  """RGB pixels of a decoded picture, upright, and resized if asked for."""
  if resize is None or resize.method == 'pil':
    frame = _upright(picture, to_rgb(picture))
    if resize is None:
      return frame
    return pixels.resized(frame, resize)
  height, width = resize.size, resize.size
  if resize.fit == 'crop':
    height, width = pixels.short_side_size(
      picture.height, picture.width, resize.size
    )
  small = picture.reformat(
    width=width,
    height=height,
    format='rgb24',
    interpolation='BICUBIC',
    threads=_CONVERSION_THREADS,
  )
  frame = _upright(picture, small.to_ndarray())
  return np.ascontiguousarray(pixels.centre_crop(frame, resize.size))


def to_rgb(picture: av.VideoFrame, **size: int) -> UInt8[np.ndarray, 'h w 3']:
  """RGB pixels of a decoded picture as it lies in the file.

  Args:
    picture: the picture.
    **size: `width` and `height` to resize to; default is the picture's own.
  """
  return picture.to_ndarray(format='rgb24', threads=_CONVERSION_THREADS, **size)


def _upright(
  picture: av.VideoFrame, frame: UInt8[np.ndarray, 'h w 3']
) -> UInt8[np.ndarray, 'upright_h upright_w 3']:
  transposed, flip_rows, flip_columns = _orientation(picture)
  if transposed:
    frame = frame.swapaxes(0, 1)
  if flip_rows:
    frame = frame[::-1]
  if flip_columns:
    frame = frame[:, ::-1]
  return np.ascontiguousarray(frame)


def _orientation(picture: av.VideoFrame) -> tuple[bool, bool, bool]:
  """Whether to transpose, then reverse the rows, then the columns.

  A display matrix sends pixel (x, y) to (a x + c y, b x + d y). Players take it
  to the nearest of the eight ways a frame can lie; so do we.
  """
  matrix = picture.side_data.get('DISPLAYMATRIX')
  if matrix is None:
    return False, False, False
  a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].astype(np.int64)
  if abs(a) + abs(d) >= abs(b) + abs(c):
    return False, bool(d < 0), bool(a < 0)
  return True, bool(b < 0), bool(c < 0)


def _reason(error: Exception) -> str:
  return getattr(error, 'strerror', None) or str(error)
