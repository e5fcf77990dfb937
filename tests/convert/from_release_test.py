import os
import shutil
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from tests.convert.small_model import EXPECTED, Shape, convert, released, save
from vtg_jax.convert.checkpoint import load_params
from vtg_jax.convert.from_release import convert_release
from vtg_jax.convert.new_folder import new_folder
from vtg_jax.convert.table import Table
from vtg_jax.errors import BadInput


def entries(folder):
  return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_named_and_nothing_is_left(
  tmp_path, value
):
  tensors = released()
  for key in ('net.queries', 'net.blocks.2.fc.weight'):
    tensors[key][..., 1] = value
  path = save(tmp_path / 'a.safetensors', tensors)
  with pytest.raises(BadInput, match='in net.blocks.2.fc.weight, net.queries;'):
    convert([path], tmp_path / 'ours')
  assert entries(tmp_path) == ['a.safetensors']


def test_a_nan_in_the_rows_that_are_dropped_does_no_harm(tmp_path):
  tensors = released()
  tensors['net.embed.weight'][6:] = np.nan
  convert([save(tmp_path / 'a.safetensors', tensors)], tmp_path / 'ours')


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_conversion_leaves_nothing(tmp_path, error):
  path = save(tmp_path / 'a.safetensors', released())

  def progress(name, done, total):
    if done > total // 2:
      raise error

  with pytest.raises(error):
    convert([path], tmp_path / 'ours', progress=progress)
  assert entries(tmp_path) == ['a.safetensors']


_CONVERT = (
  'import sys; from tests.convert.small_model import convert;'
  'from pathlib import Path; folder = Path(sys.argv[1]);'
)


def run_python(code, folder):
  environment = os.environ | {'JAX_PLATFORMS': 'cpu'}
  return subprocess.Popen(
    [sys.executable, '-c', _CONVERT + code, str(folder)],
    env=environment,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def test_ctrl_c_leaves_nothing(tmp_path):
  save(tmp_path / 'a.safetensors', released())
  code = (
    # Whoever runs the tests may ignore Ctrl-C, and a child inherits that.
    'import signal, time\n'
    'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
    'def slow(*_):\n'
    '  print("writing", flush=True); time.sleep(60)\n'
    'convert([folder / "a.safetensors"], folder / "ours", progress=slow)'
  )
  process = run_python(code, tmp_path)
  assert process.stdout.readline() == 'writing\n'
  assert any('partial' in name for name in entries(tmp_path))
  process.send_signal(signal.SIGINT)
  assert 'KeyboardInterrupt' in process.communicate(timeout=30)[1]
  assert entries(tmp_path) == ['a.safetensors']


@pytest.mark.parametrize('step', ['convert', 'export'])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, step):
  """The limit on file size stands in for a disk that fills up."""
  tensors = released()
  tensors['net.embed.weight'] = np.ones((6, 50_000), np.float32)
  expected = EXPECTED | {'embed/embedding': Shape((6, 50_000))}
  save(tmp_path / 'a.safetensors', tensors)
  if step == 'export':
    convert([tmp_path / 'a.safetensors'], tmp_path / 'ours', expected=expected)
  before = entries(tmp_path)
  code = (
    'import resource, signal, vtg_jax.errors\n'
    'signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n'
    'resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n'
    'from tests.convert.small_model import EXPECTED, Shape, TABLE\n'
    'from vtg_jax.convert.to_release import export_release\n'
    'expected = EXPECTED | {"embed/embedding": Shape((6, 50_000))}\n'
    'try:\n'
    + (
      '  convert([folder / "a.safetensors"], folder / "out",'
      ' expected=expected)\n'
      if step == 'convert'
      else '  export_release(folder / "ours", TABLE, folder / "out")\n'
    )
    + 'except vtg_jax.errors.BadInput as error: print(error)'
  )
  out, err = run_python(code, tmp_path).communicate()
  assert 'disk has no room' in out and out.count('\n') == 1, err
  assert entries(tmp_path) == before


def test_too_little_room_is_told_before_anything_is_written(
  tmp_path, monkeypatch
):
  path = save(tmp_path / 'a.safetensors', released())
  usage = shutil.disk_usage(tmp_path)._replace(free=10)
  monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage)
  with pytest.raises(BadInput, match='disk has no room .* GB are needed'):
    convert([path], tmp_path / 'ours')
  assert entries(tmp_path) == ['a.safetensors']


def test_memory_stays_near_one_layer(tmp_path):
  n_layers, layer = 24, (256, 512)
  tensors = released()
  for key in [key for key in tensors if '.blocks.' in key]:
    del tensors[key]
  expected = {k: s for k, s in EXPECTED.items() if not k.startswith('layers')}
  expected['layers/fc/kernel'] = Shape((n_layers, *layer))
  weight = np.ones(layer[::-1], np.float32)
  for n in range(n_layers):
    tensors[f'net.blocks.{n}.fc.weight'] = weight
  path = save(tmp_path / 'a.safetensors', tensors)
  convert([path], tmp_path / 'warm', expected=expected)  # imports
  tracemalloc.start()
  convert([path], tmp_path / 'ours', expected=expected)
  peak = tracemalloc.get_traced_memory()[1]
  tracemalloc.stop()
  # The tensor as read, its transpose, and small things of Orbax.
  assert peak < 4 * weight.nbytes < n_layers * weight.nbytes / 5


def test_a_checkpoint_of_ours_is_replaced_only_when_asked(tmp_path):
  first = save(tmp_path / 'a.safetensors', released(seed=1))
  second = save(tmp_path / 'b.safetensors', released(seed=2))
  convert([first], tmp_path / 'ours')
  with pytest.raises(BadInput, match='not empty'):
    convert([second], tmp_path / 'ours')
  old = load_params(tmp_path / 'ours')['queries']
  convert([second], tmp_path / 'ours', overwrite=True)
  new = load_params(tmp_path / 'ours')['queries']
  assert (old != new).any()
  assert entries(tmp_path) == ['a.safetensors', 'b.safetensors', 'ours']


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
  path = save(tmp_path / 'a.safetensors', released())
  (tmp_path / 'photos').mkdir()
  (tmp_path / 'photos' / 'cat.jpg').write_bytes(b'x')
  with pytest.raises(BadInput, match='something else'):
    convert([path], tmp_path / 'photos', overwrite=True)
  assert entries(tmp_path / 'photos') == ['cat.jpg']


def test_an_empty_folder_is_taken_over_and_a_file_is_not(tmp_path):
  path = save(tmp_path / 'a.safetensors', released())
  (tmp_path / 'ours').mkdir()
  convert([path], tmp_path / 'ours')
  with pytest.raises(BadInput, match='not a folder; choose another name'):
    convert([path], path)
  with pytest.raises(BadInput, match='create it first'):
    convert([path], tmp_path / 'no' / 'ours')


def test_sources_inside_the_new_folder_are_refused(tmp_path):
  inside = tmp_path / 'ours' / 'src.safetensors'
  inside.parent.mkdir()
  inside.write_bytes(b'')
  with pytest.raises(BadInput, match='would be replaced'):
    convert_release([inside], Table(()), {}, {}, {}, tmp_path / 'ours')
  assert inside.exists()


def test_what_comes_to_the_place_meanwhile_is_kept(tmp_path):
  out = tmp_path / 'out'
  with pytest.raises(BadInput, match='not empty'), new_folder(out) as folder:
    (folder / 'new').touch()
    out.mkdir()
    (out / 'precious').touch()
  assert [p.name for p in tmp_path.iterdir()] == ['out']
  assert (out / 'precious').exists()
