"""Two processes of one run."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.train.linear_task import final_params, train
from vtg_jax.train.log import read_json_lines

ROOT = Path(__file__).resolve().parents[2]


def start_two(folder, *arguments, **environment):
  """Starts the processes, each with two pretended devices."""
  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
  return [
    subprocess.Popen(
      [sys.executable, '-m', 'tests.train.linear_task', folder, *arguments],
      cwd=ROOT,
      env={
        **os.environ,
        'XLA_FLAGS': '--xla_force_host_platform_device_count=2',
        'JAX_COORDINATOR_ADDRESS': f'127.0.0.1:{port}',
        'JAX_NUM_PROCESSES': '2',
        'JAX_PROCESS_ID': str(i),
        **environment,
      },
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
    )
    for i in range(2)
  ]


def last_lines(processes):
  try:
    said = [process.communicate(timeout=300)[0] for process in processes]
  finally:
    for process in processes:
      process.kill()
  assert [p.returncode for p in processes] == [0, 0], '\n'.join(said)
  return [text.splitlines()[-1] for text in said]


def test_two_processes_are_told_to_stop_go_on_and_end_as_one(tmp_path):
  folder, mesh = tmp_path / 'two', 'mesh={"data": 2, "fsdp": 2, "tensor": 1}'
  ends = last_lines(start_two(folder, mesh, TERM_AT='4'))
  assert ends[0] == ends[1] and ends[0].endswith('0 SIGTERM')
  step = int(ends[0].split()[1])
  assert 0 < step < 12
  ends = last_lines(start_two(folder, mesh))
  assert ends == [f'ended 12 {step} None'] * 2

  train(tmp_path / 'one', mesh={'data': 2, 'fsdp': 4, 'tensor': 1})
  losses, expected = (
    [line['loss'] for line in read_json_lines(tmp_path / name / 'log.jsonl')]
    for name in ('two', 'one')
  )
  np.testing.assert_allclose(losses, expected, atol=1e-5)
  one, two = final_params(tmp_path / 'one'), final_params(folder)
  for name, array in one.items():
    np.testing.assert_allclose(two[name], array, atol=1e-5)
