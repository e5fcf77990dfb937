"""Moment, Absent and Round: what they accept and how they are written."""

import json
import math

import pytest

from vtg_jax.moments import Absent, Moment, Round


def test_moment_knows_its_duration():
  assert Moment(start_s=2.5, end_s=4.0, score=0.5).duration_s == 1.5


def test_moment_may_have_no_length():
  assert Moment(start_s=2.0, end_s=2.0, score=0.5).duration_s == 0


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
  with pytest.raises(ValueError, match='end_s'):
    Moment(start_s=0.0, end_s=bad, score=0.5)
  with pytest.raises(ValueError, match='score'):
    Moment(start_s=0.0, end_s=1.0, score=bad)
  with pytest.raises(ValueError, match='threshold'):
    Absent(score=0.1, threshold=bad)


def test_a_moment_that_ends_before_it_starts_is_refused():
  with pytest.raises(ValueError, match=r'start_s=3.0 is after end_s=2.0'):
    Moment(start_s=3.0, end_s=2.0, score=0.5)
  with pytest.raises(ValueError, match='start_s'):
    Round(start_s=3.0, end_s=2.0, choice='end')


def test_json_of_a_moment_holds_its_rounds():
  moment = Moment(
    start_s=2.0,
    end_s=4.0,
    score=0.25,
    query='a dog runs',
    system='hawkeye',
    rounds=(
      Round(
        start_s=0.0,
        end_s=8.0,
        choice='middle',
        probabilities={'middle': 0.25},
        frame_times_s=(1.0, 3.0),
      ),
    ),
  )
  written = json.loads(json.dumps(moment.to_json()))
  assert written == {
    'absent': False,
    'query': 'a dog runs',
    'start_s': 2.0,
    'end_s': 4.0,
    'score': 0.25,
    'calibrated': False,
    'system': 'hawkeye',
    'rounds': [
      {
        'start_s': 0.0,
        'end_s': 8.0,
        'choice': 'middle',
        'probabilities': {'middle': 0.25},
        'frame_times_s': [1.0, 3.0],
      }
    ],
  }


def test_json_tells_absent_from_a_moment():
  written = Absent(score=0.1, threshold=0.5, query='a cat').to_json()
  assert written['absent'] is True
  assert written['threshold'] == 0.5
  assert 'start_s' not in written


def test_an_answer_says_what_it_looked_at_and_cost_where_it_is_known():
  moment = {'start_s': 0.0, 'end_s': 1.0, 'score': 0.5}
  for make in (
    lambda **more: Absent(score=0.1, threshold=0.5, **more),
    lambda **more: Moment(**moment, **more),
  ):
    written = make(looked_at=0.25).to_json()
    assert json.loads(json.dumps(written))['looked_at'] == 0.25
    assert not {'looked_at', 'cost'} & make().to_json().keys()
    assert make(cost={'calls': 3}).to_json()['cost'] == {'calls': 3.0}
    assert len({make(), make(cost={'calls': 3})}) == 2
    with pytest.raises(ValueError, match='cost of calls'):
      make(cost={'calls': math.inf})
    for share in (-0.1, 1.5, math.nan):
      with pytest.raises(ValueError, match='looked_at'):
        make(looked_at=share)


def test_ranges_of_the_boundaries_are_written_where_there_are_any():
  moment = Moment(
    start_s=2.0,
    end_s=4.0,
    score=0.5,
    start_range_s=(1.5, 2.5),
    end_range_s=(3.0, 4.5),
    range_level=0.9,
  )
  written = json.loads(json.dumps(moment.to_json()))
  assert written['start_range_s'] == [1.5, 2.5]
  assert written['end_range_s'] == [3.0, 4.5]
  assert written['range_level'] == 0.9
  plain = Moment(start_s=2.0, end_s=4.0, score=0.5).to_json()
  assert not [key for key in plain if 'range' in key]


@pytest.mark.parametrize(
  'bad',
  [
    {'start_range_s': (2.0, 1.0), 'range_level': 0.9},
    {'end_range_s': (0.0, math.nan), 'range_level': 0.9},
    {'end_range_s': (0.0, 1.0)},
    {'end_range_s': (0.0, 1.0), 'range_level': 90},
  ],
)
def test_ranges_that_make_no_sense_are_refused(bad):
  with pytest.raises(ValueError, match='range_level|start_s|end_s'):
    Moment(start_s=0.0, end_s=1.0, score=0.5, **bad)
