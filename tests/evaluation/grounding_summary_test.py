"""Summaries of lines written by hand."""

import json

import pytest

from vtg_jax.evaluation.grounding_summary import remarks, summarise_grounding
from vtg_jax.evaluation.records import without_nan
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.metrics.grounding import best_iou
from vtg_jax.moments import coarse

QUICK = Bootstrap(n_resamples=50)


def line(answers, *, video='a', gold=((2.2, 3.8),), score=0.5, **more):
  span = coarse.span_of_path(8.0, answers)
  return {
    'video': video,
    'question': 'q',
    'gt_span': [list(g) for g in gold] or None,
    'duration': 8.0,
    'pred_span': list(span),
    'pred_answer_list': list(answers),
    'iou': best_iou(span, gold) if gold else None,
    'score': score,
    'probabilities': [{answer: 0.7} for answer in answers],
    'seconds': 1.0,
    'error': None,
    'tags': [],
    'part': '',
    **more,
  }


def failed(**more):
  empty = {
    'duration': None,
    'pred_span': [0, 0],
    'pred_answer_list': [None],
    'iou': 0.0,
    'score': None,
    'probabilities': [],
    'seconds': None,
    'error': 'BadInput: no such file',
  }
  return line(['end']) | empty | more


def summarise(lines, **options):
  options = dict(max_rounds=2, bootstrap=QUICK) | options
  return summarise_grounding(lines, **options)


def row(summary, name):
  (found,) = [one for one in summary.rows if one.name.startswith(name)]
  return found


def test_each_round_is_replayed_into_a_row():
  lines = [line(['beginning', 'end']), line(['end', 'end'], video='b')]
  summary = summarise(lines)
  for name, iou in (
    ('model, 1 round', 0.2),
    ('model, 2 rounds', 0.4),
    ('oracle, 1 round', 0.4),
    ('oracle, 2 rounds', 0.8),
  ):
    found = row(summary, name).answered
    assert found['mean_iou'] == pytest.approx(iou)
  assert (summary.n_samples, summary.n_videos) == (2, 2)


def test_failed_lines_are_dropped_or_counted_and_named():
  summary = summarise([line(['beginning', 'end']), failed(), failed()])
  model = row(summary, 'model, 2 rounds')
  assert model.answered['mean_iou'] == pytest.approx(0.8)
  assert model.counted['mean_iou'] == pytest.approx(0.8 / 3)
  assert (model.n_answered, model.n_all) == (1, 3)
  for name in ('oracle, 2', 'random', 'best constant path'):
    assert (row(summary, name).n_answered, row(summary, name).n_all) == (1, 3)
  assert summary.errors == {'BadInput: no such file': 2}
  assert summary.n_failed == 2


def test_constants_come_from_other_videos_if_there_are_any():
  lines = [line(['beginning'])]
  own = row(summarise(lines), 'best constant interval (0.275 to 0.475)')
  assert own.answered['mean_iou'] == pytest.approx(1.0)
  tuned = summarise(lines, tuning=[(10.0, [[5.0, 10.0]])])
  assert tuned.constant_from == 'other videos'
  constant = row(tuned, 'best constant path (end)')
  assert constant.answered['mean_iou'] == 0.0
  assert tuned.above_constant['mean_iou'] == pytest.approx(0.4)


def test_decisions_are_scored_over_all_rounds():
  right = line(['beginning', 'end'])
  wrong = line(['throughout'])
  summary = summarise([right, wrong])
  found = summary.decisions
  assert (found.accuracy, found.n) == (2 / 3, 3)
  assert [one.accuracy for one in summary.decisions_by_round] == [0.5, 1.0]
  assert summary.confusion['beginning'] == {
    'beginning': 1,
    'middle': 0,
    'end': 0,
    'throughout': 1,
  }
  assert summary.confusion['end']['end'] == 1


def test_a_tag_has_its_own_row():
  lines = [line(['beginning', 'end'], tags=['unseen']), line(['end', 'end'])]
  unseen = row(summarise(lines), 'model, unseen')
  assert unseen.answered['mean_iou'] == pytest.approx(0.8)
  assert unseen.n_all == 1


def test_another_part_counts_in_its_own_row_only():
  lines = [line(['beginning', 'end']), line(['end', 'end'], part='unseen')]
  summary = summarise(lines)
  assert row(summary, 'model, 2').answered['mean_iou'] == pytest.approx(0.8)
  assert row(summary, 'model, unseen').answered['mean_iou'] == 0
  assert (summary.n_samples, summary.decisions.accuracy) == (1, 1)


def test_scores_are_calibrated_against_half_an_iou():
  lines = [line(['beginning', 'end'], score=0.9), line(['end'], score=0.2)]
  score, rounds = summarise(lines).calibration
  assert score.brier == pytest.approx((0.1**2 + 0.2**2) / 2)
  assert (score.n, rounds.n) == (2, 3)
  assert rounds.brier == pytest.approx((0.3**2 + 0.3**2 + 0.7**2) / 3)


def test_generated_answers_have_no_round_probabilities():
  lines = [line(['beginning'], probabilities=[{}])]
  assert summarise(lines).calibration[1].n == 0


def test_orders_spread_the_mean_and_change_answers():
  def other(iou, answers):
    return {'iou': iou, 'pred_answer_list': answers}

  # With two orders each: IoU .4 and 0, .4 and .4.
  changed = line(['beginning'], other_orders=[other(0.0, ['end'])])
  same = line(['beginning'], other_orders=[other(0.4, ['beginning'])])
  found = summarise([changed, same]).order_variance
  assert found['mean_iou_std'] == pytest.approx(0.1 * 2**0.5)
  assert found['mean_iou_lowest'] == pytest.approx(0.2)
  assert found['share_changed'] == 0.5
  assert summarise([line(['end'])]).order_variance is None


def test_absent_queries_count_only_for_telling_them_apart():
  absent = [line(['end'], gold=(), score=s) for s in (0.1, 0.6)]
  summary = summarise([line(['beginning'], score=0.5), *absent])
  assert summary.absent['auroc'] == 0.5
  assert (summary.n_samples, summary.absent['n_absent']) == (1, 2)
  assert summarise([line(['end'])]).absent is None


def test_a_run_where_all_failed_still_has_a_summary():
  summary = summarise([failed(), failed()])
  assert row(summary, 'model, 1').n_answered == 0
  text = json.dumps(without_nan(summary.to_json()), allow_nan=False)
  assert json.loads(text)['n_failed'] == 2
  assert remarks(summary)
