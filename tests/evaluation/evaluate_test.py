"""Whole evaluations: a config in, a folder of results out."""

import json

import pytest

from configs.evaluate import (
  activitynet,
  charades_sta,
  long_stories,
  mvbench,
  next_gqa,
  shape_stories,
  video_qa,
)
from input_pipeline.video import Resize, open_video
from tests.systems.hawkeye import tiny
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.asking import resolved
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.moments import Moment
from vtg_jax.moments.calibration import read_calibration
from vtg_jax.systems.fingerprint import model_fingerprint
from vtg_jax.systems.grounder import BenchmarkOptions

# So that no video takes a new compilation: text of one length, one order.
SEARCH = {
  'sampling': 'timestamp',
  'mode': 'score',
  'max_rounds': 2,
  'n_orders': 1,
  'beam_width': None,
  'prefetch': False,
  'seed': 0,
}


class Middle:
  """A system of its own: it answers with the middle of every video."""

  system, notice = 'middle', ''
  benchmark_options = {
    'paper': BenchmarkOptions(ground={'part': 0.25}, strict=False),
    'best': BenchmarkOptions(ground={'part': 0.25}),
  }

  def open_video(self, path, *, resize='pil', on_progress=None):
    return open_video(path, resize=Resize(size=8, method=resize))

  def ground(self, video, queries, *, part):
    middle_s, side_s = video.duration_s / 2, video.duration_s * part / 2
    return [
      Moment(
        start_s=middle_s - side_s,
        end_s=middle_s + side_s,
        score=0.5,
        query=query,
        start_range_s=(0.5, middle_s - side_s),
        end_range_s=(middle_s, 8.0),
        range_level=0.9,
      )
      for query in queries
    ]


def charades_config(tmp_path, videos, **changes):
  annotations = tmp_path / 'charades_sta_test.txt'
  annotations.write_text(
    'a 1.0 3.0##a dog runs.\na 4 6##a cat sits.\nbroken 0 1##x.\n'
  )
  values = charades_sta.get_config('quicktest').to_dict()
  given = {
    'annotations': str(annotations),
    'videos': str(videos),
    'search': SEARCH,
  }
  return values | given | changes


def test_a_grounding_benchmark_ends_in_scores_table_and_picture(
  grounder, videos, tmp_path
):
  config = charades_config(tmp_path, videos, other_orders=1)
  out, told = tmp_path / 'out', []
  done = evaluate(
    config,
    grounder,
    model='tiny',
    out=out,
    on_progress=lambda *progress: told.append(progress),
  )
  assert {path.name for path in out.iterdir()} == {
    'settings.json', 'samples.jsonl', 'summary.json', 'table.md',
    'reliability.png',
  }  # fmt: skip
  assert told[-1] == (3, 3)
  assert (done.n_samples, done.n_failed) == (3, 1)
  assert done.head[1] == 'mIoU'
  assert [row[0] for row in done.body][:2] == [
    'model, 1 round',
    'model, 2 rounds',
  ]
  names = ' '.join(row[0] for row in done.body)
  for rival in ('oracle, 1 round', 'random', 'best constant path'):
    assert rival in names
  summary = json.loads((out / 'summary.json').read_text())
  assert summary == done.document
  assert summary['order_variance']['n_orders'] == 2
  assert summary['settings']['config']['title'] == 'Charades-STA'
  table = (out / 'table.md').read_text()
  assert '| oracle, 2 rounds |' in table
  assert 'Decisions right' in table


def test_a_second_run_gives_the_same_summary(grounder, videos, tmp_path):
  config = charades_config(tmp_path, videos)
  first, second = (
    evaluate(config, grounder, model='tiny', out=tmp_path / 'out')
    for _ in range(2)
  )
  assert first.document == second.document


def test_another_model_or_search_is_refused(grounder, videos, tmp_path):
  config = charades_config(tmp_path, videos)
  evaluate(config, grounder, model='tiny', out=tmp_path / 'out')
  with pytest.raises(BadInput, match='with model'):
    evaluate(config, grounder, model='other', out=tmp_path / 'out')
  changed = config | {'search': SEARCH | {'seed': 5}}
  with pytest.raises(BadInput, match='config.search.seed 0, not 5'):
    evaluate(changed, grounder, model='tiny', out=tmp_path / 'out')


