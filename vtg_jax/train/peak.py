"""What the devices could do at most."""

import jax

# jax's device_kind, lower case, by its beginning: dense bf16 operations a
# second of one device. Source: the vendors' data sheets.
PEAKS = {
  'nvidia b200': 2.25e15,
  'nvidia h200': 989e12,
  'nvidia h100 pcie': 756e12,
  'nvidia h100': 989e12,
  'nvidia a100': 312e12,
  'nvidia l40s': 362e12,
  'nvidia l4': 121e12,
  'tpu v4': 275e12,
  'tpu v5 lite': 197e12,
  'tpu v5e': 197e12,
  'tpu v5p': 459e12,
  'tpu v5': 459e12,
  'tpu v6 lite': 918e12,
  'tpu v6e': 918e12,
}


def peak_flops(device: jax.Device) -> float | None:
  """Returns a device's peak in bf16 operations a second; None if unknown."""
  kind = device.device_kind.lower()
  return next(
    (peak for name, peak in PEAKS.items() if kind.startswith(name)), None
  )
