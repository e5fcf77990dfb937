"""Calibrated answers, the false-alarm rate that holds, and the file."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, Moment
from vtg_jax.moments.calibration import (
  FILE,
  Calibration,
  calibration_from_json,
  fit_calibration,
  read_calibration,
  write_calibration,
)
from vtg_jax.moments.score_map import Temperature

SCORES = [0.1, 0.2, 0.3, 0.6, 0.7, 0.8, 0.05, 0.15, 0.4]
IOUS = [0.0, 0.6, 0.2, 0.8, 0.7, 0.9, None, None, None]


@pytest.fixture(params=['isotonic', 'temperature'])
def fitted(request):
  return fit_calibration(SCORES, IOUS, kind=request.param, fitted_on='a test')


def of_absent(scores):
  same = Temperature(slope=1.0)
  return Calibration(
    moment=same,
    presence=same,
    absent_scores=tuple(sorted(scores)),
    hit_iou=0.5,
    n_present=1,
  )


def test_the_threshold_lies_just_above_the_quantile():
  about = of_absent([0.1 * i for i in range(1, 10)])
  needed = about.threshold(0.1)
  assert 0.9 < needed < 0.9 + 1e-12
  assert about.threshold(0.2) == np.nextafter(0.8, 1)
  assert about.threshold(0.99) == np.nextafter(0.1, 1)


@settings(deadline=None)
@given(
  scores=st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), min_size=2),
  rate=st.floats(0.01, 0.99),
)
def test_the_false_alarm_rate_holds_whichever_query_was_left_out(scores, rate):
  """Exchangeable: each of n + 1 is as likely to be the new one."""
  n = len(scores) - 1
  if (n + 1) * rate < 1:
    with pytest.raises(BadInput, match='held-out absent queries'):
      of_absent(scores[1:]).threshold(rate)
    return
  alarms = [
    scores[i] >= of_absent(scores[:i] + scores[i + 1 :]).threshold(rate)
    for i in range(n + 1)
  ]
  assert np.mean(alarms) <= rate + 1e-9


def test_the_false_alarm_rate_is_not_wasted():
  rng = np.random.default_rng(0)
  alarms = [
    (rng.normal(size=50) >= of_absent(rng.normal(size=99)).threshold(0.2))
    for _ in range(300)
  ]
  assert np.mean(alarms) == pytest.approx(0.2, abs=0.02)


def test_a_rate_that_cannot_be_kept_names_what_can():
  about = of_absent([0.1] * 9)
  with pytest.raises(BadInput, match='needs 19 .* has 9; ask for 0.1000'):
    about.threshold(0.05)
  for rate in (0.0, 1.0, -0.5, float('nan')):
    with pytest.raises(BadInput, match='above 0 and below 1'):
      about.threshold(rate)


def test_scores_become_probabilities_and_keep_their_order(fitted):
  raw = [
    Moment(start_s=1.0, end_s=2.0, score=score, query='a dog', system='x')
    for score in (0.75, 0.35, 0.1)
  ]
  judged = fitted.judged(raw)
  assert [j.start_s for j in judged] == [1.0] * 3
  assert all(j.calibrated and j.query == 'a dog' for j in judged)
  found = [j.score for j in judged]
  assert found == sorted(found, reverse=True)
  assert found[0] > 0.7 > 0.6 > found[-1] >= 0
  with pytest.raises(ValueError, match='already'):
    fitted.judged(judged)
  assert fitted.judged([]) == []


def test_below_the_threshold_the_answer_is_absent(fitted):
  low = Moment(start_s=1.0, end_s=2.0, score=0.39, query='a dog', looked_at=0.5)
  (absent,) = fitted.judged([low], false_alarm_rate=0.25)
  assert isinstance(absent, Absent) and absent.calibrated
  assert (absent.query, absent.looked_at) == ('a dog', 0.5)
  assert absent.score <= absent.threshold
  assert absent.score == fitted.presence([0.39])[0]
  (high,) = fitted.judged(
    [dataclasses.replace(low, score=0.41)], false_alarm_rate=0.25
  )
  assert isinstance(high, Moment)
  raw = Absent(score=0.2, threshold=0.3, looked_at=0.1)
  (kept,) = fitted.judged([raw])
  assert isinstance(kept, Absent) and kept.looked_at == 0.1


def test_absent_below_a_probability_that_the_query_happens(fitted):
  moment = Moment(start_s=1.0, end_s=2.0, score=0.3, query='a dog')
  present = fitted.presence([0.3])[0]
  (found,) = fitted.judged([moment], absent_below=present)
  assert isinstance(found, Moment)
  (absent,) = fitted.judged([moment], absent_below=present + 0.01)
  assert (absent.score, absent.threshold) == (present, present + 0.01)
  with pytest.raises(BadInput, match='two rules'):
    fitted.judged([moment], absent_below=0.5, false_alarm_rate=0.5)


def test_a_file_gives_back_the_same(fitted, tmp_path):
  assert read_calibration(tmp_path) is None
  path = write_calibration(tmp_path, fitted)
  assert path.name == FILE
  assert [p.name for p in tmp_path.iterdir()] == [FILE]
  assert read_calibration(tmp_path) == fitted


def change(**changes):
  return lambda written: json.dumps(written | changes)


@pytest.mark.parametrize(
  ('damage', 'message'),
  [
    (lambda written: json.dumps(written)[:-9], 'no calibration'),
    (lambda written: '[' * 100_000, 'no calibration'),
    (lambda written: '[]', 'holds no table'),
    (change(format=2), 'format is 2, and 1 is read'),
    (change(extra=1), 'extra'),
    (change(moment={'kind': 'magic'}), 'magic'),
    (change(absent_scores=[0.3, 0.1]), 'does not rise'),
    (change(absent_scores=[float('nan')]), 'no finite number'),
    (change(absent_scores='abc'), 'no list'),
    (change(hit_iou=2), '0..1'),
    (change(hit_iou='x'), 'no number'),
    (change(n_present=0), 'n_present'),
    (change(fitted_on=3), 'no text'),
  ],
)
def test_a_file_that_is_none_is_one_sentence(damage, message, tmp_path):
  written = fit_calibration(SCORES, IOUS).to_json()
  (tmp_path / FILE).write_text(damage(written))
  with pytest.raises(BadInput, match=message) as error:
    read_calibration(tmp_path)
  assert str(tmp_path / FILE) in str(error.value)
  assert '\n' not in str(error.value)


def test_bytes_and_folders_are_no_calibration(tmp_path):
  (tmp_path / FILE).write_bytes(b'\xff\xfe')
  with pytest.raises(BadInput, match='cannot be read'):
    read_calibration(tmp_path)
  (tmp_path / FILE).unlink()
  (tmp_path / FILE).mkdir()
  with pytest.raises(BadInput, match='cannot be read'):
    read_calibration(tmp_path)
  with pytest.raises(BadInput, match='cannot be written'):
    write_calibration(tmp_path / 'nowhere', fit_calibration(SCORES, IOUS))


def test_one_kind_of_query_alone_calibrates_nothing():
  for some in (slice(0, 6), slice(6, 9)):
    with pytest.raises(BadInput, match='some of both'):
      fit_calibration(SCORES[some], IOUS[some])
  with pytest.raises(BadInput, match='unknown'):
    fit_calibration(SCORES, IOUS, kind='magic')
  with pytest.raises(BadInput, match='cannot be calibrated'):
    fit_calibration([5.0, 0.1], [0.5, None], kind='temperature')


def test_a_missing_entry_is_named():
  written = fit_calibration(SCORES, IOUS).to_json()
  del written['presence']
  with pytest.raises(ValueError, match='presence'):
    calibration_from_json(written)
