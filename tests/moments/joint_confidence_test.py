"""Weights of scores and overlaps: what they learn, and their file."""

import json

import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, Moment
from vtg_jax.moments.joint_confidence import (
  JointAnswers,
  fit_joint,
  read_joint,
  write_joint,
)

RNG = np.random.default_rng(1)
N, M = 4000, 3


def answers():
  scores = RNG.uniform(0.05, 0.95, size=(N, M))
  table = RNG.uniform(size=(N, M, M))
  table = (table + table.transpose(0, 2, 1)) / 2
  table[:, range(M), range(M)] = 1
  return JointAnswers(scores=scores, overlaps=table)


@pytest.fixture(scope='module')
def fitted():
  given = answers()
  odds = np.log(given.scores / (1 - given.scores))
  # Of system 0: its own odds, and how far it overlaps system 2.
  z = -1 + 1.5 * odds[:, 0] + 3 * given.overlaps[:, 0, 2]
  right = RNG.uniform(size=N) < 1 / (1 + np.exp(-z))
  ious = np.stack([right, odds[:, 1] > 0, odds[:, 2] > 0], axis=1) * 1.0
  happens = RNG.uniform(size=N) < 1 / (
    1 + np.exp(2 - 5 * given.overlaps[:, 0, 1])
  )
  models = {f'fingerprint {i}': f'model {i}' for i in range(M)}
  return fit_joint(models, given, np.where(happens[:, None], ious, 0), happens)


def test_weights_are_those_that_made_the_outcomes(fitted):
  np.testing.assert_allclose(fitted.right[0], [-1, 1.5, 0, 0, 0, 3], atol=0.45)
  np.testing.assert_allclose(fitted.happens, [-2, 0, 0, 0, 5, 0, 0], atol=0.45)


def test_an_absent_answer_is_never_the_surest(fitted):
  moment = Moment(start_s=2.0, end_s=4.0, score=0.4)
  absent = Absent(score=0.9, threshold=0.95)
  names = dict(enumerate(fitted.models))
  found = fitted.confidence(
    {'x': (names[0], absent), 'y': (names[1], moment), 'z': (names[2], moment)}
  )
  assert found.right['x'] == 0 and found.surest in 'yz'
  with pytest.raises(ValueError, match='not the checkpoints'):
    fitted.confidence({'x': (names[0], moment), 'y': (names[1], moment)})


def test_a_file_gives_back_what_was_written_and_takes_more(fitted, tmp_path):
  path = tmp_path / 'agreement.json'
  assert read_joint(path) == []
  write_joint(path, [fitted])
  assert read_joint(path) == [fitted]
  other = json.loads(path.read_text())['joint'][0]
  other['models'] = {'others': '1', 'and': '2', 'more': '3'}
  file = tmp_path / 'other.json'
  file.write_text(json.dumps({'format': 1, 'joint': [other]}))
  write_joint(path, read_joint(file))
  write_joint(path, [fitted])
  assert len(read_joint(path)) == 2


@pytest.mark.parametrize(
  'text',
  [
    '', '[]', '{"format": 2, "joint": []}', '{"format": 1, "joint": [3]}',
    '{"format": 1, "joint": [{"models": 3}]}',
    '{"format": 1, "joint": [{"models": {"a": "b", "c": "d"}}]}',
    '{"format": 1, "joint": [{"models": {"a": "b", "c": "d"}, "right": [[1]],'
    ' "happens": [1], "hit_iou": 0.5, "n_present": 1, "n_absent": 1}]}',
  ],
)  # fmt: skip
def test_what_is_no_such_file_is_one_sentence(text, tmp_path):
  path = tmp_path / 'agreement.json'
  path.write_text(text)
  with pytest.raises(BadInput, match='holds no combined confidence') as told:
    read_joint(path)
  assert '\n' not in str(told.value)


def test_some_must_happen_and_some_must_not(fitted):
  given = answers()
  with pytest.raises(BadInput, match='happen'):
    fit_joint(fitted.models, given, given.scores, np.ones(N, bool))
