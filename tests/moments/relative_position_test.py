"""Four digits for a place: worked values, round trips, and texts."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.moments import relative_position as rp

LENGTHS = st.one_of(
  st.floats(0.5, 36000.0), st.integers(5, 360000).map(lambda n: n / 10)
)


@pytest.mark.parametrize(
  ('place', 'length', 'code'),
  [
    (1, 96, 104),
    (7, 96, 729),
    (48, 96, 5000),
    (95, 96, 9896),
    (96, 96, 9999),
    (24.3, 30.4, 7993),
    (90, 300, 3000),
    (102.0, 300.0, 3400),
    # In binary 0.00005 * 10000 + 0.5 comes out below 1.
    (0.00005, 1.0, 1),
    (2.00015, 4.0, 5000),  # 5000.375
    (0.35, 10, 350),
    (-3.0, 8.0, 0),
    (9.0, 8.0, 9999),
  ],
)
def test_worked_values(place, length, code):
  assert rp.code_of(place, length) == code


@given(code=st.integers(0, 9999), length=LENGTHS)
def test_a_code_comes_back(code, length):
  assert rp.code_of(rp.place_of(code, length), length) == code


@given(share=st.floats(0, 1), length=LENGTHS)
def test_a_place_comes_back_to_the_resolution(share, length):
  place = share * length
  off = abs(rp.place_of(rp.code_of(place, length), length) - place)
  # Half a step, but at the end, which has no code of its own.
  steps = 0.5 if place <= 0.99995 * length else 1.0
  assert off <= steps * length / 10000 * (1 + 1e-9)


@given(
  a=st.integers(0, 360000), b=st.integers(0, 360000), n=st.integers(1, 360000)
)
def test_codes_keep_the_order_and_round_half_up(a, b, n):
  low, high = sorted((rp.code_of(a, n), rp.code_of(b, n)))
  assert (low == rp.code_of(min(a, b), n)) and high == rp.code_of(max(a, b), n)
  if a < n:
    step = Fraction(a, n) * 10000 - rp.code_of(a, n)
    assert -Fraction(1, 2) <= step < Fraction(1, 2) or (
      rp.code_of(a, n) == 9999
    )


@given(place=st.floats(0, 36000), length=LENGTHS)
def test_what_is_written_is_read(place, length):
  text = rp.written(place, length)
  assert len(text) == 12
  assert rp.codes_in(f'a {text}. b') == [rp.code_of(place, length)]


@pytest.mark.parametrize(
  ('text', 'codes'),
  [
    ('<0><7><2><9> - <1>', [729, 1000]),
    ('<0> <7> <2> <9>', [729]),
    ('<1><2><3><4><5>', [1234, 5000]),
    ('<10><x>', []),
  ],
)
def test_runs_of_digits_are_codes(text, codes):
  assert rp.codes_in(text) == codes


def test_lists_in_seconds():
  for told, seconds in (
    ('in the <1><0><0><0>, <2><0><0><0>. Their', '30.0, 60.0 seconds. Their'),
    ('in the <1><0><0><0>.', '30.0 seconds.'),
    ('in the <1><0><0><0> second.', '30.0 second.'),
    ('in the <1><0><0><0> - <2><0><0><0>.', '30.0 - 60.0 seconds.'),
  ):
    assert rp.in_seconds(told, 300.0) == f'in the {seconds}'


def test_texts_in_seconds():
  told = '<3><0><0><0> - <3><4><0><0>, he sits. at <5><0><0><0> seconds'
  assert rp.in_seconds(told, 300.0) == (
    '90.0 - 102.0 seconds, he sits. at 150.0 seconds'
  )
  assert rp.in_seconds('<0><1><0><0> - <0><2><0><0> seconds', 100) == (
    '1.0 - 2.0 seconds'
  )
  assert rp.in_places(
    'image <0><1><0><4>', 96, form=lambda x: str(round(x))
  ) == ('image 1')


@pytest.mark.parametrize('length', [0, -1.0, float('nan'), float('inf')])
def test_a_whole_without_length_is_refused(length):
  with pytest.raises(ValueError, match='is no place'):
    rp.code_of(1.0, length)


def test_what_is_no_code_is_refused():
  with pytest.raises(ValueError, match='is no code'):
    rp.place_of(10000, 1.0)


@pytest.mark.parametrize(
  ('text', 'codes'),
  [
    ('90 - 102 seconds, he sits.', '<3><0><0><0> - <3><4><0><0>, he sits.'),
    ('at 0.0, 150.0, 300.0 seconds. ',
     'at <0><0><0><0>, <5><0><0><0>, <9><9><9><9>. '),
    ('There are 2 moments in the 90 second. Scores are 1.3.',
     'There are 2 moments in the <3><0><0><0>. Scores are 1.3.'),
    ('timestamps in seconds of 10 steps', 'timestamps in seconds of 10 steps'),
    ("in the 90 - 102 seonds.", 'in the <3><0><0><0> - <3><4><0><0>.'),
  ],
)  # fmt: skip
def test_texts_in_codes(text, codes):
  assert rp.in_codes(text, 300.0) == codes


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_a_range_in_codes_comes_back_in_seconds(a, b):
  told = f'{a / 10} - {b / 10} seconds, he sits.'
  back = rp.in_seconds(rp.in_codes(told, 300.0), 300.0)
  found = [
    float(x) for x in back.removesuffix(' seconds, he sits.').split(' - ')
  ]
  # A code is a 10 000th of 300 s, the text a tenth of a second.
  assert found == pytest.approx([a / 10, b / 10], abs=0.0801)
