"""Where activations lie on a mesh, said by logical axis names only.

Modules name the axes of what they compute; who runs them over a mesh says
what the names mean there. Without a mesh nothing happens.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import jax

# (logical name or None for each axis, shape) -> where such an array lies.
Layout = Callable[
  [tuple[str | None, ...], tuple[int, ...]], jax.sharding.Sharding
]
_LAYOUT: contextvars.ContextVar[Layout | None] = contextvars.ContextVar(
  'layout', default=None
)


@contextlib.contextmanager
def laid_out(layout: Layout | None) -> Iterator[None]:
  """Gives the names in `constrain` a meaning while a program is traced.

  Args:
    layout: See `sharding.activation_layout`; None for no meaning.
  """
  token = _LAYOUT.set(layout)
  try:
    yield
  finally:
    _LAYOUT.reset(token)


def constrain(x: jax.Array, *names: str | None) -> jax.Array:
  """The same array, laid out as its logical axes are.

  Args:
    x: An activation.
    *names: One logical name an axis, None for an axis that stays whole.
  """
  layout = _LAYOUT.get()
  if layout is None:
    return x
  if len(names) != x.ndim:
    raise ValueError(f'{names=} do not name the axes of an array {x.shape}')
  return jax.lax.with_sharding_constraint(x, layout(names, x.shape))
