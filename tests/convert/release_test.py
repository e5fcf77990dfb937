import json

import ml_dtypes
import numpy as np
import pytest

from tests.convert.small_model import (
  CONFIG,
  EXPECTED,
  TABLE,
  convert,
  released,
  save,
)
from vtg_jax.convert.checkpoint import load_params, save_checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import open_source
from vtg_jax.convert.to_release import export_release
from vtg_jax.errors import BadInput


@pytest.mark.parametrize(
  'dtype', [np.float16, ml_dtypes.bfloat16, np.float32, np.float64]
)
def test_export_writes_the_file_that_convert_read(tmp_path, dtype):
  path = save(tmp_path / 'a b.safetensors', released(dtype), {'format': 'pt'})
  convert([path], tmp_path / 'ours')
  params = flatten(load_params(tmp_path / 'ours'))
  assert {k: a.shape for k, a in params.items()} == {
    k: s.shape for k, s in EXPECTED.items()
  }
  assert {a.dtype for a in params.values()} == {np.dtype(dtype)}
  (written,) = export_release(tmp_path / 'ours', TABLE, tmp_path / 'back')
  assert written == tmp_path / 'back' / 'a b.safetensors'
  assert written.read_bytes() == path.read_bytes()


def test_mixed_types_come_back_bit_for_bit(tmp_path):
  tensors = released(np.float16)
  key = 'net.blocks.1.fc.weight'
  tensors[key] = tensors[key].astype(ml_dtypes.bfloat16)
  path = save(tmp_path / 'a.safetensors', tensors)
  convert([path], tmp_path / 'ours')
  (written,) = export_release(tmp_path / 'ours', TABLE, tmp_path / 'back')
  assert written.read_bytes() == path.read_bytes()


def split(tmp_path):
  """A base folder of two shards, an early stage and a release on top."""
  tensors = released(np.float16)
  base = tmp_path / 'base'
  base.mkdir()
  names = [f'net.blocks.{n}.fc.weight' for n in range(3)]
  parts = [names[:2], names[2:]]
  for number, part in enumerate(parts, 1):
    save(
      base / f'model-{number:05}-of-00002.safetensors',
      {k.removeprefix('net.'): tensors.pop(k) for k in part},
      {'format': 'pt'},
    )
  (base / 'config.json').write_text('{"model_type": "llama"}')
  early = {'net.queries': np.zeros((1, 5, 4), np.float32)}
  return [
    base,
    save(tmp_path / 'early.safetensors', early),
    save(tmp_path / 'release.safetensors', tensors),
  ]


def test_several_sources_come_back_as_they_were_split(tmp_path):
  sources = split(tmp_path)
  report = convert(sources, tmp_path / 'ours')
  assert report.overridden == (
    (str(sources[1]), 'net.queries', str(sources[2])),
  )
  assert {key for _, key in report.trimmed} == {
    'net.embed.weight',
    'net.head.weight',
  }
  written = export_release(tmp_path / 'ours', TABLE, tmp_path / 'back')
  # Nothing of the early stage is left, so it has no file.
  assert [str(p.relative_to(tmp_path / 'back')) for p in written] == [
    'base/model-00001-of-00002.safetensors',
    'base/model-00002-of-00002.safetensors',
    'release.safetensors',
  ]
  for path in written:
    original = tmp_path / path.relative_to(tmp_path / 'back')
    assert path.read_bytes() == original.read_bytes()
  config = (tmp_path / 'back' / 'base' / 'config.json').read_text()
  assert json.loads(config) == {'model_type': 'llama'}
  again = open_source(tmp_path / 'back' / 'base')
  assert list(again.tensors) == list(open_source(sources[0]).tensors)
  assert (tmp_path / 'back' / 'base' / 'model.safetensors.index.json').is_file()


def test_sources_of_one_name_do_not_overwrite_each_other(tmp_path):
  tensors = released()
  first = {'net.queries': tensors.pop('net.queries')}
  for name, part in (('a', first), ('b', tensors)):
    (tmp_path / name).mkdir()
    save(tmp_path / name / 'm.safetensors', part)
  sources = [tmp_path / name / 'm.safetensors' for name in 'ab']
  convert(sources, tmp_path / 'ours')
  written = export_release(tmp_path / 'ours', TABLE, tmp_path / 'back')
  assert [p.name for p in written] == ['m.safetensors', 'm-2.safetensors']
  for source, path in zip(sources, written, strict=True):
    assert path.read_bytes() == source.read_bytes()


