"""Annotation files of the grounding benchmarks, as items."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from input_pipeline import hawkeye_samples
from input_pipeline.video_folder import video_path
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.items import GroundingItem
from vtg_jax.metrics.grounding import finite_seconds, gold_spans

# How a video may be stored where its annotation names no file.
SUFFIXES = ('.mp4', '.mkv', '.webm', '.avi', '.mov')


def json_items(path: str | os.PathLike) -> list[GroundingItem]:
  """Reads a list of objects, as the paper's evaluation script does.

  In: [{'video': 'a.mp4', 'question': 'a dog runs', 'answer': [2.0, 4.5]}]

  The spans stand under 'span' or 'answer', one or a list of them (NExT-GQA);
  a `qid` is kept.

  Raises:
    BadInput: no such file, or an item lacks something.
  """
  items = []
  for number, item in enumerate(read_objects(path), 1):
    video, question = _texts(path, number, item, 'video', 'question')
    items.append(
      GroundingItem(
        video=video,
        question=question,
        gold=_spans(gold_spans(item), path, number),
        qid=item.get('qid'),
      )
    )
  return items


def charades_sta_items(path: str | os.PathLike) -> list[GroundingItem]:
  """Reads Charades-STA: lines 'AO8RW 0.0 6.9##a person opens the door.'.

  The video is AO8RW.mp4; full stops leave the sentence, as in the paper's
  preparation.

  Raises:
    BadInput: no such file, or a line of another form.
  """
  sentences = hawkeye_samples.charades_sentences(read_text(path))
  return _of_sentences(path, sentences)


def activitynet_items(path: str | os.PathLike) -> list[GroundingItem]:
  """Reads ActivityNet-Captions, such as val_2.json.

  In: {'v_1': {'duration': 82.7, 'timestamps': [[0.8, 19.9]],
               'sentences': ['A woman dances. ']}}

  Raises:
    BadInput: no such file, or a video lacks something.
  """
  return _of_sentences(
    path,
    hawkeye_samples.activitynet_sentences(read_table(path), for_test=True),
  )


FORMATS: Mapping[str, Callable[[str | os.PathLike], list[GroundingItem]]] = {
  'json': json_items,
  'charades_sta': charades_sta_items,
  'activitynet': activitynet_items,
}


def grounding_items(path: str | os.PathLike, kind: str) -> list[GroundingItem]:
  """Reads an annotation file in one of FORMATS.

  Raises:
    BadInput: an unknown format, or a file that is not in it.
  """
  if kind not in FORMATS:
    raise BadInput(f'format {kind!r} is unknown; use one of {list(FORMATS)}')
  return FORMATS[kind](path)


def videos_in(folder: str | os.PathLike) -> Callable[[str], Path]:
  """Returns how a video's name becomes its path in a folder.

  A name without suffix is a folder of frames or a file with one of SUFFIXES.

  Raises:
    BadInput: there is no such folder.
  """
  if not os.fspath(folder):
    raise BadInput('no video folder is given; set videos=DIR')
  folder = Path(folder)
  if not folder.is_dir():
    raise BadInput(f'{folder} is no folder; give the one with the videos')

  def find(name: str) -> Path:
    path = Path(video_path(folder, name))
    if path.exists():
      return path
    for suffix in SUFFIXES:
      if (file := path.with_name(path.name + suffix)).exists():
        return file
    raise BadInput(f'there is no video {name!r} in {folder}; add it')

  return find


def _of_sentences(path, sentences) -> list[GroundingItem]:
  items = []
  for sentence in sentences:
    bounds = sentence.start_s, sentence.end_s
    try:
      span = finite_seconds(bounds[0]), finite_seconds(bounds[1])
    except (TypeError, ValueError) as error:
      raise BadInput(
        f'{path} has {sentence.sentence[:80]!r} of {sentence.video!r} at '
        f'{str(bounds)[:80]}; give seconds'
      ) from error
    items.append(
      GroundingItem(
        video=sentence.video, question=sentence.sentence, gold=(span,)
      )
    )
  return items


def _spans(spans, path, number) -> tuple[tuple[float, float], ...]:
  if not spans:
    raise BadInput(f'item {number} of {path} has no span; give one')
  return tuple((start_s, end_s) for start_s, end_s in spans)


def _texts(path, number: int, item: Any, *keys: str) -> list[str]:
  found = [item.get(key) for key in keys] if isinstance(item, Mapping) else []
  if not found or not all(isinstance(text, str) and text for text in found):
    raise BadInput(
      f'item {number} of {path} has no text under {" and ".join(keys)}; give '
      'both'
    )
  return found


def read_objects(path: str | os.PathLike) -> Sequence[Any]:
  """Reads a JSON list.

  Raises:
    BadInput: no such file, or something else in it.
  """
  document = _json(path)
  if not isinstance(document, list):
    raise BadInput(f'{path} is no JSON list of items; give one')
  return document


def read_table(path: str | os.PathLike) -> Mapping[str, Any]:
  """Reads a JSON object that has an entry a video.

  Raises:
    BadInput: no such file, or something else in it.
  """
  document = _json(path)
  if not isinstance(document, Mapping):
    raise BadInput(
      f'{path} is no JSON object of videos; give an ActivityNet-Captions file'
    )
  return document


def _json(path) -> Any:
  try:
    return json.loads(read_text(path))
  except (ValueError, RecursionError) as error:
    raise BadInput(f'{path} is no JSON ({error}); give a JSON file') from error


def read_text(path: str | os.PathLike) -> str:
  """Reads a file of text.

  Raises:
    BadInput: none is given, or it cannot be read.
  """
  if not os.fspath(path):
    raise BadInput('no annotation file is given; set annotations=FILE')
  try:
    return Path(path).read_text(encoding='utf-8')
  except (OSError, UnicodeDecodeError) as error:
    raise BadInput(
      f'{path} cannot be read ({error}); give an annotation file'
    ) from error
