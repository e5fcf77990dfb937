"""Captioned images on disk.

Captions are a text file beside each image, or one file for all:

    a.txt          a.jpg<TAB>A dog runs.                       a line an image
    a.json         {"a.jpg": "A dog runs.", ...}
    a.json(l)      {"image": "a.jpg", "caption": "A dog runs."} in a list, or on
                   lines
    a.json(l)      {"image": "a.jpg", "conversations": [{"from": "human", ...},
                   {"from": "gpt", "value": "A dog runs."}]}   LLaVA-ReCap
    a.json         {"images": [{"id": 7, "file_name": "a.jpg"}, ...],
                    "annotations": [{"image_id": 7, "caption": ...}, ...]}
                                                               COCO

Files of captions stay on disk, but for COCO's; an image or a caption that
cannot be used is found when it is drawn.
"""

import dataclasses
import os
import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8

from input_pipeline import pixels
from input_pipeline.conversation_sources import ASSISTANT
from input_pipeline.image_file import SUFFIXES, read_image
from input_pipeline.json_list import JsonLines, JsonList, JsonObject
from input_pipeline.sequences.first_entries import check_first_entries
from input_pipeline.training_items import PackedItems, read_json
from input_pipeline.video_folder import video_path
from vtg_jax.errors import BadInput

_BESIDE = '.txt'
# COCO's is an object of tables, others are of captions by image.
_HEAD_BYTES = 4096
_TABLES = re.compile(rb'\{\s*"[^"]*"\s*:\s*[\[{]')


