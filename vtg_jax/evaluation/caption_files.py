"""Files of the dense-captioning benchmarks, as items."""

import os
from collections.abc import Mapping, Sequence

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.annotations import read_table
from vtg_jax.evaluation.items import CaptionItem
from vtg_jax.metrics.dense_captions import Event
from vtg_jax.metrics.grounding import finite_seconds


def activitynet_captions(
  paths: Sequence[str | os.PathLike],
) -> list[CaptionItem]:
  """Reads ActivityNet-Captions: val_1.json and val_2.json are two people's.

  In: {'v_1': {'duration': 82.7, 'timestamps': [[0.8, 19.9]],
               'sentences': ['A woman dances. ']}}

  Args:
    paths: a file for each person who told what happens.

  Returns:
    A video each, in the order of the first file; later files may know others
    too, as the published ones do.

  Raises:
    BadInput: no such file, or a video lacks something.
  """
  told: dict[str, list[tuple[Event, ...]]] = {}
  for path in paths:
    for video, about in read_table(path).items():
      told.setdefault(video, []).append(_events(path, video, about))
  return [
    CaptionItem(video=video, references=tuple(references))
    for video, references in told.items()
  ]


def youcook2_captions(
  path: str | os.PathLike, subset: str = 'validation'
) -> list[CaptionItem]:
  """Reads YouCook2, as released or as TimeChat's evaluation has it.

  In: {'database': {'GLd3aX16zBg': {'subset': 'validation', 'annotations': [
        {'segment': [90, 102], 'sentence': 'spread margarine on bread'}]}}}
  or: {'annotations': [{'image_id': 'val/GLd3aX16zBg.mp4', 'segments':
        [[90, 102]], 'pure_cap': 'spread margarine on bread. place cheese'}]}

  Args:
    path: the file.
    subset: of the released file; the other one has its own file for each.

  Raises:
    BadInput: no such file, or a video lacks something.
  """
  document = read_table(path)
  if 'database' in document:
    videos = [
      (video, about.get('annotations'), _released_steps)
      for video, about in _entries(path, document['database'])
      if about.get('subset') == subset
    ]
  else:
    listed = document.get('annotations')
    table = dict(enumerate(listed)) if isinstance(listed, list) else {}
    videos = [
      (about.get('image_id'), about, _joined_steps)
      for _, about in _entries(path, table)
    ]
  if not videos:
    raise BadInput(
      f'{path} has no videos of the subset {subset!r}; give a file of YouCook2'
    )
  return [
    CaptionItem(
      video=str(video), references=(_events(path, str(video), steps, read),)
    )
    for video, steps, read in videos
  ]


def _entries(path, table) -> list[tuple[str, Mapping]]:
  """Name and contents of each entry that is an object."""
  if not isinstance(table, Mapping):
    raise BadInput(f'{path} is no file of YouCook2; give one')
  for name, about in table.items():
    if not isinstance(about, Mapping):
      raise BadInput(f'{name!r} in {path} is {str(about)[:80]}; give an object')
  return list(table.items())


def _released_steps(steps) -> tuple[list, list]:
  return [s['segment'] for s in steps], [s['sentence'] for s in steps]


def _joined_steps(about) -> tuple[list, list]:
  """Sentences in one text: all but the last end with a full stop and blank."""
  sentences = [f'{one}.' for one in about['pure_cap'].split('. ')]
  return about['segments'], sentences


def _parallel_lists(about) -> tuple[list, list]:
  return about['timestamps'], about['sentences']


def _events(path, video: str, about, read=_parallel_lists) -> tuple[Event, ...]:
  try:
    spans, sentences = read(about)
    events = tuple(
      # Some of the published spans are reversed.
      Event(tuple(sorted(map(finite_seconds, span))), str(sentence).strip())
      for span, sentence in zip(spans, sentences, strict=True)
    )
    if not events or any(len(event.span) != 2 for event in events):
      raise ValueError('no event, or no span')
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise BadInput(
      f'{video!r} in {path} is {str(about)[:200]}; give as many timestamps '
      '[start, end] as sentences'
    ) from error
  return events


def files_of(value: str | Sequence[str] | None) -> list[str]:
  """Returns the files that an entry of a config names: none, one or a list.

  Raises:
    BadInput: it is something else.
  """
  if not value:
    return []
  if isinstance(value, str):
    return [value]
  if isinstance(value, Mapping) or not all(isinstance(v, str) for v in value):
    raise BadInput(f'annotations is {value!r}; give a file or a list of files')
  return list(value)
