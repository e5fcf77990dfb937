"""Full-size HawkEye with its 7B base, converted and exported: memory, time.

The files are filled from one random block, laid out as released: hawkeye.pth
in float32 (safetensors where torch is missing), the base as a Hugging Face
folder of two float16 shards with 32001 rows. Each direction runs in a process
of its own whose peak resident memory is read at its end. Needs 48 GB of disk.

    python -m benchmarks.conversion [--folder /big/disk]
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from vtg_jax.convert.engine import canonical_tensors
from vtg_jax.convert.from_release import convert_release
from vtg_jax.convert.hawkeye import hawkeye_table
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import open_source
from vtg_jax.convert.safetensors_file import write_safetensors
from vtg_jax.convert.tensor_file import DTYPES, TensorInfo
from vtg_jax.convert.to_release import export_release
from vtg_jax.convert.torch_file import write_torch
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.memory import peak_mib

TARGET_GB = 6.0
_LIVE = 'llama_model.base_model.model.'
_BLOCK_ITEMS = 1 << 22
_BASE_SHARDS = 2


def measure(folder: Path | None = None) -> dict:
  """Returns peak memory (GB) and wall time (s) of both directions.

  Args:
    folder: where to make the files, removed afterwards; None takes the
      system's temporary folder.
  """
  with tempfile.TemporaryDirectory(dir=folder) as name:
    root = Path(name)
    _run('make', root)
    result = {
      'convert': _run('convert', root),
      'export': _run('export', root),
    }
    result['identical'] = _is_identical(root)
    result['source_gb'] = round(_n_bytes(root / 'released') / 1e9, 2)
  result['target_gb'] = TARGET_GB
  return result


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  measured = [
    (
      f'{step} HawkEye + 7B, {result["source_gb"]:.1f} GB: peak memory',
      f'{result[step]["peak_gb"]:.2f} GB in {result[step]["seconds"]:.0f} s',
      f'< {result["target_gb"]:.0f} GB',
    )
    for step in ('convert', 'export')
  ]
  identical = 'bit-identical' if result['identical'] else 'differs'
  return [*measured, ('files after convert and export', identical, 'the same')]


def _run(step: str, root: Path) -> dict:
  """Runs one step in a fresh process and returns what it measured."""
  command = [sys.executable, '-m', 'benchmarks.conversion', '--step', step]
  done = subprocess.run(
    [*command, '--folder', str(root)],
    check=True,
    stdout=subprocess.PIPE,
    text=True,
  )
  return json.loads(done.stdout.splitlines()[-1])


def _step(step: str, root: Path) -> dict:
  begin = time.perf_counter()
  if step == 'make':
    _make(root / 'released')
  elif step == 'convert':
    _convert(root)
  else:
    export_release(root / 'ours', _table(), root / 'exported')
  seconds = time.perf_counter() - begin
  return {'seconds': round(seconds, 1), 'peak_gb': round(_peak_gb(), 2)}


def _table():
  return hawkeye_table(patch=(1, 16, 16))


def _expected() -> dict:
  from vtg_jax.systems.hawkeye import config, model

  return flatten(model.param_shapes(config.full()))


def _convert(root: Path) -> None:
  released = root / 'released'
  convert_release(
    [released / 'vicuna-7b-v0', next(released.glob('hawkeye.*'))],
    _table(),
    _expected(),
    {'system': 'hawkeye'},
    {},
    root / 'ours',
  )


def _make(released: Path) -> None:
  """Writes the released files, filled from one random block."""
  shapes = {path: leaf.shape for path, leaf in _expected().items()}
  base, rest = {}, {'qformer.bert.embeddings.position_ids': ('I64', (1, 512))}
  for key, _, shape in canonical_tensors(shapes, _table()):
    if key.startswith(_LIVE) and '.lora_' not in key:
      name = key.removeprefix(_LIVE)
      if name in ('model.embed_tokens.weight', 'lm_head.weight'):
        shape = (shape[0] + 1, *shape[1:])  # the padding row of Vicuna v0
      base[name] = TensorInfo('F16', shape)
    else:
      rest[key] = ('F32', shape)
  rest = {key: TensorInfo(*header) for key, header in rest.items()}
  (released / 'vicuna-7b-v0').mkdir(parents=True)
  _make_shards(released / 'vicuna-7b-v0', base)
  path = released / 'hawkeye.safetensors'
  write_safetensors(path, rest, _random_arrays(rest), {'format': 'pt'})
  try:
    write_torch(path.with_suffix('.pth'), path)
  except BadInput:
    return
  path.unlink()


def _make_shards(folder: Path, tensors: Mapping[str, TensorInfo]) -> None:
  keys = sorted(tensors)
  size = -(-len(keys) // _BASE_SHARDS)
  weight_map = {}
  for number in range(_BASE_SHARDS):
    part = {k: tensors[k] for k in keys[number * size : (number + 1) * size]}
    name = f'model-{number + 1:05}-of-{_BASE_SHARDS:05}.safetensors'
    weight_map |= dict.fromkeys(part, name)
    write_safetensors(
      folder / name, part, _random_arrays(part), {'format': 'pt'}
    )
  index = {'metadata': {}, 'weight_map': weight_map}
  (folder / 'model.safetensors.index.json').write_text(json.dumps(index))


def _random_arrays(tensors: Mapping[str, TensorInfo]) -> Iterator[np.ndarray]:
  rng = np.random.default_rng(0)
  block = rng.normal(0, 0.02, _BLOCK_ITEMS).astype(np.float32)
  for info in tensors.values():
    first = int(rng.integers(_BLOCK_ITEMS))
    array = np.resize(np.roll(block, first), info.shape)
    yield array.astype(DTYPES[info.dtype])


def _is_identical(root: Path) -> bool:
  """Returns whether the exported tensors are the released ones, bit for bit."""
  pairs = [
    ('vicuna-7b-v0', 'vicuna-7b-v0'),
    (next((root / 'released').glob('hawkeye.*')).name, 'hawkeye.safetensors'),
  ]
  for before, after in pairs:
    old = open_source(root / 'released' / before)
    new = open_source(root / 'exported' / after)
    if old.tensors != new.tensors:
      return False
    for key in old.tensors:
      if old.read(key).tobytes() != new.read(key).tobytes():
        return False
  return True


def _n_bytes(folder: Path) -> int:
  return sum(p.stat().st_size for p in folder.rglob('*') if p.is_file())


def _peak_gb() -> float:
  """Returns the peak resident memory of this process so far."""
  return (peak_mib() or math.nan) * 2**20 / 1e9


def main() -> None:
  """Measures, or runs one step of it in this process."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--folder', type=Path, help='a folder with 48 GB free')
  parser.add_argument('--step', choices=('make', 'convert', 'export'))
  args = parser.parse_args()
  if args.step:
    print(json.dumps(_step(args.step, args.folder)))
    return
  result = measure(args.folder)
  for what, measured, target in rows(result):
    print(f'{what}: {measured} (target: {target})')


if __name__ == '__main__':
  main()
