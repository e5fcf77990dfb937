import dataclasses

import jax
import pytest

from vtg_jax.train.peak import peak_flops


@dataclasses.dataclass
class Device:
  device_kind: str


@pytest.mark.parametrize(
  ('kind', 'peak'),
  [
    ('NVIDIA H100 80GB HBM3', 989e12),
    ('NVIDIA H100 PCIe', 756e12),
    ('NVIDIA A100-SXM4-80GB', 312e12),
    ('NVIDIA L4', 121e12),
    ('NVIDIA L40S', 362e12),
    ('TPU v5 lite', 197e12),
    ('TPU v5', 459e12),
    ('TPU v5p', 459e12),
    ('TPU v6 lite', 918e12),
    ('TPU v4', 275e12),
    ('something new', None),
  ],
)
def test_a_device_is_known_by_its_kind(kind, peak):
  assert peak_flops(Device(kind)) == peak


def test_a_cpu_has_no_peak():
  assert peak_flops(jax.devices('cpu')[0]) is None
