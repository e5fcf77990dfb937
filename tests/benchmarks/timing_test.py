"""Runs in turns and what is read off them."""

from benchmarks import timing


def test_ways_take_turns_and_warm_ups_do_not_count():
  order = []
  seconds = timing.take_turns(
    {'a': lambda: order.append('a'), 'b': lambda: order.append('b')},
    repeats=2,
    warm_up=1,
  )
  assert order == ['a', 'b'] * 3
  assert [len(runs) for runs in seconds.values()] == [2, 2]


def test_a_ratio_is_the_median_over_turns():
  seconds = {'a': [2.0, 30.0, 3.0], 'b': [1.0, 10.0, 1.0]}
  assert timing.ratio(seconds, 'a', 'b') == 3
  assert timing.medians(seconds) == {'a': 3, 'b': 1}
  assert timing.bests(seconds) == {'a': 2, 'b': 1}
