"""Video-MME's files, as items.

Source: Video-MME (arXiv 2405.21075), its table of questions and its template of
  results.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.annotations import read_objects
from vtg_jax.evaluation.items import QuestionItem

# 'A. Apples.' -> 'Apples.'
_LETTERED = re.compile(r'\(?([A-Z])[.):]\s+')
# What accuracy is counted by, as the published tables do.
_GROUPS = ('duration', 'domain', 'task_type')


def video_mme_items(path: str | os.PathLike) -> list[QuestionItem]:
  """Reads the rows of the table, or videos with their questions in them.

  In:  [{'videoID': 'fFjv93ACGo8', 'duration': 'short', 'domain': 'Knowledge',
         'task_type': 'Counting Problem', 'question_id': '001-1',
         'question': 'How many?', 'options': ['A. 1.', 'B. 2.'],
         'answer': 'B'}]
  or   [{'videoID': 'fFjv93ACGo8', 'duration': 'short', 'questions': [...]}]
  Out: QuestionItem(video='fFjv93ACGo8', candidates=('1.', '2.'), answer='2.',
         groups=('duration: short', 'domain: Knowledge', ...), ...)

  Raises:
    BadInput: no such file, or an item lacks something.
  """
  items = []
  for number, about in enumerate(read_objects(path), 1):
    try:
      rows = [{**about, **one} for one in about.get('questions', [{}])]
      items += [_item(row) for row in rows]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
      raise BadInput(
        f'item {number} of {path} is {str(about)[:200]}; give videoID, '
        "question, options and the answer's letter"
      ) from error
  return items


def _item(row: Mapping[str, Any]) -> QuestionItem:
  options = [str(option) for option in row['options']]
  answer = row.get('answer')
  if answer is not None:
    place = ord(str(answer).strip(' ().')) - ord('A')
    if not 0 <= place < len(options):
      raise ValueError(f'{answer!r} is the letter of no option')
    answer = _plain(options[place])
  return QuestionItem(
    video=str(row.get('videoID') or row['video_id']),
    question=str(row['question']).strip(),
    candidates=tuple(_plain(option) for option in options),
    answer=answer,
    qid=row.get('question_id'),
    groups=tuple(
      f'{name.removesuffix("_type")}: {row[name]}'
      for name in _GROUPS
      if row.get(name)
    ),
  )


def _plain(option: str) -> str:
  """Without its letter."""
  found = _LETTERED.match(option)
  return option[found.end() if found else 0 :].strip()
