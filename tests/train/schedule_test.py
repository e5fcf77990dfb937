"""The cosine with a floor: values by hand, and both precisions agree."""

import json
from pathlib import Path

import hypothesis
import jax
import numpy as np
import optax
import pytest
from hypothesis import strategies as st

from vtg_jax.train import schedule
from vtg_jax.train.options import FitOptions

HAWKEYE = schedule.CosineWithFloor(
  peak=2e-5, warmup_steps=60.0, total_steps=300, floor=0.25
)


@pytest.mark.parametrize(
  ('step', 'learning_rate'),
  [
    (0, 5e-6),  # the floor holds in the warm-up too
    (15, 5e-6),
    (30, 1e-5),
    (60, 2e-5),
    (180, 1e-5),  # half-way down
    (300, 5e-6),
    (1000, 5e-6),
  ],
)
def test_learning_rate_at_a_step(step, learning_rate):
  assert HAWKEYE.learning_rate(step) == pytest.approx(learning_rate, rel=1e-14)


def test_function_and_dataclass_agree():
  got = schedule.cosine_with_floor(
    40, peak=2e-5, warmup_steps=60, total_steps=300, floor=0.25
  )
  assert got == HAWKEYE.learning_rate(40)


@hypothesis.given(
  step=st.integers(0, 10_000),
  warmup_steps=st.floats(0, 500),
  total_steps=st.floats(500, 5_000),
  floor=st.floats(0, 1),
)
def test_rate_stays_between_floor_and_peak(
  step, warmup_steps, total_steps, floor
):
  got = schedule.cosine_with_floor(
    step,
    peak=3.0,
    warmup_steps=warmup_steps,
    total_steps=total_steps,
    floor=floor,
  )
  assert 3.0 * floor <= got <= 3.0


def test_traced_schedule_agrees_with_float64():
  steps = np.arange(0, 330, 7)
  got = jax.jit(HAWKEYE)(steps)
  want = [HAWKEYE.learning_rate(step) for step in steps]
  np.testing.assert_allclose(got, want, rtol=1e-5)


def test_optax_takes_it_as_a_schedule():
  optimiser = optax.sgd(HAWKEYE)
  state = optimiser.init(np.float32(0))
  update, _ = optimiser.update(np.float32(1), state)
  np.testing.assert_allclose(update, -5e-6, rtol=1e-6)


GOLDEN = Path(__file__).parents[1] / 'golden/grounded_videollm/cases.json'


@pytest.mark.parametrize('case', json.loads(GOLDEN.read_text())['lr_schedule'])
def test_grounded_videollm_begins_at_zero_and_comes_down_to_it(case):
  n_steps = case['num_training_steps']
  options = FitOptions(batch_size=1, steps=n_steps, warmup_share=0.03)
  steps, warmup = options.lengths(None)
  assert (steps, warmup) == (n_steps, case['num_warmup_steps'])
  made = schedule.CosineWithFloor(
    peak=case['base_lr'],
    warmup_steps=warmup,
    total_steps=steps,
    floor=0.0,
    zero_first=True,
  )
  got = [made.learning_rate(i) for i in range(len(case['lr_per_step']))]
  np.testing.assert_allclose(got, case['lr_per_step'], rtol=1e-12)
  np.testing.assert_allclose(
    jax.jit(made)(np.arange(len(got))), got, rtol=1e-5, atol=1e-12
  )


def test_a_cosine_under_a_warm_up_drops_at_its_end_and_begins_anew():
  under = schedule.CosineUnderWarmup(
    start=1.0,
    peak=3.0,
    least=2.0,
    warmup_steps=15,
    steps_per_epoch=10,
    total_steps=30,
  )
  rates = [under.learning_rate(step) for step in (0, 9, 10, 15, 30)]
  # At step 15 the cosine, which knows of no warm-up, is half-way down.
  assert rates == pytest.approx([1.0, 1.0 + 2 * 9 / 15, 1.0, 2.5, 2.0])
  steps = np.arange(31)
  traced = jax.jit(jax.vmap(under))(steps)
  exact = [under.learning_rate(step) for step in steps]
  np.testing.assert_allclose(traced, exact, rtol=1e-6)
