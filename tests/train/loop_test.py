import math

import jax
import numpy as np
import pytest

from tests.train.linear_task import (
  LinearBatches,
  LinearTask,
  final_params,
  train,
)
from vtg_jax.errors import BadInput
from vtg_jax.train.log import read_json_lines

# What depends on the clock, not on the numbers.
TIMED = {
  'seconds_per_step', 'samples_per_second', 'tokens_per_second', 'data_wait',
  'mfu',
}  # fmt: skip


def curve(folder):
  return [
    {name: v for name, v in line.items() if name not in TIMED}
    for line in read_json_lines(folder / 'log.jsonl')
  ]


def same(one, other):
  assert one.keys() == other.keys()
  return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  """A run that nothing interrupted."""
  folder = tmp_path_factory.mktemp('whole')
  done = train(folder)
  assert done.step == 12 and done.restored_step == 0
  assert done.stopped_by is None and done.model == folder / 'model'
  return folder


def test_a_run_learns_and_logs_every_figure(whole):
  lines = read_json_lines(whole / 'log.jsonl')
  assert [line['step'] for line in lines] == list(range(1, 13))
  losses = [line['loss'] for line in lines]
  assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])
  assert {
    'loss', 'loss/sum', 'loss/difference', 'learning_rate', 'grad_norm',
    'skipped', 'replaced', *TIMED,
  } - {'mfu'} == set(lines[-1]) - {'step'}  # fmt: skip
  assert lines[1]['learning_rate'] == pytest.approx(0.05)
  assert lines[-1]['replaced'] == 2
  assert 0 <= lines[-1]['data_wait'] <= 1
  assert 'samples_per_second' not in lines[0]  # it compiled


def test_the_same_seed_gives_the_same_run(whole, tmp_path):
  train(tmp_path)
  assert curve(tmp_path) == curve(whole)
  assert same(final_params(tmp_path), final_params(whole))


def test_another_seed_gives_another_run(whole, tmp_path):
  train(tmp_path, seed=7)
  assert curve(tmp_path)[0]['loss'] != curve(whole)[0]['loss']


def test_what_is_frozen_stays(whole):
  first = LinearTask().params(seed=42)
  last = final_params(whole)
  assert np.array_equal(last["['head']['kernel']"], first['head']['kernel'])
  assert not np.array_equal(last["['body']['bias']"], first['body']['bias'])


class Interrupted(Exception):
  pass


