"""One mesh, and one table of which logical axis lies along which mesh axis.

data    copies of the model, each with its own samples
fsdp    samples again, and weights cut along their width
tensor  heads, hidden units and words of one sample on several devices
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import mesh_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from vtg_jax.errors import BadInput

MESH_AXES = ('data', 'fsdp', 'tensor')

# Logical axis -> mesh axes. An axis that lies along some mesh axis must divide
# by it, but for those of MAY_STAY_WHOLE; what is too small to be worth cutting
# is whole by its name here.
RULES: Mapping[str, tuple[str, ...]] = {
  'batch': ('data', 'fsdp'),
  'embed': ('fsdp',),
  'heads': ('tensor',),
  'kv_heads': ('tensor',),
  'mlp': ('tensor',),
  'vocab': ('tensor',),
  # The rank of a wide adapter whose other axis does not lie along fsdp.
  'wide_lora': ('fsdp',),
  # Whole everywhere.
  'adapter': (),
  'labels': (),
  'layers': (),
  'lora': (),
  'norm': (),
  'patch': (),
  'positions': (),
  'queries': (),
  'words': (),  # 30523 words of the Q-Former divide by nothing useful
}

# Cut where they divide, and whole elsewhere: a released vocabulary divides by
# little (32366 words are 2 * 16183), and a rank is no reason for a mesh.
MAY_STAY_WHOLE = frozenset({'vocab', 'wide_lora'})


def make_mesh(
  data: int = -1,
  fsdp: int = 1,
  tensor: int = 1,
  *,
  devices: Sequence[jax.Device] | None = None,
) -> Mesh:
  """A mesh over all devices; axes are Auto, so the compiler moves the data.

  Args:
    data: Copies of the model; -1 takes the devices that the others leave.
    fsdp: Ways in which weights and samples are cut.
    tensor: Ways in which each layer's products are cut.
    devices: Those to use; all of all processes when None.

  Raises:
    BadInput: when the sizes do not multiply to the number of devices.
  """
  devices = jax.devices() if devices is None else list(devices)
  n = len(devices)
  if data == -1 and fsdp > 0 and tensor > 0:
    data = n // (fsdp * tensor)
  sizes = (data, fsdp, tensor)
  if min(sizes) < 1 or np.prod(sizes) != n:
    raise BadInput(
      f'a mesh of data={data}, fsdp={fsdp}, tensor={tensor} does not fit '
      f'{n} devices; choose sizes of which the product is {n}'
    )
  # An axis of 8 on a slice of 4 x 4 x 4 is a part of two of its axes.
  placed = mesh_utils.create_device_mesh(
    sizes, devices, allow_split_physical_axes=True
  )
  return Mesh(placed, MESH_AXES, (AxisType.Auto,) * len(sizes))


def partition_spec(
  names: Sequence[str | None],
  shape: Sequence[int],
  mesh: Mesh,
  what: str,
) -> PartitionSpec:
  """Where an array with these logical axes lies.

  Args:
    names: A logical name an axis; None for one that stays whole.
    shape: Its size along each.
    mesh: From `make_mesh`.
    what: What the array is called in a complaint.

  Raises:
    BadInput: a size that does not divide; the message names mesh sizes that
      would do.
    ValueError: an unknown name, or two axes along one mesh axis.
  """
  entries, used = [], set()
  for name, size in zip(names, shape, strict=True):
    if name is not None and name not in RULES:
      raise ValueError(f'{what}: {name!r} is no logical axis of {set(RULES)}')
    along = RULES[name] if name is not None else ()
    if used & set(along):
      raise ValueError(f'{what}: two of the axes {names} lie along {along}')
    used |= set(along)
    ways = int(np.prod([mesh.shape[axis] for axis in along], dtype=int))
    if size % ways and name in MAY_STAY_WHOLE:
      along = ()
    elif size % ways:
      joined = ' x '.join(along)
      fits = [n for n in range(1, min(size, 1024) + 1) if size % n == 0]
      raise BadInput(
        f'{what}: {name} of size {size} does not divide by {joined} = {ways}; '
        f'use {joined} of {", ".join(map(str, fits))}'
      )
    entries.append(along[0] if len(along) == 1 else along or None)
  return PartitionSpec(*entries)


def param_shardings(axes: Any, shapes: Any, mesh: Mesh) -> Any:
  """Where each parameter lies.

  Args:
    axes: Dict, nested or by path, of tuples of logical names.
    shapes: The same dict of what has a `shape`.
    mesh: From `make_mesh`.

  Returns:
    The same dict of shardings.

  Raises:
    BadInput: naming the first parameter that the mesh does not divide.
  """

  def one(path, names, leaf):
    what = '/'.join(str(entry.key) for entry in path)
    spec = partition_spec(names, leaf.shape, mesh, what)
    return NamedSharding(mesh, spec)

  return jax.tree_util.tree_map_with_path(
    one, axes, shapes, is_leaf=lambda x: isinstance(x, tuple)
  )


def activation_layout(mesh: Mesh):
  """What `nn.constrain.laid_out` asks for: names and shape -> sharding."""

  def layout(names, shape):
    spec = partition_spec(names, shape, mesh, f'an activation {shape}')
    return NamedSharding(mesh, spec)

  return layout


def replicated(mesh: Mesh) -> NamedSharding:
  """Whole on every device."""
  return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
  """Samples over data and fsdp, all else of a batch whole."""
  return NamedSharding(mesh, PartitionSpec(RULES['batch']))


def place(tree: Any, shardings: Any) -> Any:
  """Host arrays that every process holds whole, as arrays over the mesh.

  Args:
    tree: Any tree of NumPy or JAX arrays.
    shardings: The same tree of shardings.
  """

  def one(x, sharding):
    if sharding.is_fully_addressable:
      return jax.device_put(x, sharding)
    x = np.asarray(x)
    return jax.make_array_from_callback(x.shape, sharding, lambda i: x[i])

  return jax.tree.map(one, tree, shardings)


def global_batch(
  batch: Mapping[str, np.ndarray], mesh: Mesh
) -> dict[str, jax.Array]:
  """The samples of all processes as one batch over the mesh.

  Args:
    batch: This process's samples, `n_batch / process_share(mesh)[1]` of them.
    mesh: From `make_mesh`.

  Raises:
    BadInput: when the samples do not divide over the devices.
  """
  sharding = batch_sharding(mesh)
  ways, (_, n_shares) = batch_ways(mesh), process_share(mesh)
  for name, array in batch.items():
    if len(array) * n_shares % ways:
      raise BadInput(
        f'{name}: a batch of {len(array) * n_shares} does not divide by data '
        f'x fsdp = {ways}; use a multiple of {ways}'
      )
  return {
    name: jax.make_array_from_process_local_data(
      sharding, np.asarray(array), (len(array) * n_shares, *array.shape[1:])
    )
    for name, array in batch.items()
  }


def batch_ways(mesh: Mesh) -> int:
  """In how many parts a batch is cut."""
  return int(np.prod([mesh.shape[axis] for axis in RULES['batch']]))


def process_share(mesh: Mesh) -> tuple[int, int]:
  """Which share of every batch this process loads, and of how many.

  Processes whose devices lie along `tensor` hold the same samples, and must
  load the same.

  Raises:
    BadInput: when the processes' samples overlap in part.
  """
  ways = batch_ways(mesh)
  indices = batch_sharding(mesh).devices_indices_map((ways,))
  held: dict[int, set[int]] = {}
  for device, (rows,) in indices.items():
    held.setdefault(device.process_index, set()).add(rows.start or 0)
  shares = _distinct(tuple(sorted(rows)) for rows in held.values())
  if sum(map(len, shares)) != ways or len(set(map(len, shares))) != 1:
    raise BadInput(
      f'the mesh {dict(mesh.shape)} gives the processes overlapping samples; '
      'use a tensor size that divides, or is a multiple of, the devices of a '
      'process'
    )
  mine = tuple(sorted(held[jax.process_index()]))
  return shares.index(mine), len(shares)


def _distinct(shares: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
  return sorted(set(shares))
