import jax.numpy as jnp
import pytest

from vtg_jax.train.meter import Meter
from vtg_jax.train.step import Metrics


def metrics(loss, *, weight=1.0, skipped=False, parts=None):
  return Metrics(
    loss=jnp.float32(loss),
    weight=jnp.float32(weight),
    parts=parts or {},
    grad_norm=jnp.float32(2 * loss),
    learning_rate=jnp.float32(0.5),
    skipped=jnp.bool_(skipped),
  )


def add(meter, step, what, **options):
  meter.add(step, what, n_tokens=10, n_replaced=0, wait_s=0.0, **options)


def test_an_interval_is_told_when_the_next_has_ended():
  meter = Meter(log_every=2, batch_size=4)
  for step in (1, 2, 3):
    add(meter, step, metrics(step))
  assert meter.told(all_ended=False) == []
  add(meter, 4, metrics(4.0))
  (told,) = meter.told(all_ended=False)
  assert told[0] == 2 and told[1]['loss'] == 1.5
  (told,) = meter.told(all_ended=True)
  assert told[0] == 4 and told[1]['grad_norm'] == 7.0


def test_losses_are_weighted_by_what_was_learnt():
  meter = Meter(log_every=2, batch_size=4)
  part = (jnp.float32(6.0), jnp.float32(3.0))
  none = (jnp.float32(0.0), jnp.float32(0.0))
  add(meter, 1, metrics(1.0, weight=3.0, parts={'a': part, 'b': none}))
  add(meter, 2, metrics(5.0, weight=1.0, parts={'a': none, 'b': none}))
  ((_, told),) = meter.told(all_ended=True)
  assert told['loss'] == 2.0 and told['loss/a'] == 2.0
  assert 'loss/b' not in told


def test_skipped_steps_count_and_do_not_weigh():
  meter = Meter(log_every=3, batch_size=4)
  for step, skipped in ((1, False), (2, True), (3, True)):
    loss = float('nan') if skipped else 1.0
    add(meter, step, metrics(loss, skipped=skipped))
  ((_, told),) = meter.told(all_ended=True)
  assert told['loss'] == 1.0 and told['skipped'] == 2
  assert meter.skipped_on_end == 2


def test_an_interval_goes_on_from_its_saved_steps():
  whole, first = (Meter(log_every=3, batch_size=4) for _ in range(2))
  for step in (1, 2):
    add(whole, step, metrics(0.1 * step))
    add(first, step, metrics(0.1 * step))
  second = Meter(log_every=3, batch_size=4)
  second.set_state(first.state())
  for meter in (whole, second):
    add(meter, 3, metrics(0.3))
  ((_, one),), ((_, other),) = (
    meter.told(all_ended=True) for meter in (whole, second)
  )
  assert one['loss'] == other['loss'] and one['grad_norm'] == other['grad_norm']


def test_the_last_step_ends_an_interval():
  meter = Meter(log_every=10, batch_size=4)
  add(meter, 7, metrics(1.0), last=True)
  assert [step for step, _ in meter.told(all_ended=True)] == [7]


def test_throughput_and_utilisation_agree():
  meter = Meter(
    log_every=3, batch_size=4, n_shares=2, flops_per_step=100, peak_flops=1e3
  )
  for step in (1, 2, 3):
    add(meter, step, metrics(1.0))
  ((_, told),) = meter.told(all_ended=True)
  seconds = told['seconds_per_step']
  assert told['samples_per_second'] == pytest.approx(4 / seconds)
  assert told['tokens_per_second'] == pytest.approx(20 / seconds)
  assert told['mfu'] == pytest.approx(0.1 / seconds)
