"""Scores of lines made by hand, and of lines with a known truth."""

import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.costs import mean_costs
from vtg_jax.evaluation.items import CALIBRATION
from vtg_jax.evaluation.long_summary import (
  cells,
  check_options,
  remarks,
  summarise_long,
)
from vtg_jax.evaluation.risk_coverage_picture import draw_risk_coverage
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.metrics.risk_coverage import risk_coverage


def line(iou, score, *, video='a', part='', others=(), kind='', **more):
  """A sentence that happens, or not where `iou` is None."""
  return {
    'video': video,
    'part': part,
    'gt_span': None if iou is None else [[0, 1]],
    'pred_span': [0, 1],
    'iou': iou,
    'others': [{'iou': other} for other in others],
    'score': score,
    'tags': [kind] if kind else [],
    'duration': 1800.0,
    'seconds': 2.0,
    'error': None,
    **more,
  }


def summary(lines, **changes):
  options = {
    'kind': 'isotonic',
    'hit_iou': 0.5,
    'false_alarm_rate': 0.1,
    'bootstrap': Bootstrap(n_resamples=50),
    'fitted_on': 'others',
  }
  return summarise_long(lines, **options | changes)


def test_recalls_by_hand():
  lines = [
    line(0.6, 0.9),
    line(0.304, 0.8, others=[0.7]),
    line(0.0, None, error='no video', pred_span=[0, 0], others=[0.9]),
    line(0.0, 0.1, pred_span=None, others=[0.9]),
    line(0.9, 0.5, part='elsewhere'),
  ]
  model, elsewhere = summary(lines).rows
  # 0.30 after rounding is not above 0.3.
  assert (model.scores['R1@0.3'], model.scores['R5@0.5']) == (0.25, 0.5)
  assert model.scores['R1@0.1'] == 0.5
  assert model.scores['mIoU'] == pytest.approx((0.6 + 0.3) / 4)
  assert (model.n, elsewhere.n) == (4, 1)
  assert cells(elsewhere)[0] == 'elsewhere'
  assert summary(lines).errors == {'no video': 1}
  assert summary(lines).calibration is None


@pytest.fixture(scope='module')
def known():
  """Scores that are squares of the chance to be right; absent ones low."""
  rng = np.random.default_rng(0)
  lines = []
  for part in ('', CALIBRATION):
    for i in range(1500):
      chance = rng.uniform(0.2, 1)
      right = rng.uniform() < chance
      video = f'{part}{i % 50}'
      lines.append(
        line(0.8 if right else 0.0, chance**2, video=video, part=part)
      )
      low = rng.uniform(0, 0.6)
      kind = ('object', 'both')[i % 2]
      lines.append(line(None, low**2, video=video, part=part, kind=kind))
  return lines


@pytest.mark.parametrize('kind', ['isotonic', 'temperature'])
def test_calibration_makes_scores_probabilities(known, kind):
  found = summary(known, kind=kind)
  assert found.errors_of_scores['raw'][0.5] > 0.12
  assert found.errors_of_scores['calibrated'][0.5] < 0.05
  raw, calibrated, presence = found.reliability
  assert calibrated.equal_width.expected_error < 0.05
  assert presence.equal_width.expected_error < 0.12
  assert found.calibration.n_present == 1500


def test_absence_is_told_at_the_rate_asked_for(known):
  found = summary(known)
  rate, likelier = found.absent
  assert rate.scores.false_alarm_rate == pytest.approx(0.1, abs=0.03)
  assert rate.scores.recall == 1 - rate.scores.false_alarm_rate
  low, high = rate.f1_interval
  assert low < rate.scores.f1 < high
  assert set(rate.noticed) == {'object', 'both'}
  assert likelier.scores.f1 > 0.7
  text = ' '.join(remarks(found))
  assert 'false alarms at most 10.0 %' in text
  with pytest.raises(BadInput, match='held-out absent queries'):
    summary(known, false_alarm_rate=0.0001)


def test_risk_counts_any_moment_of_an_absent_sentence_as_wrong(known):
  found = summary(known).risk
  assert found['happens'].risk[-1] == pytest.approx(0.4, abs=0.05)
  assert found['all'].risk[-1] == pytest.approx(0.7, abs=0.05)
  assert found['happens'].area < found['all'].area


def test_costs_are_told_a_sentence_and_an_hour():
  lines = [
    line(0.5, 0.9, cost={'calls': 4, 'level': {'tokens': 10}, 'who': 'x'}),
    line(0.5, 0.9, cost={'calls': 8}, duration=5400.0, looked_at=0.5),
  ]
  costs = mean_costs(lines)
  assert costs['cost.calls'] == 6
  assert costs['cost.level.tokens'] == 10
  assert costs['per_hour']['cost.calls'] == pytest.approx(12 / 2)
  assert costs['per_hour']['seconds'] == pytest.approx(4 / 2)
  assert 'cost.who' not in costs
  found = summary(lines)
  assert found.looked_at == 0.5
  assert 'cost.calls' in ' '.join(remarks(found))


@pytest.mark.parametrize(
  'changes',
  [
    {'hit_iou': 0},
    {'false_alarm_rate': 'x'},
    {'calibration': 'magic'},
    {'top_k': 0},
  ],
)
def test_options_are_checked_before_any_video_is_watched(changes):
  usual = {
    'hit_iou': 0.5,
    'false_alarm_rate': 0.1,
    'calibration': 'isotonic',
    'top_k': 5,
  }
  check_options(usual)
  with pytest.raises(BadInput, match=next(iter(changes))):
    check_options(usual | changes)


def test_the_picture_has_every_curve(tmp_path):
  curves = {
    'happens': risk_coverage([0.9, 0.1], [0, 1]),
    'nothing': risk_coverage([], []),
  }
  path = tmp_path / 'risk.png'
  (axes,) = draw_risk_coverage(curves, title='a $title', path=path).axes
  assert axes.lines[0].get_xdata().tolist() == [0.5, 1]
  assert axes.lines[0].get_ydata().tolist() == [0, 0.5]
  names = [text.get_text() for text in axes.get_legend().get_texts()]
  assert names[0] == 'happens, AURC 0.250'
  assert path.stat().st_size > 1000
