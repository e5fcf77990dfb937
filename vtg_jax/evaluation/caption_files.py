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


def _events(path, video: str, about) -> tuple[Event, ...]:
  try:
    spans, sentences = about['timestamps'], about['sentences']
    events = tuple(
      # Some of the published spans are reversed.
      Event(tuple(sorted(map(finite_seconds, span))), str(sentence).strip())
      for span, sentence in zip(spans, sentences, strict=True)
    )
    if not events or any(len(event.span) != 2 for event in events):
      raise ValueError('no event, or no span')
  except (KeyError, TypeError, ValueError) as error:
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
