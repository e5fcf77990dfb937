"""Maps rise, stay in 0..1, and are right on data of known calibration."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.moments.score_map import (
  Isotonic,
  Temperature,
  fit_isotonic,
  fit_temperature,
  score_map,
)

FITS = {
  'isotonic': fit_isotonic,
  'temperature': fit_temperature,
  'temperature alone': lambda scores, came_true: fit_temperature(
    scores, came_true, with_offset=False
  ),
}
ANSWERS = st.lists(
  st.tuples(st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0]), st.booleans()),
  min_size=1,
  max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(answers=ANSWERS, asked=st.lists(st.floats(0, 1), min_size=2))
@pytest.mark.parametrize('name', FITS)
def test_every_map_rises_inside_0_to_1_and_survives_json(name, answers, asked):
  found = FITS[name](*zip(*answers, strict=True))
  probabilities = found(sorted(asked))
  assert (np.diff(probabilities) >= 0).all()
  assert probabilities.min() >= 0 and probabilities.max() <= 1
  again = score_map(json.loads(json.dumps(found.to_json())))
  assert again == found
  np.testing.assert_array_equal(again(sorted(asked)), probabilities)


@settings(deadline=None)
@given(ANSWERS)
def test_isotonic_is_the_nearest_rising_sequence(answers):
  """By the minimax formula, which shares nothing with the pooling."""
  low, high = min(answers)[0], max(answers)[0]
  # One more that came true at the low end, and one that did not at the high.
  answers = [*answers, (low, True), (high, False)]
  scores, outcomes = (np.array(x) for x in zip(*answers, strict=True))
  levels = np.unique(scores)

  def mean(first, last):
    inside = (scores >= levels[first]) & (scores <= levels[last])
    return Fraction(int(outcomes[inside].sum()), int(inside.sum()))

  n = len(levels)
  nearest = [
    max(min(mean(a, b) for b in range(i, n)) for a in range(i + 1))
    for i in range(n)
  ]
  found = fit_isotonic(*zip(*answers[:-2], strict=True))
  of_answer = [nearest[i] for i in np.searchsorted(levels, scores)]
  steps = sorted(set(nearest))
  np.testing.assert_allclose(found.probabilities, [float(x) for x in steps])
  centres = [scores[[x == y for y in of_answer]].mean() for x in steps]
  np.testing.assert_allclose(found.scores, centres, atol=1e-12)


def test_no_share_of_a_few_answers_is_a_certainty():
  found = fit_isotonic([0.0] * 61 + [0.9] * 9, [False] * 61 + [True] * 9)
  np.testing.assert_allclose(found([0, 1]), [1 / 62, 9 / 10])


@pytest.mark.parametrize('name', ['isotonic', 'temperature'])
def test_overconfident_scores_become_probabilities(name):
  rng = np.random.default_rng(0)
  truth = rng.beta(2, 2, 8000)
  came_true = rng.uniform(size=len(truth)) < truth
  logits = np.log(truth / (1 - truth))
  scores = 1 / (1 + np.exp(-(3 * logits + 1)))  # three times too sure
  found = FITS[name](scores[:4000], came_true[:4000])
  assert np.abs(scores[4000:] - truth[4000:]).mean() > 0.15
  assert np.abs(found(scores[4000:]) - truth[4000:]).mean() < 0.03


def test_a_temperature_is_found_again():
  rng = np.random.default_rng(1)
  logits = rng.normal(0, 3, 20_000)
  came_true = rng.uniform(size=len(logits)) < 1 / (1 + np.exp(-logits / 2))
  alone = fit_temperature(
    logits, came_true, with_offset=False, of_probabilities=False
  )
  assert alone.slope == pytest.approx(0.5, abs=0.02)
  assert alone.offset == 0
  both = fit_temperature(logits, came_true, of_probabilities=False)
  assert both.slope == pytest.approx(0.5, abs=0.02)
  assert both.offset == pytest.approx(0, abs=0.05)


def test_scores_that_order_nothing_or_wrongly_give_one_probability():
  scores = np.linspace(0, 1, 40)
  for found in (
    fit_isotonic(scores, scores < 0.5),
    fit_temperature(scores, scores < 0.5),
    fit_temperature(np.full(40, 0.7), scores < 0.5),
  ):
    np.testing.assert_allclose(found([0, 0.3, 1]), 0.5)


def test_a_perfect_order_makes_no_infinite_slope():
  scores = np.linspace(0.1, 0.9, 30)
  found = fit_temperature(scores, scores > 0.5)
  assert found([0.1])[0] < 0.2 and found([0.9])[0] > 0.8
  assert 0.001 < found([0.1])[0] and found([0.9])[0] < 0.999


@pytest.mark.parametrize('fit', FITS.values(), ids=list(FITS))
def test_what_cannot_be_fitted_is_told(fit):
  for scores, came_true, message in (
    ([], [], 'no answer'),
    ([0.5], [True, False], 'one outcome a score'),
    ([np.nan], [True], 'not finite'),
  ):
    with pytest.raises(ValueError, match=message):
      fit(scores, came_true)


def test_a_score_that_is_no_probability_is_told():
  with pytest.raises(ValueError, match='leave 0..1'):
    fit_temperature([1.5], [True])
  with pytest.raises(ValueError, match='leave 0..1'):
    Temperature(slope=1.0)([-0.5])
  assert Temperature(slope=1.0)([1.00005])[0] <= 1  # a rounding


@pytest.mark.parametrize(
  ('written', 'message'),
  [
    ({'kind': 'spline'}, 'unknown'),
    ({'kind': ['isotonic']}, 'unknown'),
    ([], 'no table'),
    ({'kind': 'temperature', 'slope': 1.0, 'curve': 2}, 'entries'),
    ({'kind': 'temperature', 'slope': -1.0}, 'falls'),
    ({'kind': 'temperature', 'slope': '1'}, 'no finite number'),
    ({'kind': 'temperature', 'slope': 10**400}, 'no finite number'),
    ({'kind': 'isotonic', 'scores': 3, 'probabilities': [1]}, 'no list'),
    ({'kind': 'isotonic', 'scores': [], 'probabilities': []}, 'at least one'),
    (
      {'kind': 'isotonic', 'scores': [1, 1], 'probabilities': [0, 1]},
      'do not rise',
    ),
    (
      {'kind': 'isotonic', 'scores': [0, 1], 'probabilities': [1, 0]},
      'fall',
    ),
    (
      {'kind': 'isotonic', 'scores': [0, 1], 'probabilities': [0, 1.5]},
      'leave',
    ),
  ],
)
def test_a_written_map_that_makes_no_sense_is_refused(written, message):
  with pytest.raises(ValueError, match=message):
    score_map(written)


def test_between_steps_the_map_is_a_line():
  found = Isotonic(scores=(0.0, 1.0), probabilities=(0.2, 0.6))
  np.testing.assert_allclose(found([-5, 0.5, 5]), [0.2, 0.4, 0.6])
