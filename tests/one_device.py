"""Processes of their own, without the eight devices that tests pretend."""

import os


def environment() -> dict[str, str]:
  """That of the tests, for a process that sees one CPU device."""
  flags = os.environ['XLA_FLAGS'].split()
  flags = [flag for flag in flags if 'device_count' not in flag]
  return {**os.environ, 'XLA_FLAGS': ' '.join(flags)}
