"""Conversations about videos, as Grounded-VideoLLM's mixtures are released.

A file is a list of

    {'question_id': 7, 'video_id': 'v_1', 'video_file': 'activitynet/v_1.mp4',
     'dataset_name': 'activitynet', 'conversation': [
       {'from': 'human', 'value': '<image>\\nWhen does she sit down?'},
       {'from': 'gpt', 'value': 'From <5.25> to <30.0>.'}]}

with times in seconds. An item of the source is

    {'video': 'activitynet/v_1.mp4', 'conversation': the same, ...}

whose video is None where `video_id` is 'text': a conversation about no video.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from input_pipeline.frame_cache import CacheOptions
from input_pipeline.frame_folder import FOLDER_FPS
from input_pipeline.frame_store import FrameStore
from input_pipeline.json_list import JsonList
from input_pipeline.training_items import Item
from input_pipeline.training_sources import open_training_video
from input_pipeline.video_folder import video_path
from vtg_jax.errors import BadInput

HUMAN, ASSISTANT = 'human', 'gpt'
# Where the video stands in a text, and the `video_id` of one about none.
VIDEO, NO_VIDEO = '<image>', 'text'


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConversationSource:
  """A file of conversations on disk.

  Attributes:
    annotations: such as mix_grounded.json.
    videos: folder that every `video_file` is inside of.
    name: what complaints call it; the annotation file where empty.
    folder_fps: frames per second where videos are folders of images.
    cache: where decoded frames are kept on disk; None decodes the videos each
      time.
    weight: share in a mixture; None for all files takes every item once an
      epoch.
  """

  annotations: str
  videos: str
  name: str = ''
  folder_fps: float = FOLDER_FPS
  cache: CacheOptions | None = None
  weight: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conversations:
  """Conversations and their videos; see `training_sources.Source`.

  Attributes:
    name: what complaints call the file.
    entries: as in the file.
    videos: folder of the videos.
    folder_fps: frames per second of a folder of images.
    cache: where decoded frames are kept, if anywhere.
  """

  name: str
  entries: JsonList
  videos: str
  folder_fps: float = FOLDER_FPS
  cache: CacheOptions | None = None

  def __len__(self) -> int:
    return len(self.entries)

  def item(self, index: int, rng: np.random.Generator) -> Item:
    """Conversation `index`, its video standing first in the first question."""
    del rng
    return item_of(self.entries[index])

  def open(self, item: Item) -> FrameStore:
    """The video of an item that has one.

    Raises:
      BadInput: it cannot be read.
    """
    return open_training_video(
      self.videos, item['video'], folder_fps=self.folder_fps, cache=self.cache
    )


def open_conversations(source: ConversationSource) -> Conversations:
  """Checks every entry of a file; videos are opened when used.

  Raises:
    BadInput: naming the file, and the entry in it that cannot be used.
  """
  if not os.path.isdir(source.videos):
    raise BadInput(f'there is no folder {source.videos}; give the videos')
  entries = JsonList(source.annotations)
  if not entries:
    raise BadInput(f'{source.annotations} holds no item; give one or more')
  for i, entry in enumerate(entries):
    fault = _fault(entry, source.videos)
    if fault:
      raise BadInput(f'{source.annotations}, item {i}{_named(entry)}: {fault}')
  return Conversations(
    name=source.name or source.annotations,
    entries=entries,
    videos=source.videos,
    folder_fps=source.folder_fps,
    cache=source.cache,
  )


def item_of(entry: Mapping[str, Any]) -> dict[str, Any]:
  """What a sample is made from; see above.

  In:  {'video_id': 'text', 'conversation': [{'from': 'human', 'value': 'Hi'},
        {'from': 'gpt', 'value': 'Hello.'}]}
  Out: {'video': None, 'dataset': '', 'conversation': [{'from': 'human',
        'value': '<image>\\nHi'}, {'from': 'gpt', 'value': 'Hello.'}]}

  Deviates: the reference rewrites the first question where the video does not
  stand on a line of its own, too, but then may name it twice.
  """
  first, *rest = entry['conversation']
  if not first['value'].startswith(f'{VIDEO}\n'):
    question = first['value'].replace(VIDEO, '').strip()
    first = {**first, 'value': f'{VIDEO}\n{question}'}
  return {
    'video': None if _is_text(entry) else entry['video_file'],
    'dataset': entry.get('dataset_name') or '',
    'conversation': [first, *rest],
  }


def _is_text(entry: Mapping[str, Any]) -> bool:
  return entry.get('video_id') == NO_VIDEO


def _fault(entry: Any, videos: str) -> str | None:
  """What is wrong with an entry; None if nothing is."""
  if not isinstance(entry, dict):
    return f'{_shown(entry)} is not an object with video_file and conversation'
  if not _is_text(entry):
    name = entry.get('video_file')
    if not isinstance(name, str):
      return (
        f'video_file is {_shown(name)}; give a file name, or '
        f'{NO_VIDEO!r} as video_id'
      )
    try:
      video_path(videos, name)
    except BadInput as error:
      return str(error)
  if not isinstance(entry.get('dataset_name') or '', str):
    return f'dataset_name is {_shown(entry["dataset_name"])}; give a text'
  turns = entry.get('conversation')
  if not isinstance(turns, list) or not turns or len(turns) % 2:
    return (
      f'conversation is {_shown(turns)}; give questions and answers in turn'
    )
  for i, turn in enumerate(turns):
    fault = _turn_fault(turn, (HUMAN, ASSISTANT)[i % 2])
    if fault:
      return f'turn {i} {fault}'
  return _placeholder_fault(entry, [turn['value'] for turn in turns])


def _turn_fault(turn: Any, speaker: str) -> str | None:
  if not isinstance(turn, dict) or not isinstance(turn.get('value'), str):
    return f'is {_shown(turn)}; give an object with from and value'
  if turn.get('from') != speaker:
    return f'is from {_shown(turn.get("from"))}; it must be from {speaker!r}'
  return None


def _placeholder_fault(
  entry: Mapping[str, Any], texts: list[str]
) -> str | None:
  """The video stands in the first question once, and nowhere else."""
  first, *rest = (text.count(VIDEO) for text in texts)
  if first > 1 or any(rest):
    return f'{VIDEO} stands {first + sum(rest)} times; once is enough'
  if not first and not _is_text(entry):
    return f'the first question has no {VIDEO}; put it before the question'
  return None


def _named(entry: Any) -> str:
  """' (question_id 7)', where the entry says so."""
  number = entry.get('question_id') if isinstance(entry, dict) else None
  return '' if number is None else f' (question_id {_shown(number)})'


def _shown(value: Any) -> str:
  return repr(value)[:80]
