"""The run-time checker behind jaxtyping's import hook in the tests.

It checks annotated array shapes and dtypes, and leaves the other annotations
to the reader: a list where a tuple is announced is no fault of a shape.
"""

import inspect
import typing

import beartype
import jaxtyping


def checked(function):
  """Checks the annotations of `function` that speak of an array."""
  # jaxtyping passes stand-ins of its own making, so editing them is safe.
  function.__annotations__ = {
    name: annotation
    for name, annotation in function.__annotations__.items()
    if _speaks_of_an_array(annotation)
  }
  return _CHECKER(function)


def _speaks_of_an_array(annotation) -> bool:
  if inspect.isclass(annotation):
    if issubclass(annotation, jaxtyping.AbstractArray):
      return True
  return any(_speaks_of_an_array(a) for a in typing.get_args(annotation))


# Where a float is annotated an int is welcome, as PEP 484 has it.
_CHECKER = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))
