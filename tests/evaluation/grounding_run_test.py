"""Real files through a tiny HawkEye, cut off and gone on with."""

import json

import pytest

from input_pipeline.video import Resize, open_video
from vtg_jax.evaluation.annotations import videos_in
from vtg_jax.evaluation.grounding_run import GroundingOptions, run_grounding
from vtg_jax.evaluation.items import GroundingItem
from vtg_jax.evaluation.records import Records
from vtg_jax.moments import Absent, Moment, coarse

ITEMS = [
  GroundingItem(
    video=video, question=question, gold=((1.0, 3.0),), qid=question
  )
  for video in ('a.mp4', 'b.mp4')
  for question in ('a dog runs', 'a cat sits')
]
# As in the paper's lines.
PAPERS = {
  'video_fname', 'duration', 'question', 'pred_span', 'gt_span',
  'pred_answer_list', 'iou',
}  # fmt: skip


class Opened:
  """Counts how often each video is opened."""

  def __init__(self, folder):
    self.find = videos_in(folder)
    self.names = []

  def __call__(self, name):
    self.names.append(name)
    return self.find(name)


def run(grounder, items, videos, folder, options=None, **kwargs):
  options = options or GroundingOptions()
  with Records(folder, {'seed': options.seed}) as records:
    run_grounding(grounder, items, videos, records, options, **kwargs)
    return [records.done[i] for i in range(len(items))]


def without_seconds(lines):
  """Lines without what differs from run to run."""
  differs = ('seconds', 'peak_mib')
  return [
    {key: value for key, value in line.items() if key not in differs}
    for line in lines
  ]


@pytest.fixture(scope='module')
def lines(grounder, videos, tmp_path_factory):
  return run(grounder, ITEMS, videos_in(videos), tmp_path_factory.mktemp('run'))


def test_a_line_holds_the_papers_keys_and_ours(lines, videos):
  for line, item in zip(lines, ITEMS, strict=True):
    assert line.keys() >= PAPERS
    assert (line['video'], line['question']) == (item.video, item.question)
    assert line['video_fname'] == str(videos / item.video)
    assert line['duration'] == pytest.approx(8 if item.video == 'a.mp4' else 4)
    assert line['error'] is None
    assert line['qid'] == item.qid
    assert line['seconds'] > 0


def test_answers_are_those_of_the_grounder(grounder, videos, lines):
  moments = grounder.ground(videos / 'a.mp4', ['a dog runs', 'a cat sits'])
  for line, moment in zip(lines[:2], moments, strict=True):
    assert line['pred_span'] == [moment.start_s, moment.end_s]
    assert line['score'] == pytest.approx(moment.score, abs=1e-6)
    path = line['pred_answer_list']
    assert coarse.span_of_path(8.0, path) == tuple(line['pred_span'])
    assert len(line['probabilities']) == len(path)


def test_a_run_cut_off_anywhere_ends_with_the_same_lines(
  grounder, videos, lines, tmp_path
):
  run(grounder, ITEMS, videos_in(videos), tmp_path)
  file = tmp_path / 'samples.jsonl'
  whole = file.read_bytes()
  second = whole.index(b'\n') + 10  # inside the second line
  file.write_bytes(whole[:second])
  opened, told = Opened(videos), []
  again = run(
    grounder, ITEMS, opened, tmp_path,
    on_progress=lambda *progress: told.append(progress),
  )  # fmt: skip
  assert without_seconds(again) == without_seconds(lines)
  assert opened.names == ['a.mp4', 'b.mp4']
  assert told == [(1, 4), (2, 4), (4, 4)]
  assert len(file.read_text().splitlines()) == 4


def test_a_finished_run_opens_nothing(grounder, videos, tmp_path):
  run(grounder, ITEMS, videos_in(videos), tmp_path)
  opened = Opened(videos)
  run(grounder, ITEMS, opened, tmp_path)
  assert opened.names == []


