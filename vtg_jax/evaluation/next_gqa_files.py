"""NExT-GQA's files, as items.

Source: NExT-GQA `datasets/nextgqa` (Xiao et al., CVPR 2024).
"""

import csv
import io
import os
from collections.abc import Mapping
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.annotations import read_table, read_text
from vtg_jax.evaluation.items import QuestionItem
from vtg_jax.metrics.grounding import gold_spans

_OPTIONS = ('a0', 'a1', 'a2', 'a3', 'a4')
_COLUMNS = ('video_id', 'question', 'answer', 'qid', *_OPTIONS)


def next_gqa_items(
  questions: str | os.PathLike,
  spans: str | os.PathLike,
  names: str | os.PathLike | None = None,
) -> list[QuestionItem]:
  """Reads the questions that have spans: test.csv with gsub_test.json.

  In:  video_id,question,answer,qid,type,a0,a1,a2,a3,a4
       10001,why does he run,to win,3,CW,to hide,to win,to sit,to eat,to sing
       {"10001": {"duration": 34, "location": {"3": [[12.1, 17.1]]}}}
  Out: QuestionItem(video='10001', question='why does he run?', answer='to win',
         candidates=('to hide', ...), evidence=((12.1, 17.1),), qid='10001_3')

  Args:
    questions: the table.
    spans: the file of spans.
    names: video_id -> where the video lies, as in map_vid_vidorID.json.

  Raises:
    BadInput: no such file, or one lacks something.
  """
  located, files = read_table(spans), read_table(names) if names else {}
  rows = csv.DictReader(io.StringIO(read_text(questions)))
  lacking = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
  if lacking:
    raise BadInput(
      f'{questions} has no column {", ".join(lacking)}; give the table of '
      'questions, such as test.csv'
    )
  items = []
  for number, row in enumerate(rows, 1):
    video, qid = row['video_id'], row['qid']
    evidence = _spans(located, video, qid, spans)
    if evidence:
      items.append(_item(row, number, questions, files, evidence))
  return items


def _item(row, number, path, files, evidence) -> QuestionItem:
  if any(row[name] is None for name in _COLUMNS):
    raise BadInput(f'question {number} of {path} ends early; complete its line')
  video = row['video_id']
  question = row['question'].strip()
  return QuestionItem(
    video=str(files.get(video, video)),
    question=question if question.endswith('?') else f'{question}?',
    candidates=tuple(row[name].strip() for name in _OPTIONS),
    answer=row['answer'].strip(),
    qid=f'{video}_{row["qid"]}',
    evidence=evidence,
  )


def _spans(
  located: Mapping[str, Any], video: str, qid: str, path
) -> tuple[tuple[float, float], ...]:
  try:
    found = located.get(video, {}).get('location', {}).get(qid)
    if not found:
      return ()
    return tuple((low, high) for low, high in gold_spans({'span': found}))
  except (AttributeError, BadInput) as error:
    raise BadInput(
      f'{video!r} in {path} is {str(located[video])[:200]}; give "location" '
      'with lists of [start, end] by question'
    ) from error
