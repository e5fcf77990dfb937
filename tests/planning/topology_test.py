import importlib.util

import pytest

from vtg_jax import sharding
from vtg_jax.errors import BadInput
from vtg_jax.planning.topology import CHIPS, parse_topology


@pytest.mark.parametrize(
  ('name', 'n_chips', 'gigabytes'),
  [
    ('v5e:4x4', 16, 16),
    ('v5e:16x16', 256, 16),
    ('v5p:4x4x4', 64, 95),
    ('v6e:8x8', 64, 32),
  ],
)
def test_a_name_tells_chips_and_memory(name, n_chips, gigabytes):
  topology = parse_topology(name)
  assert topology.n_chips == n_chips
  assert topology.chip.memory_bytes == gigabytes * 10**9


@pytest.mark.parametrize(
  ('name', 'said'),
  [
    ('', 'v5e, v5p, v6e'),
    ('v9z:4x4', 'v5e, v5p, v6e'),
    ('v5e', 'v5e:4x4'),
    ('v5e:4', 'v5e:4x4'),
    ('v5e:4x4x4', 'v5e:4x4'),
    ('v5p:4x4', 'v5p:4x4x4'),
    ('v5e:0x4', 'v5e:4x4'),
    ('v5e:4x-4', 'v5e:4x4'),
    ('v5e:4x4 ', 'v5e:4x4'),
  ],
)
def test_another_name_is_refused_with_one_that_works(name, said):
  with pytest.raises(BadInput, match='--topology') as refused:
    parse_topology(name)
  assert said in str(refused.value)


def test_without_the_compiler_the_extra_is_named(monkeypatch):
  found = importlib.util.find_spec
  monkeypatch.setattr(
    importlib.util, 'find_spec', lambda n: None if n == 'libtpu' else found(n)
  )
  with pytest.raises(BadInput, match=r"pip install 'vtg-jax\[tpu\]'"):
    parse_topology('v5e:4x4').devices()


@pytest.mark.tpu_aot
def test_devices_are_as_many_as_the_chips_and_know_their_kind():
  for kind, shape in (('v5e', '4x4'), ('v5p', '2x2x2'), ('v6e', '2x2')):
    topology = parse_topology(f'{kind}:{shape}')
    devices = topology.devices()
    assert len(devices) == topology.n_chips
    assert {d.platform for d in devices} == {'tpu'}


@pytest.mark.tpu_aot
def test_a_slice_that_is_not_sold_is_refused():
  with pytest.raises(BadInput, match='v5e:3x3'):
    parse_topology('v5e:3x3').devices()


@pytest.mark.tpu_aot
def test_peaks_are_those_of_the_training_loop():
  from vtg_jax.train.peak import peak_flops

  for kind, shape in (('v5e', '2x2'), ('v5p', '2x2x1'), ('v6e', '2x2')):
    device = parse_topology(f'{kind}:{shape}').devices()[0]
    assert CHIPS[kind].flops_per_s == peak_flops(device)


@pytest.mark.tpu_aot
def test_a_mesh_may_split_the_axes_of_a_slice():
  devices = parse_topology('v5p:4x4x4').devices()
  mesh = sharding.make_mesh(tensor=8, devices=devices)
  assert dict(mesh.shape) == {'data': 8, 'fsdp': 1, 'tensor': 8}