@pytest.mark.parametrize('video', ['broken.mp4', 'missing.mp4'])
def test_a_video_that_fails_gets_the_papers_empty_line(
  grounder, videos, tmp_path, video
):
  items = [GroundingItem(video=video, question='x', gold=((0.0, 1.0),)), *ITEMS]
  first, *others = run(grounder, items, videos_in(videos), tmp_path)
  assert first['duration'] is None
  assert (first['pred_span'], first['pred_answer_list']) == ([0, 0], [None])
  assert video in first['error']
  assert first['iou'] == 0
  assert all(line['error'] is None for line in others)


def test_a_sentence_that_cannot_be_asked_spoils_only_itself(
  grounder, videos, lines, tmp_path
):
  bad = GroundingItem(video='a.mp4', question=' ', gold=((0.0, 1.0),))
  found = run(grounder, [ITEMS[0], bad, ITEMS[1]], videos_in(videos), tmp_path)
  assert [line['error'] is None for line in found] == [True, False, True]
  assert 'empty' in found[1]['error']
  assert found[2]['pred_span'] == lines[1]['pred_span']


def test_other_orders_are_asked_with_the_next_seeds(grounder, videos, tmp_path):
  options = GroundingOptions(seed=3, other_orders=2)
  (line,) = run(grounder, ITEMS[:1], videos_in(videos), tmp_path, options)
  assert [line['seed'], *(o['seed'] for o in line['other_orders'])] == [3, 4, 5]
  (wanted,) = grounder.ground(videos / 'a.mp4', 'a dog runs', seed=5)
  assert line['other_orders'][1]['pred_span'] == [
    wanted.start_s,
    wanted.end_s,
  ]


def test_an_absent_query_has_neither_span_nor_iou(grounder, videos, tmp_path):
  item = GroundingItem(video='a.mp4', question='x', gold=(), tags=('absent',))
  (line,) = run(grounder, [item], videos_in(videos), tmp_path)
  assert (line['gt_span'], line['iou'], line['tags']) == (
    None,
    None,
    ['absent'],
  )


def test_lines_are_json_one_a_line(grounder, videos, tmp_path):
  run(grounder, ITEMS, videos_in(videos), tmp_path)
  text = (tmp_path / 'samples.jsonl').read_text()
  assert [json.loads(line)['sample'] for line in text.splitlines()] == [
    0, 1, 2, 3,
  ]  # fmt: skip


class Halves:
  """A system of its own: the first half of any video, then the second."""

  system, notice = 'halves', ''

  def open_video(self, path, *, resize='pil', on_progress=None):
    return open_video(path, resize=Resize(size=8, method=resize))

  def ground(self, video, queries, *, top_k=1):
    answers = []
    for query in queries:
      if query == 'nothing':
        answers.append(
          Absent(score=0.1, threshold=0.2, query=query, looked_at=0.5)
        )
        continue
      for i in range(min(top_k, 2)):
        start_s = i * video.duration_s / 2
        answers.append(
          Moment(
            start_s=start_s,
            end_s=start_s + video.duration_s / 2,
            score=(0.6, 0.4)[i],
            query=query,
          )
        )
    return answers


def test_further_answers_are_in_the_line_of_the_best(videos, tmp_path):
  items = [
    GroundingItem(video='a.mp4', question=question, gold=((4.0, 8.0),))
    for question in ('a dog runs', 'nothing', 'a dog runs', 'a dog runs')
  ]
  first, absent, *twice = run(
    Halves(), items, videos_in(videos), tmp_path,
    GroundingOptions(seed=None, top_k=3),
  )  # fmt: skip
  assert (first['iou'], first['score']) == (0, 0.6)
  assert first['others'] == [{'pred_span': [4, 8], 'iou': 1, 'score': 0.4}]
  assert (absent['pred_span'], absent['others']) == (None, [])
  assert absent['looked_at'] == 0.5
  assert 'looked_at' not in first
  # Asked twice in a row they are asked alone.
  for line in twice:
    assert without_seconds([line])[0]['others'] == first['others']
  assert GroundingOptions().top_k == 1
