"""Batches of several loaders in turn."""

import json

import numpy as np
import pytest

from input_pipeline.alternating import AlternatingBatches
from input_pipeline.loader import BadSample, LoaderOptions, make_batches
from vtg_jax.errors import BadInput


def numbered(name, n):
  """A loader of batches of two, one sample of which cannot be used."""

  def sample(source, index, rng):
    if index == 1:
      raise BadSample(f'{name} 1 is bad', name)
    return {name: np.int32(index)}

  options = LoaderOptions(shuffle=False, max_bad_share=1.0)
  return make_batches(sample, [n], options, batch_size=2, seed=0)


def in_turn(*names):
  return AlternatingBatches([numbered(name, 6) for name in names])


def taken(batches, n):
  return [
    {name: x.tolist() for name, x in next(batches).items()} for _ in range(n)
  ]


def test_loaders_take_turns():
  batches = in_turn('a', 'b')
  found = taken(batches, 4)
  assert [list(batch) for batch in found] == [['a'], ['b'], ['a'], ['b']]
  assert found[2] == {'a': [2, 3]}
  assert batches.steps_per_epoch == 6
  assert batches.replaced == {'a': 1, 'b': 1}
  assert [f.message for f in batches.first_faults] == [
    'a 1 is bad',
    'b 1 is bad',
  ]
  batches.close()


@pytest.mark.parametrize('n', [1, 4])
def test_a_resumed_run_goes_on_with_the_same_batches(n):
  batches = in_turn('a', 'b')
  taken(batches, n)
  state = json.loads(json.dumps(batches.get_state()))
  rest = taken(batches, 5)
  again = in_turn('a', 'b')
  again.set_state(state)
  assert taken(again, 5) == rest
  with pytest.raises(BadInput, match='of 2 loaders in turn and this run has 1'):
    in_turn('a').set_state(state)
