"""How a model is computed, as opposed to what it is."""

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp

DTYPES = ('float32', 'bfloat16', 'float16')
ATTENTION = ('auto', 'xla', 'chunked', 'blocked', 'cudnn')
_PLATFORM: contextvars.ContextVar[str | None] = contextvars.ContextVar(
  'platform', default=None
)


@contextlib.contextmanager
def traced_for(platform: str) -> Iterator[None]:
  """Says what a program is traced for, if not for the devices of this machine.

  Args:
    platform: 'cpu', 'gpu' or 'tpu'.
  """
  token = _PLATFORM.set(platform)
  try:
    yield
  finally:
    _PLATFORM.reset(token)


def platform() -> str:
  """What a program is traced for: 'cpu', 'gpu' or 'tpu'."""
  return _PLATFORM.get() or jax.default_backend()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compute:
  """Numerics and memory choices; they never change a parameter's shape.

  Attributes:
    dtype: Activations and matrix products. Softmax, norms, losses and rotary
      angles stay float32 whatever this says.
    param_dtype: What fresh parameters are stored in; those of norms are
      float32 whatever this says.
    attention: 'xla' materialises the scores; 'chunked' walks over blocks of
      queries and over heads (the fast one on CPU); 'blocked' walks over
      blocks of queries where the scores are large, all heads at once, so that
      samples and heads may lie on several devices; 'cudnn' needs a GPU and a
      16-bit dtype, and serves where many rows see all keys ('xla' does
      elsewhere); 'auto' is 'chunked' on CPU, 'blocked' on TPU and 'xla'
      elsewhere.
    remat: Recompute each layer in the backward pass.
  """

  dtype: str = 'float32'
  param_dtype: str = 'float32'
  attention: str = 'auto'
  remat: bool = False

  def __post_init__(self):
    for name, known in (
      ('dtype', DTYPES),
      ('param_dtype', DTYPES),
      ('attention', ATTENTION),
    ):
      if getattr(self, name) not in known:
        raise ValueError(
          f'{name} {getattr(self, name)!r} is unknown; use one of '
          f'{", ".join(known)}'
        )

  @property
  def jnp_dtype(self):
    return jnp.dtype(self.dtype)

  @property
  def jnp_param_dtype(self):
    return jnp.dtype(self.param_dtype)