def test_stories_are_watched_from_files(grounder, tmp_path):
  values = shape_stories.get_config('quicktest').to_dict()
  config = values | {
    'seeds': '2000000:2000001',
    'unseen_seeds': '',
    'difficulty': 'easy',
    'cache': str(tmp_path / 'cache'),
    'search': SEARCH | {'prefetch': True},
  }
  done = evaluate(config, grounder, model='tiny', out=tmp_path / 'out')
  assert len(list((tmp_path / 'cache').glob('*/*.mp4'))) == 1
  assert done.n_failed == 0
  assert done.summary.constant_from == 'other videos'
  assert done.summary.absent['n_absent'] > 0


def test_long_stories_end_in_recall_certainty_and_cost(grounder, tmp_path):
  values = long_stories.get_config('quicktest').to_dict()
  config = values | {
    'minutes': '1:1',
    'top_k': 1,
    'search': SEARCH | {'prefetch': True},
    'false_alarm_rate': 0.25,
    'bootstrap': {'n_resamples': 50},
  }
  out = tmp_path / 'out'
  done = evaluate(config, grounder, model='tiny', out=out)
  assert done.n_failed == 0
  assert [row[0] for row in done.body] == ['model']
  assert {path.name for path in out.iterdir()} == {
    'settings.json', 'samples.jsonl', 'summary.json', 'table.md',
    'reliability.png', 'risk_coverage.png', 'calibration.json',
  }  # fmt: skip
  calibration = read_calibration(out)
  assert calibration == done.summary.calibration
  assert calibration.fitted_on == 'Long ShapeStories, seeds 9700000:9700001'
  lines = [
    json.loads(line)
    for line in (out / 'samples.jsonl').read_text().splitlines()
  ]
  for line in lines:
    assert (line['iou'] is None) == (line['gt_span'] is None)
  assert done.document['cost']['per_hour']['seconds'] > 0
  assert 0 <= done.document['risk_coverage']['all']['area'] <= 1
  assert len(done.document['absent']) == 2
  # What is calibrated on counts for nothing else.
  scored = [line for line in lines if not line['part']]
  assert done.document['n_samples'] == len(scored) < len(lines)
  again = config | {'calibration': 'temperature', 'hit_iou': 0.3}
  assert evaluate(again, grounder, model='tiny', out=out).n_failed == 0
  assert read_calibration(out).moment.to_json()['kind'] == 'temperature'


def test_questions_end_in_accuracies(grounder, videos, tmp_path):
  file = tmp_path / 'qa.json'
  item = {'video': 'a.mp4', 'question': 'Who?', 'candidates': ['a', 'b', 'c']}
  file.write_text(json.dumps([item | {'answer': 'b'}, item]))
  config = video_qa.get_config().to_dict() | {
    'title': 'mine',
    'annotations': str(file),
    'videos': str(videos),
    'answer': {'mode': 'score', 'sampling': 'timestamp'},
  }
  done = evaluate(config, grounder, model='tiny', out=tmp_path / 'out')
  assert [row[0] for row in done.body] == ['mine']
  assert done.document['n_hidden'] == 1


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'benchmark': 'chess'}, 'chess'),
    ({'format': 'tacos'}, 'tacos'),
    ({'annotations': ''}, 'annotations=FILE'),
    ({'first': 0}, 'first is 0'),
    ({'other_orders': -1}, 'other_orders is -1'),
    ({'protocol': 'worst'}, "'paper', 'best'"),
    ({'search': {'max_round': 3}}, 'use max_rounds'),
    ({'search': {'max_rounds': 'many'}}, "search.max_rounds is 'many'"),
    ({'tell': {}}, 'tells no events'),
    ({'bootstrap': {'n_resamples': 0}}, 'n_resamples'),
  ],
)
def test_a_config_that_does_not_fit_is_bad_input(
  grounder, videos, tmp_path, changes, message
):
  config = charades_config(tmp_path, videos) | changes
  with pytest.raises(BadInput, match=message):
    evaluate(config, grounder, model='tiny', out=tmp_path / 'out')
  assert not (tmp_path / 'out').exists()


