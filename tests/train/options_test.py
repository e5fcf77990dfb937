import math

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.train.options import FitOptions


def options(**changes):
  return FitOptions(
    **{'batch_size': 4, 'steps': 10, 'warmup_steps': 2.0} | changes
  )


def test_steps_are_taken_as_they_are():
  assert options().lengths(None) == (10, 2.0)
  assert options().lengths(7) == (10, 2.0)


def test_epochs_are_so_many_steps():
  by_epochs = options(
    steps=None, epochs=3.0, warmup_steps=None, warmup_epochs=0.6
  )
  assert by_epochs.lengths(7) == (21, pytest.approx(4.2))
  with pytest.raises(BadInput, match='give steps and warmup_steps'):
    by_epochs.lengths(None)


def test_a_warmup_may_be_a_share_of_the_run_in_whole_steps():
  share = {'warmup_steps': None, 'warmup_share': 0.03}
  assert options(steps=120, **share).lengths(None) == (120, 3)
  by_epochs = options(steps=None, epochs=2.0, **share)
  assert by_epochs.lengths(49) == (98, 2)


def test_a_warmup_longer_than_the_run_is_refused():
  assert options(warmup_steps=10.0).lengths(None) == (10, 10.0)
  with pytest.raises(BadInput, match='warm-up is 10.5 steps and the run 10'):
    options(warmup_steps=10.5).lengths(None)
  by_epochs = {'steps': None, 'warmup_steps': None}
  with pytest.raises(BadInput, match='warm-up is 14 steps and the run 7'):
    options(**by_epochs, epochs=1.0, warmup_epochs=2.0).lengths(7)


@pytest.mark.parametrize(
  ('changes', 'said'),
  [
    ({'batch_size': 0}, 'batch_size is 0; give a number from 1 up'),
    ({'log_every': 0}, 'log_every is 0'),
    ({'seed': -1}, 'seed is -1'),
    ({'seed': 2**40}, 'seed is 1099511627776; give one up to'),
    ({'warmup_steps': math.inf}, 'warmup_steps is inf'),
    ({'steps': None, 'epochs': math.inf}, 'epochs is inf'),
    ({'epochs': 1.0}, 'steps is 10 and epochs is 1.0; give exactly one'),
    ({'steps': None}, 'give exactly one'),
    ({'steps': None, 'epochs': 0.0}, 'epochs is 0.0; give a number above 0'),
    ({'warmup_epochs': 1.0}, 'warmup_steps is 2.0, warmup_epochs is 1.0 and'),
    ({'warmup_steps': None}, 'warmup_share is None; give exactly one'),
    ({'warmup_steps': None, 'warmup_share': 1.5}, 'give a number up to 1'),
  ],
)
def test_what_does_not_fit_is_refused(changes, said):
  with pytest.raises(BadInput, match=said):
    options(**changes)
