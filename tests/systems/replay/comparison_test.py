"""The comparison of replayed arrays and values with their record."""

import re

import ml_dtypes
import numpy as np
import pytest

from vtg_jax.systems.replay.comparison import (
  Comparison,
  compare_arrays,
  compare_values,
)


def test_equal_arrays_differ_by_zero():
  got = compare_arrays('x', [1.0, 2.0], [1.0, 2.0], 0.0)
  assert got == Comparison(
    name='x', max_abs_diff=0.0, tolerance=0.0, passed=True
  )


def test_difference_is_the_largest_one():
  got = compare_arrays('x', [1.0, 2.0], [1.25, 2.5], 0.5)
  assert got.max_abs_diff == 0.5
  assert got.passed


def test_a_difference_above_tolerance_fails():
  assert not compare_arrays('x', [1.0], [1.25], 0.2).passed


def test_tolerance_can_be_relative_to_the_largest_magnitude():
  want = [-100.0, 0.0]
  got = compare_arrays('x', [-100.0, 0.5], want, 0.01, relative_to_max=True)
  assert got.tolerance == 1.0
  assert got.passed
  assert '100' in got.note


def test_large_numbers_may_differ_by_a_share_of_each():
  got = compare_arrays(
    'x', [1000.05, 0.001], [1000.0, 0.0], 0.01, relative=1e-4
  )
  assert got.passed and got.note == 'and 1e-04 of each number'
  assert got.max_abs_diff == pytest.approx(0.05) and got.tolerance == 0.01
  far = compare_arrays('x', [1000.0, 0.05], [1000.0, 0.0], 0.01, relative=1e-4)
  assert not far.passed


@pytest.mark.parametrize(
  ('got', 'want', 'note'),
  [
    (np.zeros(3), np.zeros((1, 3)), r'shape \(3,\), wanted \(1, 3\)'),
    (np.zeros(3, int), np.zeros(3), 'dtype int64, wanted float64'),
    (np.zeros(1, bool), np.zeros(1, int), 'dtype bool'),
    (np.array(['a']), np.array(['a']), 'dtype <U1'),
    ([1.0, np.nan], [1.0, 2.0], r'nan at \[1\], wanted 2.0'),
    ([np.inf], [-np.inf], r'inf at \[0\]'),
  ],
)
def test_what_cannot_be_compared_fails_and_says_why(got, want, note):
  comparison = compare_arrays('x', got, want, 1e9)
  assert not comparison.passed
  assert comparison.max_abs_diff is None

  assert re.search(note, comparison.note)


def test_nan_in_the_same_place_is_equal():
  assert compare_arrays('x', [np.nan, 1.0], [np.nan, 1.0], 0.0).passed


def test_narrow_integers_do_not_wrap_around():
  got = np.array([0], np.uint8)
  want = np.array([255], np.int32)
  assert compare_arrays('x', got, want, 1.0).max_abs_diff == 255


def test_bfloat16_is_a_float():
  got = np.ones(2, ml_dtypes.bfloat16)
  assert compare_arrays('x', got, np.ones(2, np.float32), 0.0).passed


def test_empty_arrays_are_equal():
  assert compare_arrays('x', np.zeros(0), np.zeros(0), 0.0).passed


def test_values_may_nest():
  want = {'a': [1, 2.0, 'x', None, True], 'b': {'c': []}}
  got = {'a': (1, 2.0, 'x', None, True), 'b': {'c': ()}}
  assert compare_values('v', got, want).passed


@pytest.mark.parametrize(
  ('got', 'want', 'note'),
  [
    ({'a': 1}, {'b': 1}, "missing keys ['b'], extra ['a']"),
    ([1], [1, 2], '1 items, wanted 2'),
    ({'a': ['x']}, {'a': ['y']}, "a[0]: got 'x', wanted 'y'"),
    (True, 1, 'got True, wanted 1'),
    (None, 0, 'got None, wanted 0'),
    ('1', 1, "got '1', wanted 1"),
    (2, 3, 'got 2, wanted 3'),
    (float('nan'), 1.0, 'got nan, wanted 1.0'),
  ],
)
def test_values_that_differ_say_where(got, want, note):
  comparison = compare_values('v', got, want, 0.5)
  assert not comparison.passed
  assert note in comparison.note


def test_integers_are_exact_whatever_the_tolerance():
  assert not compare_values('v', [3], [4], 10.0).passed
  assert compare_values('v', [3.0], [4], 10.0).passed


def test_tolerance_can_be_relative_to_each_number():
  assert compare_values('v', 1e-6 + 1e-19, 1e-6, 1e-12, relative=True).passed
  assert not compare_values(
    'v', 1e-6 + 1e-16, 1e-6, 1e-12, relative=True
  ).passed


def test_note_counts_the_other_complaints():
  assert compare_values('v', 'ab', 'ac').note == "got 'ab', wanted 'ac'"
  note = compare_values('v', [1, 2, 3], [4, 5, 6]).note
  assert note == '[0]: got 1, wanted 4 (and 2 more)'
