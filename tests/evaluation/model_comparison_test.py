"""Several models on the same stories: side by side, and what they share."""

import json
import shutil

import numpy as np
import pytest

from configs.evaluate import agreement, told_stories
from tests.systems import toy
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.agreement_table import summarise_agreement
from vtg_jax.evaluation.evaluate import evaluate
from vtg_jax.evaluation.joint_answers import (
  Sentences,
  fit_all_joint,
  side_by_side,
)
from vtg_jax.evaluation.model_comparison import (
  check_comparable,
  compare_models,
)
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.moments.joint_confidence import JointAnswers, read_joint

EASY = {'difficulty': 'easy', 'files': False, 'size': 16, 'tuning_seeds': '0:2'}


def config():
  values = agreement.get_config('quicktest').to_dict() | EASY
  return values | {'bootstrap': {'n_resamples': 50, 'level': 0.9, 'seed': 0}}


@pytest.fixture(scope='module')
def compared(tmp_path_factory):
  root = tmp_path_factory.mktemp('compared')
  spans = {'early': (0.0, 0.5), 'late': (0.4, 1.0), 'none': (0.0, 0.0)}
  folders = {}
  for name, span in spans.items():
    made_of = {'span': span, 'score': 0.6 if name != 'none' else 0.05}
    folders[name] = toy.save(root / 'models' / name, **made_of)
    evaluate(
      config(), toy.load(folders[name]), model=name, out=root / 'out' / name
    )
  return compare_models(config(), folders, root / 'out'), folders


def test_every_model_has_a_line_with_what_it_costs(compared):
  found, _ = compared
  table, *_ = found.tables
  assert [row[0] for row in table.body] == ['early', 'late', 'none']
  assert all(len(row) == len(table.head) for row in table.body)
  for model in found.document['models']:
    assert model['video_s'] > 0 and model['peak_mib'] > 0
  assert (found.folder / 'models.md').read_text().count('early') == 1


def test_what_was_learnt_lies_ready_for_every_set_of_models(compared):
  found, _ = compared
  learnt = read_joint(found.folder / 'agreement.json')
  assert [len(one.models) for one in learnt] == [2, 2, 2, 3]
  assert '1000000:1000002' in learnt[0].fitted_on
  assert 'in common' in (found.folder / 'agreement.md').read_text()
  kinds = {row['confidence'] for row in found.document['agreement']['presence']}
  assert {'agreement', 'both', 'score of early'} == {
    k for k in kinds if 'late' not in k and 'none' not in k
  }


def test_runs_of_other_sentences_are_not_compared(compared, tmp_path):
  found, folders = compared
  shutil.copytree(found.folder / 'early', tmp_path / 'early')
  changed = config() | {'seeds': '2000002:2000003', 'calibration_seeds': ''}
  late = toy.load(folders['late'])
  evaluate(changed, late, model='late', out=tmp_path / 'late')
  some = {name: folders[name] for name in ('early', 'late')}
  with pytest.raises(BadInput, match='differ in items'):
    compare_models(config(), some, tmp_path)
  with pytest.raises(BadInput, match='holds no whole run'):
    compare_models(config(), folders, tmp_path)


def test_what_is_learnt_on_is_not_scored():
  with pytest.raises(BadInput, match='2000001 is both'):
    check_comparable(config() | {'calibration_seeds': '2000001:2000003'})
  with pytest.raises(BadInput, match='one by one'):
    values = told_stories.get_config('quicktest').to_dict() | EASY
    check_comparable(values)


def line(span, iou, **changes):
  return {
    'part': '', 'error': None, 'pred_span': span, 'iou': iou, 'score': 0.5,
    'gt_span': [[0, 1]], 'video': 'a.mp4', **changes,
  }  # fmt: skip


def test_a_sentence_that_one_model_failed_counts_for_none():
  runs = {
    'a': [line([0, 2], 0.5), line([0, 0], 0.0, error='no'), line(None, 0.0)],
    'b': [line([0, 1], 1.0), line([0, 1], 1.0), line([0, 1], 1.0)],
  }
  found = side_by_side(runs)
  assert len(found.videos) == 2
  np.testing.assert_array_equal(found.given.overlaps[:, 0, 1], [0.5, 0])


def sentences(rng, n):
  """Scores that say nothing; answers that agree where they are right."""
  right = rng.uniform(size=(n, 2)) < 0.7
  both = right.all(axis=1)
  overlap = np.where(both, rng.uniform(0.6, 1, n), rng.uniform(0, 0.6, n))
  tables = np.tile(np.eye(2), (n, 1, 1))
  tables[:, 0, 1] = tables[:, 1, 0] = overlap
  return Sentences(
    given=JointAnswers(scores=rng.uniform(size=(n, 2)), overlaps=tables),
    ious=np.where(right, 0.8, 0.2),
    happens=rng.uniform(size=n) < 0.7,
    videos=[str(i // 4) for i in range(n)],
    spans=[[(0.0, 1.0)] * n] * 2,
    gold=[[(0.0, 1.0)]] * n,
  )


def test_agreement_tells_what_scores_do_not():
  rng = np.random.default_rng(0)
  held_out, scored = sentences(rng, 600), sentences(rng, 600)
  (joint,) = fit_all_joint(
    {'a': 'x', 'b': 'y'}, held_out, hit_iou=0.5, fitted_on='a test'
  )
  found = summarise_agreement(
    ['a', 'b'], held_out, scored, joint, Bootstrap(n_resamples=200)
  )
  rows = {(row.model, row.confidence): row for row in found.confidences}
  for model in 'ab':
    assert rows[model, 'its score'].auroc == pytest.approx(0.5, abs=0.08)
    assert rows[model, 'agreement'].gain[0] > 0.1
    assert rows[model, 'both'].ece < 0.15
  answers = {row.name: row.answered['mean_iou'] for row in found.answers}
  assert answers['the surest by both'] >= answers['always a'] - 0.05
  assert answers['what all have in common'] == 1
  json.dumps(found.to_json())
