"""One training step: gradients over the global batch, then an update."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float

from vtg_jax.errors import BadInput
from vtg_jax.nn.constrain import laid_out
from vtg_jax.sharding import activation_layout
from vtg_jax.train.freeze import Flat, join
from vtg_jax.train.loss import LossSums
from vtg_jax.train.optimiser import Optimiser
from vtg_jax.train.state import TrainState

# (nested parameters, batch, random key) -> sums over the batch.
LossFunction = Callable[[dict, Mapping[str, jax.Array], jax.Array], LossSums]


class Metrics(NamedTuple):
  """What a step tells of itself, over the global batch.

  Attributes:
    loss: Sum of the losses over sum of the weights.
    weight: Learnt tokens.
    parts: Name -> (sum, weight); sums, so that steps add up.
    grad_norm: Of all gradients together, before clipping.
    learning_rate: That of this step.
    skipped: The update was left out: nothing to learn, or not finite.
  """

  loss: Float[Array, '']
  weight: Float[Array, '']
  parts: dict[str, tuple[Float[Array, ''], Float[Array, '']]]
  grad_norm: Float[Array, '']
  learning_rate: Float[Array, '']
  skipped: Bool[Array, '']


class TrainStep:
  """The compiled step: ``state, metrics = step(state, frozen, batch)``.

  The state is donated, and comes back laid out as the first one was.
  """

  def __init__(self, function):
    self._function = function
    self._jitted = None

  def __call__(
    self, state: TrainState, frozen: Flat, batch: Mapping[str, jax.Array]
  ) -> tuple[TrainState, Metrics]:
    return self._compiled(state)(state, frozen, batch)

  def lower(self, state, frozen, batch):
    """The step for arrays of these shapes and shardings, not yet compiled."""
    return self.trace(state, frozen, batch).lower()

  def trace(self, state, frozen, batch):
    """The step as a jaxpr, for arrays or shapes that say where they lie."""
    return self._compiled(state).trace(state, frozen, batch)

  def _compiled(self, state):
    if self._jitted is None:
      shardings = jax.tree.map(lambda x: x.sharding, state)
      self._jitted = jax.jit(
        lambda *args: self._function(*args, shardings.trainable),
        donate_argnums=0,
        out_shardings=(shardings, None),
      )
    return self._jitted


def make_train_step(
  loss_sums: LossFunction,
  optimiser: Optimiser,
  *,
  mesh: Mesh | None = None,
  accumulate: int = 1,
) -> TrainStep:
  """Builds the step of a run.

  Gradients are those of the loss over the global batch, sum over sum, however
  it is cut into micro-batches and over devices. A step without anything to
  learn, or whose loss or gradients are not finite, changes neither parameters
  nor moments; its number counts, so the schedule goes on.

  Args:
    loss_sums: Of a system.
    optimiser: From `make_optimiser`.
    mesh: What state and batch are laid out over; one device when None.
    accumulate: Micro-batches that a batch is cut into, one after the other.
  """
  layout = None if mesh is None else activation_layout(mesh)

  def gradients(trainable, frozen, batch, rng):
    def total(trainable):
      sums = loss_sums(join(trainable, frozen), batch, rng)
      return sums.total, sums

    (_, sums), grads = jax.value_and_grad(total, has_aux=True)(trainable)
    return sums, grads

  def step(state, frozen, batch, shardings):
    rng = jax.random.wrap_key_data(state.rng)
    rng = jax.random.fold_in(rng, state.step)
    with laid_out(layout):
      sums, grads = _accumulated(
        lambda some, i: _laid_as(
          gradients(state.trainable, frozen, some, jax.random.fold_in(rng, i)),
          shardings if mesh is not None else None,
        ),
        batch,
        accumulate,
      )
    loss = sums.total / sums.weight
    grads = jax.tree.map(lambda g: g / sums.weight, grads)
    norm = optax.tree.norm(grads)
    learns = jnp.isfinite(loss) & jnp.isfinite(norm)  # 0 / 0 is not finite
    trainable, opt_state = optimiser.update(
      grads, state.opt_state, state.trainable, state.step
    )

    def chosen(new, old):
      return jax.tree.map(lambda a, b: jnp.where(learns, a, b), new, old)

    state = TrainState(
      step=state.step + 1,
      trainable=chosen(trainable, state.trainable),
      opt_state=chosen(opt_state, state.opt_state),
      rng=state.rng,
    )
    metrics = Metrics(
      loss=loss,
      weight=sums.weight,
      parts=sums.parts,
      grad_norm=norm,
      learning_rate=optimiser.learning_rate(state.step - 1),
      skipped=~learns,
    )
    return state, metrics

  return TrainStep(step)


def make_eval_step(
  loss_sums: LossFunction, *, mesh: Mesh | None = None
) -> Callable[[Flat, Flat, Mapping[str, jax.Array]], LossSums]:
  """Builds (trainable, frozen, batch) -> the batch's sums, without gradients.

  Args:
    loss_sums: Of a system, in its deterministic form; the key it gets is
      always the same.
    mesh: As in `make_train_step`.
  """
  layout = None if mesh is None else activation_layout(mesh)

  @jax.jit
  def evaluate(trainable, frozen, batch):
    with laid_out(layout):
      return loss_sums(join(trainable, frozen), batch, jax.random.key(0))

  return evaluate


def _laid_as(sums_and_grads, shardings):
  """Gradients cut as their parameters are, so that they are summed there."""
  sums, grads = sums_and_grads
  if shardings is not None:
    grads = jax.lax.with_sharding_constraint(grads, shardings)
  return sums, grads


def _accumulated(one, batch, n_micro: int) -> Any:
  """Sums one(micro_batch, i) over the micro-batches of a batch.

  Sample r goes to micro-batch r % n_micro: each device keeps its samples.
  """
  if n_micro == 1:
    return one(batch, 0)
  sizes = {len(x) for x in batch.values()}
  if any(size % n_micro for size in sizes):
    raise BadInput(
      f'a batch of {max(sizes)} is not cut into {n_micro} equal micro-batches; '
      'choose accumulate so that it divides'
    )
  micro = jax.tree.map(
    lambda x: x.reshape(-1, n_micro, *x.shape[1:]).swapaxes(0, 1), batch
  )

  def body(total, inputs):
    return jax.tree.map(jnp.add, total, one(*inputs)), None

  first = jax.eval_shape(one, jax.tree.map(lambda x: x[0], micro), 0)
  zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), first)
  total, _ = jax.lax.scan(body, zeros, (micro, jnp.arange(n_micro)))
  return total
