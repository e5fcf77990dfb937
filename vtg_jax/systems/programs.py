"""Programs that a system would run on a machine that is not there."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Program(NamedTuple):
  """A jitted function and the shapes it would be called with.

  Attributes:
    name: What it does, for people.
    trace: Arrays' shapes -> `jax.stages.Traced`.
    args: `jax.ShapeDtypeStruct`s that say where each array lies.
    useful_flops: What the mathematics asks for over all devices; None where
      nobody has said.
    while_turns: How often the while loops turn, by depth: the outermost, the
      loops in it, ...
  """

  name: str
  trace: Callable[..., Any]
  args: tuple
  useful_flops: int | None = None
  while_turns: tuple[int, ...] = ()
