"""The video encoder's warm-up: what it names, learns and leaves behind."""

import jax
import numpy as np
import pytest

from vtg_jax import config_file
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.words import ACTIONS, COLOURS, PAIRS, SHAPES
from vtg_jax.systems.hawkeye.cell_warmup import CellWarmup
from vtg_jax.systems.hawkeye.model import param_shapes
from vtg_jax.systems.hawkeye.tasks import task as any_task
from vtg_jax.systems.training.naming import classes_of_pairs
from vtg_jax.train.freeze import join, split
from vtg_jax.train.optimiser import make_optimiser
from vtg_jax.train.state import init_state
from vtg_jax.train.step import make_train_step

# Stage -> what it trains besides its heads.
TRAINED = {
  'hawkeye/small_cells': ('encoder/', 'vision_norm/'),
  'hawkeye/small_tokens': ('qformer/', 'projector/'),
}


@pytest.fixture(scope='module', params=TRAINED)
def stage(request) -> str:
  return request.param


@pytest.fixture(scope='module')
def warmup(stage) -> CellWarmup:
  values = config_file.read_config(f'{stage}:quicktest')
  wanted = ('task', 'start', 'trainable', 'compute', 'statistics', 'data')
  own = {name: values[name] for name in wanted}
  optimiser = {'peak': 3e-3, 'warmup_steps': 1, 'total_steps': 100}
  return any_task(own | {'optimiser': optimiser})


def test_classes_are_those_of_the_parts_of_a_pair():
  classes = classes_of_pairs()
  for number, (colour, shape, action) in enumerate(PAIRS):
    assert classes[number].tolist() == [
      1 + list(COLOURS).index(colour),
      1 + SHAPES.index(shape),
      1 + ACTIONS.index(action),
    ]
  assert classes[-1].tolist() == [0, 0, 0]


def test_the_axes_name_every_parameter(warmup):
  shapes = {path: x.shape for path, x in flatten(warmup.params()).items()}
  assert {path: len(names) for path, names in warmup.axes.items()} == {
    path: len(shape) for path, shape in shapes.items()
  }


def test_a_few_steps_name_more_and_leave_the_rest_alone(
  warmup, stage, tmp_path
):
  batches = warmup.batches(batch_size=4, seed=0)
  batch = next(batches)
  batches.close()
  trainable, frozen = split(warmup.params(), warmup.trainable)
  axes = {path: warmup.axes[path] for path in trainable}
  optimiser = make_optimiser(warmup.optimiser, axes)
  step = make_train_step(warmup.loss_sums, optimiser)
  state = init_state(trainable, optimiser, seed=0)
  losses = []
  for _ in range(12):
    state, metrics = step(state, frozen, batch)
    losses.append(float(metrics.loss))
  assert losses[-1] < 0.9 * losses[0]
  wrong, objects = metrics.parts['wrong/colour']
  assert 0 <= wrong <= objects == (batch['cell_pairs'] >= 0).sum()

  trained = jax.device_get(state.trainable)
  warmup.save(tmp_path / 'model', join(trained, frozen))
  stored = flatten(checkpoint.load_params(tmp_path / 'model'))
  assert stored.keys() == flatten(param_shapes(warmup.model)).keys()
  for path, x in flatten(warmup.params()).items():
    if path.startswith('heads'):
      continue
    if not path.startswith(TRAINED[stage]):
      np.testing.assert_array_equal(stored[path], np.asarray(x), path)
  trained = next(path for path in stored if path.startswith(TRAINED[stage]))
  assert not np.array_equal(stored[trained], frozen_or_drawn(warmup, trained))


def frozen_or_drawn(warmup, path):
  return np.asarray(flatten(warmup.params())[path])


def test_labels_must_be_those_of_the_cells():
  values = config_file.read_config('hawkeye/small_cells:quicktest')
  wanted = ('task', 'start', 'trainable', 'compute', 'data')
  own = {name: values[name] for name in wanted} | {'optimiser': {'peak': 1e-3}}
  own['data'] = own['data'] | {'label_grid': 3}
  with pytest.raises(BadInput, match='set it to 4'):
    any_task(own)


def test_tokens_must_be_a_square_for_each_frame():
  values = config_file.read_config('hawkeye/small_tokens:quicktest')
  wanted = ('task', 'start', 'trainable', 'compute', 'data')
  own = {name: values[name] for name in wanted} | {'optimiser': {'peak': 1e-3}}
  start = dict(own['start'])
  start['model'] = {**start['model'], 'n_frames': 5}
  with pytest.raises(BadInput, match='use 5'):
    any_task(own | {'start': start})


def test_an_unknown_task_names_those_there_are():
  with pytest.raises(BadInput, match='answers, cells, tokens'):
    any_task({'task': 'cell'})