@pytest.mark.parametrize('at', [1, 5, 8, 9])
def test_an_interrupted_run_ends_as_the_whole_one(whole, tmp_path, at):
  def interrupt(step, *_):
    if step == at:
      raise Interrupted

  with pytest.raises(Interrupted):
    train(tmp_path, show=interrupt)
  done = train(tmp_path)
  assert done.restored_step in ((at - 1) // 4 * 4, at // 4 * 4)
  assert curve(tmp_path) == curve(whole)
  assert same(final_params(tmp_path), final_params(whole))


def test_an_interval_may_span_an_interruption(tmp_path):
  def interrupt(step, *_):
    if step == 5:
      raise Interrupted

  train(tmp_path / 'whole', log_every=5, checkpoint_every=3)
  with pytest.raises(Interrupted):
    train(tmp_path / 'cut', log_every=5, checkpoint_every=3, show=interrupt)
  assert train(
    tmp_path / 'cut', log_every=5, checkpoint_every=3
  ).restored_step in (3, 6)
  assert curve(tmp_path / 'cut') == curve(tmp_path / 'whole')
  assert [line['step'] for line in curve(tmp_path / 'cut')] == [5, 10, 12]


def test_a_finished_run_is_left_as_it_is(tmp_path):
  train(tmp_path, steps=4)
  model = tmp_path / 'model' / 'params.npz'
  before = model.stat().st_mtime_ns
  done = train(tmp_path, steps=4)
  assert done.restored_step == done.step == 4
  assert model.stat().st_mtime_ns == before


def test_accumulating_gives_nearly_the_same_run(whole, tmp_path):
  """Dropout draws by micro-batch, so only the size of the losses agrees."""
  train(tmp_path, accumulate=2, mesh={'data': 1, 'fsdp': 4, 'tensor': 2})
  losses = [line['loss'] for line in curve(tmp_path)]
  expected = [line['loss'] for line in curve(whole)]
  np.testing.assert_allclose(losses, expected, rtol=0.5)


@pytest.mark.parametrize(
  'mesh',
  [
    {'data': 1, 'fsdp': 8, 'tensor': 1},
    {'data': 1, 'fsdp': 1, 'tensor': 8},
    {'data': 2, 'fsdp': 2, 'tensor': 2},
  ],
  ids=str,
)
def test_a_run_goes_on_over_another_mesh(whole, tmp_path, mesh):
  assert len(jax.devices()) == 8

  def interrupt(step, *_):
    if step == 6:
      raise Interrupted

  with pytest.raises(Interrupted):
    train(tmp_path, show=interrupt, mesh={'data': 2, 'fsdp': 4, 'tensor': 1})
  done = train(tmp_path, mesh=mesh)
  assert done.restored_step == 4
  losses = [line['loss'] for line in curve(tmp_path)]
  expected = [line['loss'] for line in curve(whole)]
  np.testing.assert_allclose(losses, expected, atol=1e-5)
  assert len(losses) == 12


def test_epochs_tell_the_length_and_the_warm_up(tmp_path):
  done = train(tmp_path, epochs=1.5, warmup_epochs=0.6, warmup_steps=None)
  assert done.total_steps == 15  # of 320 samples, 32 a step
  rates = [line['learning_rate'] for line in curve(tmp_path)]
  assert rates[0] == pytest.approx(0.025)  # the floor
  assert rates[6] == pytest.approx(0.1)  # after 0.6 x 10 steps


def test_a_run_that_learns_nothing_any_more_gives_up(tmp_path):
  task = LinearTask(nan_from=3)
  with pytest.raises(BadInput, match='5 steps on end .* optimiser.peak'):
    train(tmp_path, task=task, max_skipped=5)
  lines = read_json_lines(tmp_path / 'log.jsonl')
  assert lines[4]['skipped'] == 1 and lines[4]['loss'] is None
  assert math.isfinite(lines[2]['loss'])


def test_a_few_bad_steps_are_skipped_and_counted(tmp_path):
  task = LinearTask(nan_from=9)
  done = train(tmp_path, task=task, log_every=6)
  assert done.step == 12
  last = read_json_lines(tmp_path / 'log.jsonl')[-1]
  assert last['skipped'] == 3 and last['loss'] is not None


class Ending(LinearBatches):
  """The data of a disk that is gone after two batches."""

  def __next__(self):
    if self._n == 2:
      raise OSError(5, 'Input/output error', 'a.mp4')
    return super().__next__()


class Broken(LinearTask):
  def batches(self, *, process_index, process_count, **options):
    return Ending(index=process_index, count=process_count, **options)


def test_an_error_while_reading_is_raised_here(tmp_path):
  with pytest.raises(OSError, match=r'a\.mp4'):
    train(tmp_path, task=Broken())


@pytest.mark.parametrize(
  ('changes', 'said'),
  [
    ({'peak': 0.02}, 'peak was 0.1 and is 0.02'),
    ({'width': 32}, 'width was 16 and is 32'),
    ({'peak': 1.0, 'width': 2, 'steps': 9, 'seed': 1}, 'and 1 more'),
    ({'n_worker': 1}, 'n_worker was not there and is 1'),
  ],
)
def test_another_config_does_not_go_on(whole, changes, said):
  with pytest.raises(BadInput, match=said):
    train(whole, **changes)


def test_what_is_harmless_may_change(tmp_path):
  train(tmp_path, steps=4)
  done = train(
    tmp_path,
    steps=4,
    log_every=2,
    checkpoint_every=3,
    keep_last=5,
    n_workers=3,
    mesh={'data': 1, 'fsdp': 8, 'tensor': 1},
  )
  assert done.restored_step == 4