def test_trained_values_are_exported_in_the_released_layout(tmp_path):
  path = save(tmp_path / 'a.safetensors', released(np.float16))
  convert([path], tmp_path / 'ours')
  params = load_params(tmp_path / 'ours', dtype=np.float32)
  params['queries'] = params['queries'] + 1
  save_checkpoint(
    tmp_path / 'trained', params, CONFIG, trained_from=tmp_path / 'ours'
  )
  (written,) = export_release(tmp_path / 'trained', TABLE, tmp_path / 'back')
  before, after = open_source(path), open_source(written)
  assert before.tensors == after.tensors
  for key in before.tensors:
    wanted = before.read(key)
    if key == 'net.queries':
      wanted = (wanted.astype(np.float32) + 1).astype(np.float16)
    np.testing.assert_array_equal(after.read(key), wanted)


def test_trained_values_beyond_the_released_type_are_bad_input(tmp_path):
  convert(
    [save(tmp_path / 'a.safetensors', released(np.float16))], tmp_path / 'ours'
  )
  params = load_params(tmp_path / 'ours', dtype=np.float32)
  params['queries'] = params['queries'] + 1e6
  save_checkpoint(
    tmp_path / 'trained', params, CONFIG, trained_from=tmp_path / 'ours'
  )
  with pytest.raises(BadInput, match='beyond the range of F16'):
    export_release(tmp_path / 'trained', TABLE, tmp_path / 'back')
  assert not (tmp_path / 'back').exists()


def test_a_checkpoint_from_no_file_is_exported_under_released_names(tmp_path):
  tensors = released()
  convert([save(tmp_path / 'a.safetensors', tensors)], tmp_path / 'ours')
  save_checkpoint(tmp_path / 'own', load_params(tmp_path / 'ours'), CONFIG)
  (written,) = export_release(tmp_path / 'own', TABLE, tmp_path / 'back')
  assert written.name == 'small.safetensors'
  source = open_source(written)
  # Buffers and padding rows belonged to the file, not to the model.
  assert set(source.tensors) == set(tensors) - {
    'net.positions',
    'net.old.weight',
  }
  np.testing.assert_array_equal(
    source.read('net.embed.weight'), tensors['net.embed.weight'][:6]
  )
  np.testing.assert_array_equal(
    source.read('net.patch.weight'), tensors['net.patch.weight']
  )


def test_parameters_added_by_training_get_a_file_of_their_own(tmp_path):
  tensors = released()
  extra = {'net.norms.1.weight': np.ones(4, np.float32)}
  convert([save(tmp_path / 'a.safetensors', tensors)], tmp_path / 'ours')
  params = load_params(tmp_path / 'ours')
  params['norm_1'] = {'scale': extra['net.norms.1.weight']}
  save_checkpoint(
    tmp_path / 'trained', params, CONFIG, trained_from=tmp_path / 'ours'
  )
  written = export_release(tmp_path / 'trained', TABLE, tmp_path / 'back')
  assert [p.name for p in written] == ['a.safetensors', 'trained.safetensors']
  assert written[0].read_bytes() == (tmp_path / 'a.safetensors').read_bytes()
  assert set(open_source(written[1]).tensors) == set(extra)


def test_a_parameter_without_a_released_name_is_named(tmp_path):
  params = {'odd': {'kernel': np.ones(3, np.float32)}}
  save_checkpoint(tmp_path / 'own', params, CONFIG)
  with pytest.raises(BadInput, match='odd/kernel have no name'):
    export_release(tmp_path / 'own', TABLE, tmp_path / 'back')


@pytest.mark.parametrize(
  'change',
  [
    lambda t: t['sources'][0].update(name='../evil'),
    lambda t: t['sources'][0]['files'][0].update(name='/evil.safetensors'),
    lambda t: t.pop('sources'),
    lambda t: t['sources'][0]['files'][0].update(tensors={'x': ['F32', [-1]]}),
  ],
)
def test_a_tampered_source_record_is_bad_input(tmp_path, change):
  convert([save(tmp_path / 'a.safetensors', released())], tmp_path / 'ours')
  path = tmp_path / 'ours' / 'source.json'
  table = json.loads(path.read_text())
  change(table)
  path.write_text(json.dumps(table))
  with pytest.raises(BadInput, match='not a record of converted files'):
    export_release(tmp_path / 'ours', TABLE, tmp_path / 'back')


def test_progress_reaches_the_total(tmp_path):
  path = save(tmp_path / 'a.safetensors', released())
  told = []
  convert([path], tmp_path / 'ours', progress=lambda *now: told.append(now))
  assert len(told) == len(released()) - 2
  assert told[-1][1] == told[-1][2] and told[0][1] < told[0][2]
  told.clear()
  export_release(
    tmp_path / 'ours',
    TABLE,
    tmp_path / 'back',
    progress=lambda *now: told.append(now),
  )
  assert (
    told[-1][1] == told[-1][2] == sum(a.nbytes for a in released().values())
  )
