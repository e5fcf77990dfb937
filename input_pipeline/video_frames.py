"""Read chosen frames of an indexed video file, decoding as little as possible.

Wanted frames are grouped by the keyframe they depend on; for each group the
file is opened at that keyframe and decoded until the last wanted frame. Within
a group, pictures that are not wanted and that no other picture depends on are
not decoded. Frames that seeking does not find (transport streams) come from
decoding the whole file in order.
"""

import dataclasses
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from jaxtyping import UInt8

from input_pipeline import pixels, video_file
from input_pipeline.video_index import VideoIndex
from vtg_jax.errors import BadInput

# To decode this many frames costs less than to seek past them.
_CHEAP_FRAMES = 8

# A frame's id -> how it is wanted: each a resize, or None for its own size.
Views = Callable[[int], Iterable[pixels.Resize | None]]
# A frame by how it was wanted.
Viewed = dict[pixels.Resize | None, UInt8[np.ndarray, 'h w 3']]


@dataclasses.dataclass(kw_only=True)
class ReadCount:
  """What reading has cost so far.

  Attributes:
    passes: times a file was opened to read frames.
    pictures: pictures that came out of the decoder, wanted or not.
  """

  passes: int = 0
  pictures: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Run:
  """Wanted frames that are decoded in one go from keyframe `keyframe`."""

  keyframe: int
  pts: tuple[int, ...]


def read_frames(
  index: VideoIndex,
  frame_ids: Sequence[int],
  resize: pixels.Resize | None = None,
) -> UInt8[np.ndarray, 'F h w 3']:
  """Frames `frame_ids` of a file, in the order asked for, repeats included.

  Raises:
    BadInput: an id is out of range, or a frame cannot be decoded.
  """
  found = dict(iterate_frames(index, frame_ids, resize))
  return stack_frames([found[int(i)] for i in frame_ids])


def stack_frames(
  frames: Sequence[UInt8[np.ndarray, 'h w 3']],
) -> UInt8[np.ndarray, 'F h w 3']:
  """One array of frames of one size.

  Raises:
    BadInput: no frame, or frames of several sizes.
  """
  if not frames:
    raise BadInput('no frame was asked for; ask for one or more')
  sizes = sorted({frame.shape[:2] for frame in frames})
  if len(sizes) > 1:
    raise BadInput(f'frames have several sizes {sizes}; read with a resize')
  return np.stack(frames)


def check_frame_ids(frame_ids: Iterable[int], n_frames: int) -> list[int]:
  """The distinct ids, sorted.

  Raises:
    BadInput: an id is not a whole number in 0 .. n_frames - 1.
  """
  distinct = set()
  for frame_id in frame_ids:
    try:
      distinct.add(operator.index(frame_id))
    except TypeError as error:
      raise BadInput(
        f'frame {frame_id} is not a whole number; turn times into frames first'
      ) from error
  for frame_id in distinct:
    if not 0 <= frame_id < n_frames:
      raise BadInput(
        f'frame {frame_id} is not in this video; choose 0 to {n_frames - 1}'
      )
  return sorted(distinct)


def iterate_frames(
  index: VideoIndex,
  frame_ids: Iterable[int],
  resize: pixels.Resize | None = None,
  *,
  count: ReadCount | None = None,
) -> Iterator[tuple[int, UInt8[np.ndarray, 'h w 3']]]:
  """Pairs of id and frame, each wanted frame once, as they are decoded.

  Args:
    index: where the frames are.
    frame_ids: wanted frames, in any order.
    resize: how each frame is resized; None keeps its size.
    count: is told what the reading costs.

  Raises:
    BadInput: see `iterate_views`.
  """
  views = iterate_views(index, frame_ids, lambda _: (resize,), count)
  return ((i, viewed[resize]) for i, viewed in views)


def iterate_views(
  index: VideoIndex,
  frame_ids: Iterable[int],
  views: Views,
  count: ReadCount | None = None,
) -> Iterator[tuple[int, Viewed]]:
  """Pairs of id and views, each wanted frame decoded once.

  Args:
    index: where the frames are.
    frame_ids: wanted frames, in any order.
    views: how each frame is wanted.
    count: is told what the reading costs.

  Raises:
    BadInput: an id is out of range, or a frame cannot be decoded; the message
      says how many could.
  """
  ids = check_frame_ids(frame_ids, index.n_frames)
  count = ReadCount() if count is None else count
  wanted = {int(index.pts[i]): i for i in ids}
  missing = dict(wanted)
  faults: list[str] = []
  if len(index.keyframe_pts) and wanted:
    count.passes += 1
    with video_file.open_container(index.path) as (container, stream):
      for run in _runs(index, list(wanted)):
        for picture in _decode_run(
          container, stream, index, run, faults, count
        ):
          yield _viewed(missing.pop(picture.pts), picture, views)
  if missing:
    faults.clear()
    for pts, picture in _decode_in_order(index, list(missing), faults, count):
      yield _viewed(missing.pop(pts), picture, views)
  if missing:
    raise BadInput(
      f'{index.path} is damaged: {len(ids) - len(missing)} of {len(ids)} '
      'wanted frames can be decoded; copy it again or re-encode it'
    )


