import av
import pytest

from input_pipeline.encode_video import Encoding, encode_video
from vtg_jax.testing.frame_number import read_number
from vtg_jax.testing.numbered_video import (
  write_numbered_video,
)


def packets_of(path):
  with av.open(str(path)) as container:
    stream = container.streams.video[0]
    return [packet for packet in container.demux(stream) if packet.size]


def test_keyframes_come_once_a_group(tmp_path):
  path = tmp_path / 'groups.mp4'
  write_numbered_video(path, 30, Encoding(gop=10, b_frames=0))
  keys = [i for i, p in enumerate(packets_of(path)) if p.is_keyframe]
  assert keys == [0, 10, 20]


def test_b_frames_are_displayed_out_of_file_order(tmp_path):
  path = tmp_path / 'reordered.mp4'
  write_numbered_video(path, 30, Encoding(b_frames=3))
  pts = [packet.pts for packet in packets_of(path)]
  assert pts != sorted(pts)


def test_frame_times_are_kept(tmp_path):
  path = tmp_path / 'variable.mp4'
  times_s = [0.0, 0.5, 0.75, 3.0]
  write_numbered_video(path, 4, times_s=times_s)
  shown_s = sorted(float(p.pts * p.time_base) for p in packets_of(path))
  assert shown_s == times_s


@pytest.mark.parametrize(
  ('pixel_format', 'width', 'height'),
  [('yuv444p', 97, 65), ('yuv420p10le', 96, 64)],
)
def test_pixel_format_and_size_are_kept(tmp_path, pixel_format, width, height):
  path = tmp_path / 'format.mp4'
  encoding = Encoding(pixel_format=pixel_format)
  write_numbered_video(path, 2, encoding, width=width, height=height)
  with av.open(str(path)) as container:
    picture = next(container.decode(video=0))
  assert picture.format.name == pixel_format
  assert (picture.width, picture.height) == (width, height)
  assert read_number(picture.to_ndarray(format='rgb24')) == 0


def test_no_frames_write_a_file_without_video(tmp_path):
  path = tmp_path / 'nothing.mkv'
  encode_video(path, [])
  with pytest.raises(av.error.FFmpegError), av.open(str(path)) as container:
    next(container.decode(video=0))
