"""MSR-VTT's files: sentences of short clips, for retrieval.

MSRVTT_data.json          {'sentences': [{'sen_id': 0, 'video_id': 'video0',
                           'caption': 'a man runs'}, ...], ...}
MSRVTT_train.9k.csv       the column video_id: which clips are trained on
MSRVTT_JSFUSION_test.csv  the columns video_id and sentence
"""

import csv
import os
from collections.abc import Sequence

from input_pipeline.long_video.item import YES, MomentItem, asked
from input_pipeline.training_items import PackedItems, read_json
from vtg_jax.errors import BadInput

SOURCE = 'msrvtt'


class ClipItems(Sequence):
  """Sentences of clips, kept as bytes.

  Attributes:
    name: what complaints call the file.
  """

  def __init__(self, name: str, rows: Sequence[tuple[str, str, str]]):
    """Keeps (query_id, video, question) of each."""
    self.name = name
    self._rows = PackedItems(rows)

  def __len__(self) -> int:
    return len(self._rows)

  def __getitem__(self, index: int) -> MomentItem:
    query_id, video, text = self._rows[index]
    return MomentItem(
      query_id=query_id, video=video, text=text, answer=YES, source=SOURCE
    )


def open_train_clips(
  sentences: str | os.PathLike,
  videos: str | os.PathLike,
  *,
  wording: str = 'video',
) -> ClipItems:
  """The sentences of the clips that are trained on.

  Args:
    sentences: MSRVTT_data.json.
    videos: MSRVTT_train.9k.csv.
    wording: what is asked; see `item.QUESTIONS`.

  Raises:
    BadInput: naming the file, and the entry in it that cannot be used.
  """
  chosen = set(_column(videos, 'video_id'))
  path = os.fspath(sentences)
  values = read_json(path)
  found = values.get('sentences') if isinstance(values, dict) else None
  if not isinstance(found, list):
    raise BadInput(f'{path} has no list of sentences; give MSRVTT_data.json')
  rows = []
  for i, entry in enumerate(found):
    try:
      query_id, video = str(entry['sen_id']), entry['video_id']
      text = asked(entry['caption'], wording)
    except (KeyError, TypeError, AttributeError) as error:
      raise BadInput(
        f'{path}, sentence {i} is {repr(entry)[:80]}; give sen_id, video_id '
        'and caption'
      ) from error
    if video in chosen:
      rows.append((query_id, video, text))
  if not rows:
    raise BadInput(
      f'{path} holds no sentence of a clip in {os.fspath(videos)}; give the '
      'files of one data set'
    )
  return ClipItems(path, rows)


def read_test_clips(path: str | os.PathLike) -> list[tuple[str, str]]:
  """The clips of the test, each with its one sentence.

  Args:
    path: MSRVTT_JSFUSION_test.csv.

  Raises:
    BadInput: it cannot be read, or lacks a column.
  """
  clips, said = _column(path, 'video_id'), _column(path, 'sentence')
  return list(zip(clips, said, strict=True))


def _column(path: str | os.PathLike, name: str) -> list[str]:
  """A column of a CSV, of which every row has it."""
  path = os.fspath(path)
  try:
    with open(path, encoding='utf-8', newline='') as file:
      rows = list(csv.DictReader(file))
  except OSError as error:
    raise BadInput(
      f'{path} cannot be read ({error.strerror}); check its name'
    ) from error
  except (UnicodeDecodeError, csv.Error) as error:
    raise BadInput(f'{path} is no CSV ({error}); mend it') from error
  for i, row in enumerate(rows):
    if not row.get(name):
      raise BadInput(f'{path}, row {i} lacks the column {name}; mend it')
  if not rows:
    raise BadInput(f'{path} holds no row; give another file')
  return [row[name] for row in rows]