def _viewed(
  frame_id: int, picture: av.VideoFrame, views: Views
) -> tuple[int, Viewed]:
  return frame_id, {
    resize: video_file.to_frame(picture, resize) for resize in views(frame_id)
  }


def _runs(index: VideoIndex, wanted: list[int]) -> list[_Run]:
  """Groups sorted display ticks by the keyframe to decode them from.

  A group that begins just after the last wanted frame of the one before joins
  it: decoding on is cheaper than seeking.
  """
  keyframes = np.searchsorted(index.keyframe_pts, wanted, side='right') - 1
  runs: list[_Run] = []
  for pts, keyframe in zip(wanted, np.maximum(keyframes, 0), strict=True):
    if runs and _is_near(index, runs[-1].pts[-1], int(keyframe)):
      runs[-1] = dataclasses.replace(runs[-1], pts=(*runs[-1].pts, pts))
    else:
      runs.append(_Run(keyframe=int(keyframe), pts=(pts,)))
  return runs


def _is_near(index: VideoIndex, pts: int, keyframe: int) -> bool:
  """Whether the keyframe is displayed before `pts` or soon after it."""
  gap = np.searchsorted(index.pts, [pts, index.keyframe_pts[keyframe]])
  return bool(gap[1] - gap[0] <= _CHEAP_FRAMES)


def _decode_run(
  container: InputContainer,
  stream: VideoStream,
  index: VideoIndex,
  run: _Run,
  faults: list[str],
  count: ReadCount,
) -> Iterator[av.VideoFrame]:
  """The run's pictures; fewer if seeking cannot find the keyframe."""
  packets = _packets_from_keyframe(container, stream, index, run.keyframe)
  wanted = set(run.pts)
  for picture in video_file.decode(
    stream, packets, faults=faults, wanted_pts=frozenset(wanted)
  ):
    count.pictures += 1
    if picture.pts in wanted:
      wanted.remove(picture.pts)
      yield picture
    if not wanted or (picture.pts is not None and picture.pts > run.pts[-1]):
      return


def _packets_from_keyframe(
  container: InputContainer,
  stream: VideoStream,
  index: VideoIndex,
  keyframe: int,
) -> Iterator[av.Packet]:
  """Packets from that keyframe, or an earlier one; none if neither is found.

  Some containers seek by display time, others by decoding time, and transport
  streams only near it, so the packet that comes first is looked at.
  """
  pts = int(index.keyframe_pts[keyframe])
  dts = int(index.keyframe_dts[keyframe])
  second = int(1 / index.tick_s)
  for target in (pts, dts, dts - second):
    try:
      container.seek(target, stream=stream, backward=True)
      packets = video_file.demux(container, stream)
      for packet in packets:
        if packet.is_keyframe and packet.pts is not None:
          if packet.pts <= pts:
            return itertools.chain([packet], packets)
          break
    except av.error.FFmpegError:
      continue
  return iter(())


def _decode_in_order(
  index: VideoIndex, wanted: list[int], faults: list[str], count: ReadCount
) -> Iterator[tuple[int, av.VideoFrame]]:
  """Pairs of wanted tick and picture, from decoding the file from its start.

  Where a packet gives no picture of its own (the second field of a frame), the
  picture that is on display then stands for it, unless the decoder complained.
  """
  count.passes += 1
  waiting = sorted(wanted, reverse=True)
  previous = None
  with video_file.open_container(index.path) as (container, stream):
    packets = video_file.demux(container, stream)
    pictures = video_file.decode(stream, packets, faults=faults)
    for ordinal, picture in enumerate(pictures):
      count.pictures += 1
      pts = ordinal if index.in_order else picture.pts
      if pts is None:
        continue
      while waiting and waiting[-1] < pts and previous and not faults:
        yield waiting.pop(), previous
      if waiting and waiting[-1] == pts:
        yield waiting.pop(), picture
      if not waiting:
        return
      # A frame that was passed over stays missing.
      while waiting and waiting[-1] < pts and faults:
        waiting.pop()
      previous = picture
  if not faults and previous is not None:
    for pts in reversed(waiting):
      yield pts, previous
