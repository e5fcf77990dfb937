"""Hints of the small stages: what they say of rows, and that they help."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax import config_file
from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.systems.revisionllm.row_hints import shows_asked
from vtg_jax.systems.revisionllm.tasks import task as task_of
from vtg_jax.train.freeze import flatten
from vtg_jax.train.loop import fit
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}
STAGES = ('dense', 'sparse', 'long')


def make_task(stage, **changes):
  values = config_file.read_config(f'revisionllm/small_{stage}:quicktest')
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  return task_of(rest | changes)


@pytest.mark.parametrize('stage', STAGES)
def test_rows_that_show_what_is_asked_are_those_that_are_told(stage):
  task = make_task(stage)
  batches = task.batches(batch_size=8, seed=1)
  for level in task.config.levels:
    batch = next(batches)
    assert task.level_of(batch).name == level
    shows = np.asarray(shows_asked(jax.tree.map(jnp.asarray, batch)))
    for row, labels in zip(shows, batch['labels'], strict=True):
      told = task.tokenizer().decode([int(i) for i in labels if i > 0])
      if 'Not Present' in told or 'no' in told:
        assert not row.any()
        continue
      assert row.any()
      if level.startswith('long'):
        first, end = (int(x.strip('.')) for x in told.split()[1::2])
        np.testing.assert_array_equal(np.flatnonzero(row), range(first, end))
  batches.close()


def test_the_long_stage_learns_and_leaves_its_heads_behind(tmp_path):
  """Steps take turns between levels, each with the same figures."""
  task, told = make_task('long'), []
  options = FitOptions(
    batch_size=8, steps=4, warmup_steps=1, log_every=1, checkpoint_every=4
  )
  done = fit(
    task,
    options,
    folder=tmp_path,
    config={},
    show=lambda step, n, figures: told.append(figures),
  )
  assert all(np.isfinite(figures['loss']) for figures in told)
  assert 'loss/row' in told[0] and 'loss/look' in told[0]
  saved = flatten(checkpoint.load_params(done.model))
  assert not any(path.startswith('heads/') for path in saved)
  assert {path.split('/')[1] for path in saved if 'loras/' in path} == {
    'long_33',
    'long_12',
    'dense',
  }


def test_the_dense_level_has_every_hint_but_that_of_encoded_windows():
  """Each counts as much as the answers, whose own sum is what is left."""
  task = make_task('dense')
  batches = task.batches(batch_size=4, seed=0)
  batch = {name: jnp.asarray(x) for name, x in next(batches).items()}
  batches.close()
  sums = jax.jit(task.eval_sums)(task.params(seed=0), batch, jax.random.key(0))
  means = {name: part[0] / part[1] for name, part in sums.parts.items()}
  assert np.isnan(means.pop('row'))
  assert means.keys() == {'look', 'clock', 'row_of_answer', 'name'}
  # Heads that say nothing yet find everything equally likely.
  np.testing.assert_allclose(means['clock'], np.log(8), rtol=1e-5)
  np.testing.assert_allclose(means['row_of_answer'], np.log(2), rtol=1e-5)
  answers = sums.total / sums.weight - sum(means.values())
  assert 5 < answers < 9  # of 768 words


def test_hints_need_samples_that_tell():
  values = config_file.read_config('revisionllm/small_dense:quicktest')
  with pytest.raises(BadInput, match='data.hints is false'):
    make_task('dense', data=values['data'] | {'hints': False})
  with pytest.raises(BadInput, match='hints are known of windows of chapters'):
    make_task('dense', data=values['data'] | {'drawn': [{}]})
