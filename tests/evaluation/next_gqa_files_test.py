import json

import pytest

from configs.evaluate import next_gqa_answers
from input_pipeline.video import Resize, open_video
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.evaluation.next_gqa_files import next_gqa_items
from vtg_jax.moments import Answer, Moment
from vtg_jax.systems.grounder import BenchmarkOptions

TABLE = """video_id,frame_count,question,answer,qid,type,a0,a1,a2,a3,a4
11,80,why does he run,to win,3,CW,to hide,to win,to sit,to eat,to sing
11,80,"what, then?",to eat,4,TN,to hide,to win,to sit,to eat,to sing
12,80,who is it,he,0,CW,he,she,it,they,we
"""
SPANS = {
  '11': {
    'duration': 8,
    'location': {'3': [[0, 4]], '4': [[4.0, 5.0], [3.0, 7.0]]},
  }
}


@pytest.fixture
def files(tmp_path):
  (tmp_path / 'test.csv').write_text(TABLE)
  (tmp_path / 'gsub_test.json').write_text(json.dumps(SPANS))
  (tmp_path / 'map.json').write_text(json.dumps({'11': 'a'}))
  return tmp_path


def test_questions_with_spans_are_read(files):
  first, second = next_gqa_items(
    files / 'test.csv', files / 'gsub_test.json', files / 'map.json'
  )
  assert (first.video, first.question) == ('a', 'why does he run?')
  assert (first.candidates[1], first.answer) == ('to win', 'to win')
  assert (first.evidence, first.qid) == (((0.0, 4.0),), '11_3')
  assert second.question == 'what, then?'
  assert second.evidence == ((4.0, 5.0), (3.0, 7.0))


def test_without_names_a_video_is_called_as_in_the_table(files):
  first, _ = next_gqa_items(files / 'test.csv', files / 'gsub_test.json')
  assert first.video == '11'


@pytest.mark.parametrize(
  ('name', 'text', 'message'),
  [
    ('test.csv', 'video_id,question\n', 'no column answer, qid, a0'),
    ('test.csv', TABLE + '11,80,who', None),  # no span, not asked
    ('test.csv', TABLE.replace(',to sing', ''), 'ends early'),
    ('gsub_test.json', '[]', 'no JSON object'),
    ('gsub_test.json', '{"11": {"location": {"3": 5}}}', "'11' in"),
    ('gsub_test.json', '{"11": 5}', "'11' in"),
  ],
)
def test_files_of_another_form_are_bad_input(files, name, text, message):
  (files / name).write_text(text)
  paths = files / 'test.csv', files / 'gsub_test.json'
  if message is None:
    assert len(next_gqa_items(*paths)) == 2
    return
  with pytest.raises(BadInput, match=message):
    next_gqa_items(*paths)


class Second:
  """A system of its own: it takes the second option, seen in the middle."""

  system, notice = 'second', ''
  benchmark_options = {'paper': BenchmarkOptions()}

  def open_video(self, path, *, resize='pil', on_progress=None):
    return open_video(path, resize=Resize(size=8, method=resize))

  def answer(self, video, questions, *, options, evidence=False):
    quarter_s = video.duration_s / 4
    seen = Moment(start_s=quarter_s, end_s=3 * quarter_s, score=1.0)
    return [
      Answer(
        question=question,
        text=f'(B) {options[1]}',
        choice=1,
        evidence=(seen,) if evidence else (),
        score=1.0,
      )
      for question in questions
    ]


def test_answers_are_scored_with_their_evidence(files, videos):
  config = next_gqa_answers.get_config().to_dict() | {
    'annotations': str(files / 'test.csv'),
    'spans': str(files / 'gsub_test.json'),
    'names': str(files / 'map.json'),
    'videos': str(videos),
  }
  done = evaluate(config, Second(), model='m', out=files / 'out')
  found = done.document['grounded']
  # Seen from 2 to 6 s. First: right, IoP 1/2, IoU 1/3; second: wrong, its
  # best span gives IoP 3/4 and IoU 3/5.
  assert (found['accuracy'], found['accuracy_with_evidence']) == (0.5, 0.5)
  assert found['mean_iop'] == pytest.approx((1 / 2 + 3 / 4) / 2)
  assert found['mean_iou'] == pytest.approx((1 / 3 + 3 / 5) / 2)
  assert found['iop_at'] == {'0.3': 1.0, '0.5': 1.0}
  assert found['iou_at'] == {'0.3': 1.0, '0.5': 0.5}
  assert 'Acc@GQA' in (files / 'out' / 'table.md').read_text()
