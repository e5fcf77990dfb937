"""TPU slices that are not there: their devices, to compile for."""

import dataclasses
import importlib.util
import math
import os
import re

import jax
from jax.experimental import topologies

from vtg_jax.errors import BadInput


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chip:
  """A kind of TPU chip.

  Attributes:
    memory_bytes: High-bandwidth memory, in decimal gigabytes as it is sold;
      the compiler's own limit is a little higher.
    flops_per_s: Peak of dense bf16 products.
    n_axes: Axes of a slice: 2 for a plane, 3 for a cube of chips.
  """

  memory_bytes: int
  flops_per_s: float
  n_axes: int


# Source: https://cloud.google.com/tpu/docs/v5e, /v5p and /v6e, "HBM2/HBM
# capacity per chip" and "Peak compute per chip (bf16)".
CHIPS = {
  'v5e': Chip(memory_bytes=16 * 10**9, flops_per_s=197e12, n_axes=2),
  'v5p': Chip(memory_bytes=95 * 10**9, flops_per_s=459e12, n_axes=3),
  'v6e': Chip(memory_bytes=32 * 10**9, flops_per_s=918e12, n_axes=2),
}
# libtpu looks for the machine it runs on when it is loaded, asks a metadata
# server about it and complains about what it does not find. Nothing is run on
# these devices, so it is told to expect nothing.
_NO_MACHINE = {
  'ALLOW_MULTIPLE_LIBTPU_LOAD': '1',
  'TPU_ACCELERATOR_TYPE': 'v5litepod-16',
  'TPU_SKIP_MDS_QUERY': '1',
  'TPU_WORKER_HOSTNAMES': 'localhost',
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Topology:
  """A slice of a TPU pod.

  Attributes:
    name: As asked for: 'v5e:4x4'.
    chip: Its kind of chip.
    shape: Chips along each axis.
    platform: What programs are compiled for.
  """

  name: str
  chip: Chip
  shape: tuple[int, ...]
  platform: str = 'tpu'

  @property
  def n_chips(self) -> int:
    return math.prod(self.shape)

  def devices(self) -> list[jax.Device]:
    """Devices to lay arrays out over and compile for; nothing runs on them.

    Sets environment variables of libtpu that are not set.

    Raises:
      BadInput: when libtpu is not installed or knows no such slice.
    """
    if importlib.util.find_spec('libtpu') is None:
      raise BadInput(
        f'planning for {self.name} needs the TPU compiler, which is not '
        "installed; run pip install 'vtg-jax[tpu]'"
      )
    for name, value in _NO_MACHINE.items():
      os.environ.setdefault(name, value)
    try:
      description = topologies.get_topology_desc(
        topology_name=self.name, platform='tpu'
      )
    except (RuntimeError, ValueError, NotImplementedError) as error:
      raise BadInput(
        f'the TPU compiler knows no slice {self.name!r} ({error}); use a '
        'shape that is sold, such as v5e:4x4 or v5p:4x4x4'
      ) from error
    return list(description.devices)


def parse_topology(name: str) -> Topology:
  """Reads 'v5e:4x4', 'v5p:4x4x4', 'v6e:8x8', ...

  Raises:
    BadInput: when it names no kind of chip and shape.
  """
  kind, _, sizes = name.partition(':')
  if kind not in CHIPS:
    raise BadInput(
      f'--topology {name!r} names no chip that is known; use one of '
      f'{", ".join(CHIPS)}, such as v5e:4x4'
    )
  chip = CHIPS[kind]
  if not re.fullmatch('x'.join([r'[1-9]\d{0,2}'] * chip.n_axes), sizes):
    raise BadInput(
      f'--topology {name!r} has no shape of {chip.n_axes} axes; write '
      f'{kind}:{"x".join(["4"] * chip.n_axes)}'
    )
  return Topology(name=name, chip=chip, shape=tuple(map(int, sizes.split('x'))))
