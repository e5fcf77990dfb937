"""Batches under way at once come back in order, and are not made far ahead."""

import threading

import pytest

from vtg_jax.recursion.at_once import in_order


@pytest.mark.parametrize('at_once', [1, 2, 3])
@pytest.mark.parametrize('n', [0, 1, 2, 17])
def test_results_come_in_the_order_asked(n, at_once):
  asked = [(i, 2) for i in range(n)]
  assert [*in_order(pow, asked, at_once=at_once)] == [i**2 for i in range(n)]


def test_two_are_under_way_at_the_same_time():
  both = threading.Barrier(2, timeout=60)  # passed by two or by nobody
  wait = [lambda: 'alone', both.wait, both.wait]
  first, *others = in_order(lambda i: wait[i](), [(0,), (1,), (2,)], at_once=2)
  assert first == 'alone' and sorted(others) == [0, 1]


def test_little_is_made_ahead():
  made = []

  def asked():
    for i in range(50):
      made.append(i)
      yield (i,)

  for n, _ in enumerate(in_order(abs, asked(), at_once=2), start=1):
    assert len(made) <= n + 3


def test_a_fault_is_raised_in_its_turn():
  replies = in_order(lambda x: 1 // x, [(1,), (1,), (0,), (1,)], at_once=2)
  assert next(replies) == next(replies) == 1
  with pytest.raises(ZeroDivisionError):
    next(replies)
