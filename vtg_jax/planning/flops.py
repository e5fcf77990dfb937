"""Floating-point operations of a traced function, loops multiplied out.

XLA's own count takes the body of a loop once; this one reads the jaxpr, where
a scan says how often its body runs.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import jax
from jax.extend import core
from jax.interpreters import partial_eval

# Work that is neither a product nor moves data: one operation an element of
# what comes out, whatever it costs on a chip.
_ELEMENTWISE = frozenset(
  'abs acos acosh add add_any asin asinh atan atan2 atanh cbrt ceil clamp cos '
  'cosh digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt integer_pow '
  'is_finite le lgamma log log1p logistic lt max min mul ne neg nextafter pow '
  'rem round rsqrt select_n sign sin sinh sqrt square sub tan tanh'.split()
)
# One operation an element of what goes in.
_REDUCTIONS = frozenset(
  'argmax argmin cumlogsumexp cummax cummin cumprod cumsum reduce_max '
  'reduce_min reduce_prod reduce_sum'.split()
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flops:
  """Operations of one call, over all devices together.

  Attributes:
    matmul: Of matrix products and convolutions, two a multiply-add.
    other: Of elementwise work and reductions, one an element.
    unknown_loops: While loops of which nobody told how often they turn; their
      bodies are counted once.
  """

  matmul: int = 0
  other: int = 0
  unknown_loops: int = 0

  @property
  def total(self) -> int:
    return self.matmul + self.other

  def __add__(self, more: 'Flops') -> 'Flops':
    return Flops(
      matmul=self.matmul + more.matmul,
      other=self.other + more.other,
      unknown_loops=self.unknown_loops + more.unknown_loops,
    )

  def times(self, turns: int) -> 'Flops':
    """The same work `turns` times; a loop in it stays one loop."""
    return dataclasses.replace(
      self, matmul=self.matmul * turns, other=self.other * turns
    )


def count_flops(
  function: Callable, *args, while_turns: Sequence[int] = (), **kwargs
) -> Flops:
  """Counts what a call computes.

  Results that nothing uses are left out; of the branches of a `cond` the
  dearest counts.

  Args:
    function: Jitted or not.
    *args: Arrays, or `jax.ShapeDtypeStruct`s of them.
    while_turns: How often while loops turn, by depth: the outermost, the
      loops in those, ... Deeper ones count once.
    **kwargs: As `args`.
  """
  closed = jax.make_jaxpr(function)(*args, **kwargs)
  return jaxpr_flops(closed, while_turns=while_turns)


def jaxpr_flops(
  closed: core.ClosedJaxpr, *, while_turns: Sequence[int] = ()
) -> Flops:
  """Counts what a traced function computes; see `count_flops`."""
  jaxpr, _ = partial_eval.dce_jaxpr(
    closed.jaxpr, [True] * len(closed.jaxpr.outvars)
  )
  return _count(jaxpr, tuple(while_turns))


def _count(jaxpr, turns: tuple[int, ...]) -> Flops:
  return sum((_equation(e, turns) for e in jaxpr.eqns), Flops())


def _equation(eqn, turns) -> Flops:
  name, params = eqn.primitive.name, eqn.params
  match name:
    case 'dot_general':
      return Flops(matmul=_dot_flops(eqn))
    case 'conv_general_dilated':
      return Flops(matmul=_conv_flops(eqn))
    case 'scan':
      return _count(params['jaxpr'].jaxpr, turns).times(params['length'])
    case 'while':
      return _while_flops(params, turns)
    case 'cond':
      branches = [_count(b.jaxpr, turns) for b in params['branches']]
      return max(branches, key=lambda f: (f.matmul, f.other))
    case 'shard_map':
      # Traced for one shard; every device of the manual axes runs it.
      sizes = dict(params['mesh'].shape)
      manual = params['newly_manual_axes']
      n_shards = math.prod(sizes[axis] for axis in manual)
      return _count(params['jaxpr'], turns).times(n_shards)
    case 'pallas_call' | 'ragged_dot' | 'ragged_dot_general':
      raise NotImplementedError(f'{name} has no rule here; add one')
  inner = [
    getattr(value, 'jaxpr', value)
    for value in params.values()
    if isinstance(value, core.Jaxpr | core.ClosedJaxpr)
  ]
  if name not in _REDUCTIONS and inner:
    # Calls: jit, remat, custom_jvp, custom_vjp. Each holds one function.
    return _count(inner[0], turns)
  if name in _ELEMENTWISE:
    return Flops(other=sum(v.aval.size for v in eqn.outvars))
  if name in _REDUCTIONS:
    return Flops(other=sum(v.aval.size for v in eqn.invars))
  return Flops()


def _while_flops(params, turns) -> Flops:
  body = _count(params['body_jaxpr'].jaxpr, turns[1:])
  test = _count(params['cond_jaxpr'].jaxpr, turns[1:])
  if turns:
    return body.times(turns[0]) + test.times(turns[0] + 1)
  return body + test + Flops(unknown_loops=1)


def _dot_flops(eqn) -> int:
  contracted, _ = eqn.params['dimension_numbers'][0]
  left = eqn.invars[0].aval.shape
  return (
    2 * eqn.outvars[0].aval.size * math.prod(left[axis] for axis in contracted)
  )


def _conv_flops(eqn) -> int:
  numbers = eqn.params['dimension_numbers']
  kernel = eqn.invars[1].aval.shape
  # The kernel's second named axis is the input channels of one group already.
  per_output = math.prod(kernel[axis] for axis in numbers.rhs_spec[1:])
  return 2 * eqn.outvars[0].aval.size * per_output
