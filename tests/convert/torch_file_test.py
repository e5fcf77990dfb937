import builtins
import collections
import os
import pickle

import numpy as np
import pytest

from tests.convert.small_model import TABLE, convert, released, save
from vtg_jax.convert import torch_file
from vtg_jax.convert.checkpoint import load_params
from vtg_jax.convert.readers import open_source
from vtg_jax.convert.to_release import export_release
from vtg_jax.errors import BadInput

needs_torch = pytest.mark.torch


class Exploit:
  """A pickle that leaves a file behind when it is executed."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return os.mkdir, (str(self.path),)


@needs_torch
@pytest.mark.parametrize('new_format', [True, False])
@pytest.mark.parametrize('wrapped', [True, False])
def test_tensors_come_back_bit_for_bit(tmp_path, new_format, wrapped):
  import torch

  base = torch.randn(6, 4)
  state = collections.OrderedDict(
    half=base.half(),
    brain=base.bfloat16(),
    turned=base.T,
    shared=base[2:],
    count=torch.arange(3),
    scalar=torch.tensor(2.0),
    param=torch.nn.Parameter(base),
  )
  path = tmp_path / 'a.pth'
  torch.save(
    {'model': state, 'epoch': 3} if wrapped else state,
    path,
    _use_new_zipfile_serialization=new_format,
  )
  source = open_source(path)
  assert list(source.tensors) == list(state)
  for key, tensor in state.items():
    array = source.read(key)
    assert array.shape == tuple(tensor.shape)
    bits = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
    assert array.tobytes() == bits.tobytes(), key


@needs_torch
def test_a_dict_a_module_is_read_with_the_modules_name(tmp_path):
  import torch

  modules = {
    'projector': {'fc.weight': torch.randn(2, 3)},
    'language_model': {'a.b': torch.randn(4)},
  }
  torch.save({'model': modules}, tmp_path / 'a.pth')
  source = open_source(tmp_path / 'a.pth')
  assert list(source.tensors) == ['projector.fc.weight', 'language_model.a.b']
  np.testing.assert_array_equal(
    source.read('language_model.a.b'), modules['language_model']['a.b']
  )


@needs_torch
def test_the_map_is_renewed_without_changing_what_is_read(
  tmp_path, monkeypatch
):
  import torch

  monkeypatch.setattr(torch_file, '_MAPPED_BYTES', 10)
  state = {str(n): torch.randn(8) for n in range(4)}
  torch.save(state, tmp_path / 'a.bin')
  source = open_source(tmp_path / 'a.bin')
  for key, tensor in state.items():
    np.testing.assert_array_equal(source.read(key), tensor.numpy())


@needs_torch
@pytest.mark.parametrize('new_format', [True, False])
def test_a_malicious_pickle_is_refused_and_never_executed(tmp_path, new_format):
  import torch

  proof = tmp_path / 'executed'
  path = tmp_path / 'a.pth'
  torch.save(
    {'w': torch.ones(2), 'x': Exploit(proof)},
    path,
    _use_new_zipfile_serialization=new_format,
  )
  with pytest.raises(BadInput, match='pickles are never executed'):
    open_source(path)
  bare = tmp_path / 'bare.bin'
  bare.write_bytes(pickle.dumps(Exploit(proof)))
  with pytest.raises(BadInput):
    open_source(bare)
  assert not proof.exists()


@needs_torch
def test_a_damaged_file_is_bad_input(tmp_path):
  import torch

  path = tmp_path / 'a.pth'
  torch.save({'w': torch.ones(300)}, path)
  whole = path.read_bytes()
  for content in (b'', b'PK\x03\x04', whole[: len(whole) // 2], b'x' * 99):
    path.write_bytes(content)
    with pytest.raises(BadInput, match=str(path)):
      open_source(path)


@needs_torch
@pytest.mark.parametrize('content', ['list', 'number', 'sparse', 'complex'])
def test_values_that_are_no_dense_tensors_are_named(tmp_path, content):
  import torch

  value = {
    'list': [torch.ones(2)],
    'number': {'w': 3},
    'sparse': {'w': torch.eye(3).to_sparse()},
    'complex': {'w': torch.ones(2, dtype=torch.complex64)},
  }[content]
  torch.save(value, tmp_path / 'a.pth')
  with pytest.raises(BadInput, match='list instead of|under w'):
    open_source(tmp_path / 'a.pth')


LAYOUTS = {
  'flat': ('small.pth', lambda state: state),
  'under model': ('small.pt', lambda state: {'model': state}),
  'a table a module': (
    'small.pth',
    lambda state: {
      'model': {'net': {k.removeprefix('net.'): x for k, x in state.items()}}
    },
  ),
}


@needs_torch
@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_pth_comes_back_as_it_was_and_as_safetensors(tmp_path, layout):
  import torch

  name, nested = LAYOUTS[layout]
  state = {k: torch.from_numpy(a) for k, a in released(np.float16).items()}
  told = nested(state)
  # What is beside the model is none of its tensors.
  torch.save(told | ({'epoch': 1} if 'model' in told else {}), tmp_path / name)
  convert([tmp_path / name], tmp_path / 'ours')
  written = export_release(
    tmp_path / 'ours', TABLE, tmp_path / 'back', as_pth=True
  )
  assert [p.name for p in written] == ['small.safetensors', name]
  again = torch.load(written[1], weights_only=True)
  want, got = (dict(torch_file._flat(x)) for x in (told, again))
  assert list(got) == list(want)
  source = open_source(written[0])
  assert set(source.tensors) == set(state)
  for names, tensor in want.items():
    assert got[names].dtype == tensor.dtype and torch.equal(got[names], tensor)
  for key, tensor in state.items():
    np.testing.assert_array_equal(source.read(key), tensor.numpy())


@needs_torch
def test_two_tensors_of_one_name_are_refused(tmp_path):
  import torch

  twins = {'a.b': torch.ones(1), 'a': {'b': torch.ones(1)}}
  torch.save(twins, tmp_path / 'a.pth')
  with pytest.raises(BadInput, match='two of one name, under a.b'):
    open_source(tmp_path / 'a.pth')


def test_without_torch_the_extra_is_named(tmp_path, monkeypatch):
  real_import = builtins.__import__

  def no_torch(name, *args, **kwargs):
    if name == 'torch':
      raise ImportError(name)
    return real_import(name, *args, **kwargs)

  monkeypatch.setattr(builtins, '__import__', no_torch)
  (tmp_path / 'a.pth').write_bytes(b'PK\x03\x04')
  remedy = pytest.raises(BadInput, match=r'pip install "vtg-jax\[torch\]"')
  with remedy:
    open_source(tmp_path / 'a.pth')
  path = save(tmp_path / 'small.safetensors', released())
  convert([path], tmp_path / 'ours')
  assert load_params(tmp_path / 'ours')['queries'].shape == (5, 4)
  with remedy:
    export_release(tmp_path / 'ours', TABLE, tmp_path / 'back', as_pth=True)
  assert not (tmp_path / 'back').exists()
