"""Captioned clips on disk.

A list, or lines, of

    {"video": "abseiling/a.mp4", "caption": "A man climbs down a rock.",
     "label": "abseiling", "start_s": 2.0, "end_s": 12.0}

`label`, the action, is the folder of the video where it is left out, as
Kinetics has it; without times the clip is the whole video.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8

from input_pipeline.frame_folder import FOLDER_FPS
from input_pipeline.pixels import Resize
from input_pipeline.sequences.first_entries import check_first_entries
from input_pipeline.sequences.image_sets import caption_entries
from input_pipeline.video_folder import open_named_video
from vtg_jax.errors import BadInput


class ClipSet(Protocol):
  """Clips with a caption and an action each.

  Attributes:
    name: what complaints call them.
  """

  name: str

  def __len__(self) -> int: ...

  def caption(self, index: int) -> str:
    """What clip `index` shows; raises BadInput where nothing says it."""

  def label(self, index: int) -> str:
    """Its action; clips of one action are never in one sequence."""

  def frames(
    self, index: int, n: int, size: int
  ) -> UInt8[np.ndarray, 'n size size 3']:
    """So many frames, evenly over the clip, as squares; raises BadInput."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionedClips:
  """Clips on disk; see above.

  Attributes:
    videos: folder that all video names are inside of.
    captions: the list, JSON or lines of JSON.
    name: what complaints call them; the list where empty.
    folder_fps: frames per second where videos are folders of images.
  """

  videos: str
  captions: str
  name: str = ''
  folder_fps: float = FOLDER_FPS


class ClipsOnDisk:
  """See `ClipSet`."""

  def __init__(self, options: CaptionedClips, entries: Sequence[Any]):
    self.name = options.name or options.captions
    self._options, self._entries = options, entries

  def __len__(self) -> int:
    return len(self._entries)

  def caption(self, index: int) -> str:
    return self._entry(index)['caption']

  def label(self, index: int) -> str:
    entry = self._entry(index)
    # A clip in no folder is of its own kind.
    return (
      entry.get('label')
      or PurePosixPath(entry['video']).parent.name
      or entry['video']
    )

  def frames(
    self, index: int, n: int, size: int
  ) -> UInt8[np.ndarray, 'n size size 3']:
    entry = self._entry(index)
    video = open_named_video(
      self._options.videos,
      entry['video'],
      resize=Resize(size=size, fit='stretch'),
      folder_fps=self._options.folder_fps,
    )
    if 'start_s' in entry or 'end_s' in entry:
      video = video.clip(entry.get('start_s'), entry.get('end_s'))
    return video.get(even_frames(video.n_frames, n))

  def _entry(self, index: int) -> dict[str, Any]:
    entry = self._entries[index]
    fault = _fault(entry)
    if fault:
      raise BadInput(f'{self.name}, item {index}: {fault}')
    return entry


def open_clips(options: CaptionedClips) -> ClipsOnDisk:
  """Finds out which clips there are; they are read when used.

  Raises:
    BadInput: there are none, or the list has another form.
  """
  if not os.path.isdir(options.videos):
    raise BadInput(f'there is no folder {options.videos}; give the clips')
  entries = caption_entries(options.captions)
  clips = ClipsOnDisk(options, entries)
  if not len(clips):
    raise BadInput(f'{clips.name} holds no clip; give one or more')
  check_first_entries(clips.caption, len(clips))
  return clips


def even_frames(n_there: int, n: int) -> list[int]:
  """`n` frames evenly over those there are, repeated where they are fewer.

  even_frames(10, 4) == [0, 2, 5, 7]
  """
  return [i * n_there // n for i in range(n)]


def _fault(entry: Any) -> str | None:
  """What is wrong with an entry; None if nothing is."""
  if not isinstance(entry, dict):
    return f'{repr(entry)[:80]} is no object with video and caption'
  for key in ('video', 'caption'):
    if not isinstance(entry.get(key), str) or not entry[key]:
      return f'{key} is {repr(entry.get(key))[:80]}; give a text'
  if not isinstance(entry.get('label') or '', str):
    return f'label is {repr(entry["label"])[:80]}; give a text'
  for key in ('start_s', 'end_s'):
    value = entry.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
      return f'{key} is {repr(value)[:80]}; give seconds'
  return None
