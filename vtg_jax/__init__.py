"""Video temporal grounding: when does it happen, how sure, or not at all.

    import vtg_jax
    grounder = vtg_jax.load('checkpoints/hawkeye')
    for moment in grounder.ground('video.mp4', ['a dog jumps over the fence']):
      print(moment.start_s, moment.end_s, moment.score)

The names below are resolved on first use, so that importing the package costs
milliseconds and does not start jax.
"""

import importlib

__version__ = '0.1.0'

_HOMES = {
  'Absent': 'vtg_jax.moments',
  'Agreement': 'vtg_jax.moments.agreement',
  'Answer': 'vtg_jax.moments',
  'BadInput': 'vtg_jax.errors',
  'Caption': 'vtg_jax.moments',
  'Grounder': 'vtg_jax.systems.grounder',
  'Highlights': 'vtg_jax.moments',
  'Moment': 'vtg_jax.moments',
  'load': 'vtg_jax.systems.registry',
  'load_together': 'vtg_jax.systems.together',
}

__all__ = [
  'Absent',
  'Agreement',
  'Answer',
  'BadInput',
  'Caption',
  'Grounder',
  'Highlights',
  'Moment',
  '__version__',
  'load',
  'load_together',
]


def __getattr__(name: str):
  """Imports a public name from its home the first time it is asked for."""
  if name not in _HOMES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  value = getattr(importlib.import_module(_HOMES[name]), name)
  globals()[name] = value
  return value


def __dir__() -> list[str]:
  return sorted(set(globals()) | set(__all__))
