"""The training loss against recorded values and by its definition."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax.train.loss import next_token_loss, next_token_sums

GOLDEN = Path(__file__).parents[1] / 'golden' / 'hawkeye'
IGNORE = -100


def loss(logits, labels):
  return jax.jit(next_token_loss, static_argnames='ignore')(
    jnp.asarray(logits), jnp.asarray(labels), ignore=IGNORE
  )


@pytest.fixture(scope='module')
def recorded():
  with np.load(GOLDEN / 'outputs.npz') as outputs:
    return dict(outputs)


def test_the_batch_loss_is_the_recorded_one(recorded):
  got = loss(recorded['train_logits'], recorded['train_labels'])
  assert got.dtype == jnp.float32 and got.shape == ()
  np.testing.assert_allclose(got, recorded['train_loss'], atol=1e-5)


def test_the_loss_of_one_sample_is_the_recorded_one(recorded):
  logits = recorded['train_nolora_logits_sample1']
  labels = recorded['train_labels'][1:, : logits.shape[1]]
  want = recorded['train_nolora_loss_sample1']
  np.testing.assert_allclose(loss(logits, labels), want, atol=1e-5)


def test_position_t_scores_the_label_at_t_plus_one():
  logits = np.zeros((1, 3, 4), np.float32)
  logits[0, 0, 2] = 50
  logits[0, 1, 3] = 50
  assert loss(logits, [[0, 2, 3]]) == 0
  assert loss(logits, [[1, 2, 3]]) == 0  # nothing scores the first label
  assert loss(logits, [[0, 3, 2]]) > 40


def test_it_is_the_mean_over_the_batch_not_of_the_rows_means():
  logits = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
  labels = np.array([[0, 1, 2, 3, 0], [0, -100, -100, -100, 2]])
  each = -jax.nn.log_softmax(logits)
  picked = [each[0, t, labels[0, t + 1]] for t in range(4)] + [each[1, 3, 2]]
  np.testing.assert_allclose(loss(logits, labels), np.mean(picked), rtol=1e-6)


def test_ignored_positions_do_not_matter():
  logits = np.random.default_rng(0).normal(size=(1, 4, 5)).astype(np.float32)
  labels = np.array([[-100, 3, -100, -100]])
  changed = logits.copy()
  changed[0, 1:] = 1e30
  assert loss(logits, labels) == loss(changed, labels)


def test_nothing_to_learn_is_nan():
  assert np.isnan(loss(np.zeros((2, 3, 4), np.float32), np.full((2, 3), -100)))


def test_16_bit_scores_are_lossed_in_float32():
  logits = jnp.asarray([[[3.0, 1.0], [0.0, 0.0]]], jnp.bfloat16)
  got = loss(logits, [[-100, 1]])
  assert got.dtype == jnp.float32
  np.testing.assert_allclose(got, np.log1p(np.exp(2)), rtol=1e-6)


def test_gradients_are_finite_and_zero_where_ignored():
  logits = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 5)))
  logits = logits.astype(jnp.float32).at[0, 0, 0].set(-1e9)
  labels = jnp.array([[-100, 3, -100, 1]])
  gradient = jax.grad(next_token_loss)(logits, labels, ignore=IGNORE)
  assert np.isfinite(gradient).all()
  assert np.any(gradient[0, 0]) and np.any(gradient[0, 2])
  assert not np.any(gradient[0, 1]) and not np.any(gradient[0, 3])


@pytest.fixture(scope='module')
def scored():
  """States, a head, and labels of which the last row has none to learn."""
  rng = np.random.default_rng(3)
  states = rng.normal(size=(3, 7, 4)).astype(np.float32)
  head = rng.normal(size=(4, 11)).astype(np.float32)
  labels = rng.integers(0, 11, (3, 7))
  labels[0, 2:5] = labels[2] = IGNORE
  return jnp.asarray(states), jnp.asarray(head), jnp.asarray(labels)


def summed(states, head, labels, at_once):
  return next_token_sums(
    states, labels, lambda s: s @ head, ignore=IGNORE, scores_at_once=at_once
  )


def test_sums_over_counts_are_the_loss(scored):
  states, head, labels = scored
  losses, counts = summed(states, head, labels, 10**6)
  assert losses.shape == counts.shape == (3,)
  np.testing.assert_array_equal(counts, [3, 6, 0])
  np.testing.assert_allclose(
    losses.sum() / counts.sum(), loss(states @ head, labels), rtol=1e-6
  )
  assert losses[2] == 0


@pytest.mark.parametrize('at_once', [1, 11, 22, 40, 76, 77])
def test_stretches_of_a_row_add_up_in_both_directions(scored, at_once):
  states, head, labels = scored

  def total(states, head, at_once):
    losses, counts = summed(states, head, labels, at_once)
    return losses.sum(), counts

  want = jax.value_and_grad(total, argnums=(0, 1), has_aux=True)(
    states, head, 10**6
  )
  got = jax.jit(
    jax.value_and_grad(total, argnums=(0, 1), has_aux=True),
    static_argnums=2,
  )(states, head, at_once)
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_no_more_scores_than_asked_for_are_held():
  states = jax.ShapeDtypeStruct((2, 600, 8), jnp.float32)
  head = jax.ShapeDtypeStruct((8, 1000), jnp.float32)
  labels = jax.ShapeDtypeStruct((2, 600), jnp.int32)

  def total(states, head, labels):
    return summed(states, head, labels, 60_000)[0].sum()

  compiled = jax.jit(jax.grad(total)).lower(states, head, labels).compile()
  whole = 2 * 600 * 1000 * 4
  assert compiled.memory_analysis().temp_size_in_bytes < whole / 2