def test_a_system_without_rounds_is_scored_without_them(videos, tmp_path):
  config = charades_config(tmp_path, videos, search={'part': 0.25})
  done = evaluate(config, Middle(), model='middle', out=tmp_path / 'out')
  assert [row[0].partition(' (')[0] for row in done.body] == [
    'model', 'random', 'best constant interval',
  ]  # fmt: skip
  assert done.n_failed == 1
  # The answer is 3 to 5 s of 8, the truths are 1 to 3 and 4 to 6.
  model = done.document['rows'][0]['answered']
  assert model['mean_iou'] == pytest.approx(1 / 6)
  assert model['recall_0.3'] == 0.5  # the second's IoU is 1/3
  assert not {'decisions', 'decisions_by_round', 'confusion',
              'order_variance'} & done.document.keys()  # fmt: skip
  assert done.document['boundaries'] == {
    'level': 0.9, 'start_inside': 0.5, 'end_inside': 0.5, 'n': 2,
  }  # fmt: skip
  assert [one['what'] for one in done.document['calibration']] == [
    'score, for IoU > 0.5'
  ]
  assert 'rounds' not in (tmp_path / 'out' / 'table.md').read_text()
  assert done.document['settings']['config']['search'] == {'part': 0.25}


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'search': SEARCH}, "'middle' knows no search.sampling; use part"),
    ({'other_orders': 1}, 'leave out other_orders'),
    ({'answer': {}}, 'answers no questions'),
  ],
)
def test_what_a_system_has_not_is_told(videos, tmp_path, changes, message):
  config = charades_config(tmp_path, videos, search={}) | changes
  with pytest.raises(BadInput, match=message):
    evaluate(config, Middle(), model='middle', out=tmp_path / 'out')
  assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(('protocol', 'recall'), [('paper', 1), ('best', 0)])
def test_a_system_says_whether_reaching_a_threshold_counts(
  videos, tmp_path, protocol, recall
):
  annotations = tmp_path / 'even.txt'
  annotations.write_text('a 3.0 7.0##a dog runs.')  # IoU 0.5 with 3 to 5
  config = charades_config(tmp_path, videos, search={}, protocol=protocol)
  config['annotations'] = str(annotations)
  done = evaluate(config, Middle(), model='middle', out=tmp_path / 'out')
  assert done.document['rows'][0]['answered']['recall_0.5'] == recall


@pytest.mark.parametrize(
  ('table', 'options', 'message'),
  [
    ('search', {'mode': 'guess'}, "mode 'guess' is unknown"),
    ('search', {'sampling': 'random'}, "sampling 'random' is unknown"),
    ('search', {'n_orders': 0}, 'n_orders is 0'),
    ('search', {'beam_width': 'wide'}, 'of type int'),
    ('answer', {'mode': 'letter'}, "mode 'letter' is unknown"),
  ],
)
def test_a_value_that_fails_every_sample_is_refused(
  grounder, table, options, message
):
  with pytest.raises(BadInput, match=message):
    resolved({'protocol': 'best', table: options}, grounder)


def test_what_a_config_leaves_open_is_the_systems(grounder):
  filled = resolved(shape_stories.get_config().to_dict(), grounder)
  assert filled['search'] == {
    'beam_width': None, 'max_rounds': 4, 'mode': 'score', 'n_orders': 1,
    'prefetch': True, 'sampling': 'timestamp', 'seed': 0,
  }  # fmt: skip
  assert (filled['other_orders'], filled['strict']) == (2, True)
  filled = resolved(charades_sta.get_config().to_dict(), grounder)
  assert (filled['search']['mode'], filled['other_orders']) == ('generate', 0)


@pytest.mark.parametrize('entry', ['format', 'bootstrap', 'search'])
def test_a_config_that_lacks_an_entry_is_bad_input(
  grounder, videos, tmp_path, entry
):
  config = charades_config(tmp_path, videos)
  del config[entry]
  with pytest.raises(BadInput, match=f"no '{entry}'"):
    evaluate(config, grounder, model='tiny', out=tmp_path / 'out')


@pytest.mark.parametrize(
  'module',
  [
    activitynet,
    charades_sta,
    long_stories,
    mvbench,
    next_gqa,
    shape_stories,
    video_qa,
  ],
)
def test_a_quicktest_asks_less(module):
  whole, quick = module.get_config(), module.get_config('quicktest')
  assert whole.keys() == quick.keys()
  assert whole.to_dict() != quick.to_dict()


def test_a_fingerprint_is_of_every_byte(tmp_path):
  (tmp_path / 'one').mkdir()
  weights = bytearray(3 << 20)
  (tmp_path / 'one' / 'weights').write_bytes(weights)
  before = model_fingerprint(tmp_path / 'one')
  weights[2 << 20] = 1
  (tmp_path / 'one' / 'weights').write_bytes(weights)
  assert model_fingerprint(tmp_path / 'one') != before


def test_a_fingerprint_tells_checkpoints_apart(tmp_path):
  tiny.save(tmp_path / 'one')
  before = model_fingerprint(tmp_path / 'one')
  assert model_fingerprint(tmp_path / 'one') == before
  (tmp_path / 'one' / 'calibration.json').write_text('{}')
  assert model_fingerprint(tmp_path / 'one') == before
  (tmp_path / 'one' / 'config.json').write_text('{}')
  assert model_fingerprint(tmp_path / 'one') != before
