"""Files of the highlight benchmark, as items."""

import json
import math
import os
from collections.abc import Mapping
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.annotations import read_text
from vtg_jax.evaluation.items import HighlightItem
from vtg_jax.metrics.grounding import finite_seconds
from vtg_jax.metrics.highlights import TrueSaliency, clips_of

# Tables are made of a video's clips; those of the benchmark last 150 s.
_MOST_S = 86_400.0
# Whatever a line can be that is no query.
_NO_QUERY = (
  AttributeError,
  KeyError,
  TypeError,
  ValueError,
  OverflowError,
  RecursionError,
)


def qvhighlights_items(path: str | os.PathLike) -> list[HighlightItem]:
  """Reads QVHighlights, such as highlight_val_release.jsonl.

  In, a line: {'qid': 7803, 'query': 'Man in gray walks inside.', 'duration':
    150, 'vid': 'Rorip_360.0_510.0', 'relevant_clip_ids': [13, 14],
    'saliency_scores': [[4, 4, 2], [3, 4, 2]]}

  Raises:
    BadInput: no such file, or a line lacks something, as all of the test
      split's do.
  """
  items = []
  for number, line in enumerate(read_text(path).splitlines(), 1):
    if not line.strip():
      continue
    try:
      items.append(_item(json.loads(line)))
    except _NO_QUERY as error:
      raise BadInput(
        f'line {number} of {path} is no query of QVHighlights with '
        f'saliency_scores ({type(error).__name__}: {error}); give the train or '
        'val file'
      ) from error
  return items


def _item(told: Mapping[str, Any]) -> HighlightItem:
  duration_s = finite_seconds(told['duration'])
  if not 0 < duration_s <= _MOST_S:
    raise ValueError(f'its duration is {duration_s:g} s')
  n_clips = clips_of(duration_s)
  clips = tuple(int(clip) for clip in told['relevant_clip_ids'])
  scores = tuple(tuple(map(float, row)) for row in told['saliency_scores'])
  if len(scores) != len(clips) or len({len(row) for row in scores}) > 1:
    raise ValueError(f'{len(clips)} clips have {len(scores)} rows of scores')
  if not all(math.isfinite(score) for row in scores for score in row):
    raise ValueError('a score is no finite number')
  if not all(0 <= clip < n_clips for clip in clips):
    raise ValueError(f'one of {list(clips)} is none of {n_clips} clips')
  query, video = told['query'], told['vid']
  if not (isinstance(query, str) and query and isinstance(video, str)):
    raise ValueError('query or vid is no text')
  return HighlightItem(
    video=video,
    question=query,
    duration_s=duration_s,
    true=TrueSaliency(n_clips=n_clips, clips=clips, scores=scores),
    qid=told.get('qid'),
  )