class ImageSet(Protocol):
  """Images with a caption each.

  Attributes:
    name: what complaints call them.
  """

  name: str

  def __len__(self) -> int: ...

  def caption(self, index: int) -> str:
    """What image `index` shows; raises BadInput where nothing says it."""

  def subject(self, index: int) -> str:
    """The same for images that show the same, however captions say it."""

  def image(self, index: int, size: int) -> UInt8[np.ndarray, 'size size 3']:
    """The whole of image `index` as a square; raises BadInput."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionedImages:
  """A folder of images and their captions; see above.

  Attributes:
    images: folder that all image names are inside of.
    captions: file of the captions; None for text files beside the images.
    name: what complaints call them; the file or folder where empty.
  """

  images: str
  captions: str | None = None
  name: str = ''


class ImagesOnDisk:
  """See `ImageSet`."""

  def __init__(self, name: str, entries: Sequence[Any], folder: str):
    self.name = name
    self._entries, self._folder = entries, folder

  def __len__(self) -> int:
    return len(self._entries)

  def caption(self, index: int) -> str:
    name, caption = self._entry(index)
    if caption is not None:
      return caption
    path = os.path.splitext(video_path(self._folder, name))[0] + _BESIDE
    return _read_text(path)

  def subject(self, index: int) -> str:
    return self.caption(index)

  def image(self, index: int, size: int) -> UInt8[np.ndarray, 'size size 3']:
    path = video_path(self._folder, self._entry(index)[0])
    return pixels.stretch(read_image(path, least_side=size), size)

  def _entry(self, index: int) -> tuple[str, str | None]:
    try:
      return name_and_caption(self._entries[index])
    except BadInput as error:
      raise BadInput(f'{self.name}, item {index}: {error}') from error


def open_images(options: CaptionedImages) -> ImagesOnDisk:
  """Finds out which images there are; they are read when used.

  Raises:
    BadInput: there are none, or the file has none of the forms.
  """
  folder, captions = options.images, options.captions
  if not os.path.isdir(folder):
    raise BadInput(f'there is no folder {folder}; give the images')
  if captions is None:
    name, entries = options.name or folder, _with_text_beside(folder)
  else:
    name, entries = options.name or captions, caption_entries(captions)
  images = ImagesOnDisk(name, entries, folder)
  if not len(images):
    raise BadInput(f'{name} holds no captioned image; give one or more')
  check_first_entries(images.caption, len(images))
  return images


def caption_entries(path: str) -> Sequence[Any]:
  """The items of a file of captions, whichever of the forms it has.

  Raises:
    BadInput: it cannot be read, or has none of the forms.
  """
  ending = os.path.splitext(path)[1].lower()
  if ending == '.txt':
    return _TextLines(path)
  if ending == '.jsonl':
    return JsonLines(path)
  try:
    with open(path, 'rb') as file:
      head = file.read(_HEAD_BYTES).lstrip()
  except OSError as error:
    raise BadInput(
      f'{path} cannot be read ({error.strerror}); check its name'
    ) from error
  if not head.startswith(b'{'):
    return JsonList(path)
  return _coco(path) if _TABLES.match(head) else JsonObject(path)


def _coco(path: str) -> PackedItems:
  """Pairs of image and its first caption, by image."""
  file = read_json(path)
  try:
    names = {image['id']: image['file_name'] for image in file['images']}
    captions: dict[str, str] = {}
    for annotation in file['annotations']:
      name = names[annotation['image_id']]
      captions.setdefault(name, annotation['caption'])
  except (KeyError, TypeError) as error:
    raise BadInput(
      f'{path} is no file of COCO captions ({error!r}); mend it'
    ) from error
  return PackedItems(
    {'image': name, 'caption': said} for name, said in captions.items()
  )


def name_and_caption(entry: Any) -> tuple[str, str | None]:
  """The image that an item names, and what it says of it.

  Returns:
    None for a caption that stands in a text file beside the image.

  Raises:
    BadInput: it has none of the forms.
  """
  if isinstance(entry, dict):
    name, caption = entry.get('image'), entry.get('caption')
    if caption is None:
      caption = first_answer(entry.get('conversations'))
  elif isinstance(entry, tuple):
    name, caption = entry
  elif isinstance(entry, str):
    return entry, None
  else:
    name = caption = None
  if not isinstance(name, str) or not isinstance(caption, str):
    raise BadInput(
      f'{repr(entry)[:80]} names no image with a caption; give image and '
      'caption, or conversations'
    )
  return name, caption


def first_answer(turns: Any) -> str | None:
  """What the assistant says first in a conversation; None if nothing."""
  for turn in turns if isinstance(turns, list) else ():
    if isinstance(turn, dict) and turn.get('from') == ASSISTANT:
      value = turn.get('value')
      return value if isinstance(value, str) else None
  return None


def _with_text_beside(folder: str) -> tuple[str, ...]:
  """Names of the images that have a text file, sorted."""
  found = []
  for parent, _, names in os.walk(folder):
    there = set(names)
    inside = os.path.relpath(parent, folder)
    found += [
      os.path.normpath(os.path.join(inside, name)).replace(os.sep, '/')
      for name in names
      if name.lower().endswith(SUFFIXES)
      and os.path.splitext(name)[0] + _BESIDE in there
    ]
  return tuple(sorted(found))


def _read_text(path: str) -> str:
  try:
    with open(path, encoding='utf-8') as file:
      return file.read()
  except (OSError, UnicodeDecodeError) as error:
    raise BadInput(f'{path} cannot be read ({error}); mend it') from error


class _TextLines(JsonLines):
  """Lines of image and caption with a tab in between, as pairs."""

  def _read(self, index: int, row: int) -> tuple[str, str]:
    line = self._line(row)
    name, tab, caption = line.partition('\t')
    if not tab:
      raise BadInput(
        f'{line[:80]!r} has no tab; give an image, a tab and its caption'
      )
    return name.strip(), caption.strip()

  def _line(self, row: int) -> str:
    start, end = self._spans[row]
    try:
      return self._content()[start:end].decode()
    except UnicodeDecodeError as error:
      raise BadInput(f'{self.path} is no UTF-8 ({error}); mend it') from error
