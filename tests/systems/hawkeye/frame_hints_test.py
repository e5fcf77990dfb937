"""The hints on the way to an answer: what they are, teach and leave behind."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax import config_file
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.systems.hawkeye import frame_hints
from vtg_jax.systems.hawkeye.frame_hints import HintedAnswers
from vtg_jax.systems.hawkeye.model import param_shapes
from vtg_jax.systems.hawkeye.tasks import task as any_task
from vtg_jax.systems.hawkeye.training import HawkEyeTask
from vtg_jax.train.freeze import join, split
from vtg_jax.train.optimiser import make_optimiser
from vtg_jax.train.state import init_state
from vtg_jax.train.step import make_train_step

WANTED = (
  *('task', 'start', 'trainable', 'compute', 'statistics', 'first_slot'),
  'data',
)


def own_values(**changes):
  values = config_file.read_config('hawkeye/small:quicktest')
  own = {name: values[name] for name in WANTED}
  own['data'] = own['data'] | changes
  return own | {
    'optimiser': {'peak': 3e-3, 'warmup_steps': 1, 'total_steps': 100}
  }


@pytest.fixture(scope='module')
def task() -> HintedAnswers:
  return any_task(own_values())


@pytest.fixture(scope='module')
def batch(task):
  batches = task.batches(batch_size=6, seed=0)
  made = next(batches)
  batches.close()
  return jax.tree.map(jnp.asarray, made)


def test_a_few_steps_lower_every_hint_and_leave_no_head(task, batch, tmp_path):
  trainable, frozen = split(task.params(), task.trainable)
  axes = {path: task.axes[path] for path in trainable}
  optimiser = make_optimiser(task.optimiser, axes)
  step = make_train_step(task.loss_sums, optimiser)
  state = init_state(trainable, optimiser, seed=0)
  told = []
  for _ in range(16):
    state, metrics = step(state, frozen, batch)
    told.append({k: float(s / n) for k, (s, n) in metrics.parts.items()})
  for name in ('grounding', 'name', 'look', 'frame'):
    assert told[-1][name] < 0.95 * told[0][name], name
  assert told[-1]['wrong/frame'] < told[0]['wrong/frame']

  trained = jax.device_get(state.trainable)
  task.save(tmp_path / 'model', join(trained, frozen))
  stored = flatten(checkpoint.load_params(tmp_path / 'model'))
  assert stored.keys() == flatten(param_shapes(task.model)).keys()


def test_the_answers_are_those_of_the_plain_task(task, batch):
  """Hints come on top: what is reported of the answers stays the same."""
  own = own_values()
  own.pop('task')
  plain = HawkEyeTask(own)
  rng = jax.random.key(0)
  one = plain.eval_sums(plain.params(seed=1), batch, rng)
  other = task.eval_sums(task.params(seed=1), batch, rng)
  for name, (total, count) in one.parts.items():
    np.testing.assert_allclose(other.parts[name], (total, count), rtol=1e-5)
  assert other.weight == one.weight and other.total > one.total


def test_video_tokens_are_found_wherever_they_start():
  shown = jnp.array([[True, False, True], [False, False, True]])
  at = frame_hints._at_tokens(shown, jnp.array([1, 3]), 6)
  np.testing.assert_array_equal(at, [[0, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1]])


def test_samples_must_say_what_each_token_shows():
  with pytest.raises(BadInput, match='label_grid is 0'):
    any_task(own_values(label_grid=0))
