"""A config of training, taken apart: system, numbers of the run, the rest."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vtg_jax.errors import BadInput

if TYPE_CHECKING:
  from vtg_jax.systems.registry import System
  from vtg_jax.train.options import FitOptions


class TrainingConfig(NamedTuple):
  """The parts of a config of training.

  Attributes:
    system: what is trained.
    options: how the run goes, whatever it trains.
    task: what the system reads; plain types.
  """

  system: 'System'
  options: 'FitOptions'
  task: dict[str, Any]


def taken_apart(name: str, values: Mapping[str, Any]) -> TrainingConfig:
  """Takes a config apart.

  Args:
    name: what the user calls the config.
    values: plain types, as `config_file.read_config` returns them.

  Raises:
    BadInput: it names no known system, or a number of the run does not fit.
  """
  from vtg_jax.systems import registry
  from vtg_jax.systems.config_json import from_json
  from vtg_jax.train.options import FitOptions

  if 'system' not in values:
    raise BadInput(
      f'{name} names no system to train; give a config such as hawkeye/small'
    )
  own = {field.name for field in dataclasses.fields(FitOptions)}
  options = from_json(
    FitOptions, {k: v for k, v in values.items() if k in own}, 'the config'
  )
  return TrainingConfig(
    system=registry.system(str(values['system'])),
    options=options,
    task={k: v for k, v in values.items() if k not in own | {'system'}},
  )
