"""Released files there and back, bit for bit, and what is wrong with them."""

import shutil

import numpy as np
import pytest

from tests.convert.small_model import save
from tests.systems.revisionllm import golden
from tests.systems.revisionllm.golden import (
  BASE,
  DENSE,
  LONG,
  PROJECTOR,
  SPARSE,
)
from vtg_jax.convert.checkpoint import (
  SOURCE,
  load_params,
  read_config,
  read_json,
)
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.systems import registry
from vtg_jax.systems.revisionllm import release, stages
from vtg_jax.systems.revisionllm.config import ReVisionLlmConfig

LORA = 'adapter_model'
REST = 'non_lora_trainables'


def convert(sources, folder):
  return release.convert(sources, folder, config=golden.GOLDEN / 'config.json')


def sizes_of(folder) -> ReVisionLlmConfig:
  return ReVisionLlmConfig.from_dict(read_config(folder)['model'])


def levels_of(folder):
  return [
    (level.name, level.lora, level.n_windows)
    for level in sizes_of(folder).levels
  ]


def same(folder, other):
  ours, theirs = (flatten(load_params(f)) for f in (folder, other))
  assert ours.keys() == theirs.keys()
  for path, value in ours.items():
    assert value.tobytes() == theirs[path].tobytes(), path


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
  """All released files, converted."""
  folder = tmp_path_factory.mktemp('whole') / 'ours'
  convert(golden.WHOLE, folder)
  return folder


def test_every_file_comes_back_byte_for_byte(whole, tmp_path):
  files = registry.export(whole, tmp_path / 'theirs')
  assert len(files) == len(golden.WHOLE)
  for file in files:
    name = file.relative_to(tmp_path / 'theirs')
    given = next(
      folder / name
      for folder in (golden.GOLDEN, golden.CKPT)
      if (folder / name).is_file()
    )
    assert file.read_bytes() == given.read_bytes(), name
  for folder in (DENSE, SPARSE, LONG):
    told = tmp_path / 'theirs' / folder.name / 'adapter_config.json'
    assert told.read_bytes() == (folder / told.name).read_bytes()


def test_each_level_has_the_adapter_of_its_stage(whole):
  assert levels_of(whole) == [('long', 'long', 6), ('dense', 'dense', None)]
  params = load_params(whole)
  for stage, name in ((DENSE, 'dense'), (LONG, 'long')):
    key = 'base_model.model.model.layers.1.mlp.down_proj.lora_B.weight'
    ours = params['loras'][name]['layers']['down_proj']['lora_b'][1]
    np.testing.assert_array_equal(ours, golden.tensors(stage)[key].T)


@pytest.mark.torch
def test_pytorch_files_with_names_of_raw_training_are_the_same(whole, tmp_path):
  import torch

  def raw(stage):
    return {
      key.replace('.weight', '.default.weight'): value
      for key, value in golden.tensors(stage).items()
    }

  folders = [
    golden.stage(
      tmp_path / 'vtimellm', torch=True, mm_projector=golden.tensors(PROJECTOR)
    ),
    golden.stage(
      tmp_path / 'my_dense',
      torch=True,
      like=DENSE,
      **{LORA: raw(DENSE), REST: {}},
    ),
    golden.stage(
      tmp_path / 'my_sparse',
      torch=True,
      like=SPARSE,
      **{LORA: raw(DENSE), REST: golden.tensors(SPARSE)},
    ),
    golden.stage(
      tmp_path / 'a', torch=True, like=LONG, **{LORA: raw(LONG), REST: {}}
    ),
  ]
  *given, last = folders
  convert([BASE, *given, f'long={last}'], tmp_path / 'ours')
  same(tmp_path / 'ours', whole)
  release.export(tmp_path / 'ours', tmp_path / 'theirs', as_pth=True)
  for stage in folders:
    for file in stage.glob('*.bin'):
      one, other = (
        torch.load(path, weights_only=True)
        for path in (file, tmp_path / 'theirs' / stage.name / file.name)
      )
      assert list(other) == list(one), file
      assert all(torch.equal(other[key], one[key]) for key in one), file


def test_the_encoder_may_lie_in_the_long_folder(whole, tmp_path):
  long = golden.stage(
    tmp_path / 'stage2_long_6',
    **{LORA: golden.tensors(LONG), REST: golden.tensors(SPARSE)},
  )
  convert([BASE, PROJECTOR, DENSE, long], tmp_path / 'ours')
  assert levels_of(tmp_path / 'ours')[0] == ('long_6', 'long_6', 6)
  one, other = load_params(tmp_path / 'ours'), load_params(whole)
  one, other = (flatten(p['clip_encoder']) for p in (one, other))
  assert all(one[path].tobytes() == other[path].tobytes() for path in other)
  release.export(tmp_path / 'ours', tmp_path / 'theirs')
  for file in long.iterdir():
    back = tmp_path / 'theirs' / long.name / file.name
    assert back.read_bytes() == file.read_bytes()


def test_the_encoder_may_stand_beside_the_projector(whole, tmp_path):
  """Keys of the variant with cross attention, one adapter for all levels."""
  keys = {
    key.replace('base_model.model.model.mm_projector.', 'model.cross_attn.'): v
    for key, v in golden.tensors(SPARSE).items()
  } | golden.tensors(PROJECTOR)
  norm = {
    f'model.alternate_layer_norm.{name}': np.full(64, value, np.float32)
    for name, value in (('weight', 1), ('bias', 0))
  }
  assert set(keys) == set(golden.TOLD['cross_attn_variant_keys'])
  stage = golden.stage(
    tmp_path / 'unified', **{LORA: golden.tensors(DENSE), REST: keys | norm}
  )
  convert([BASE, stage], tmp_path / 'ours')
  assert levels_of(tmp_path / 'ours') == [
    ('long', 'unified', 6),
    ('dense', 'unified', None),
  ]
  params, other = load_params(tmp_path / 'ours'), load_params(whole)
  for name in ('clip_encoder', 'dense_projector'):
    one, two = flatten(params[name]), flatten(other[name])
    assert all(one[path].tobytes() == two[path].tobytes() for path in two)
  assert params['alternate_norm']['scale'].tolist() == [1] * 64


def test_what_came_from_no_file_gets_folders_of_its_own(whole, tmp_path):
  copy = shutil.copytree(whole, tmp_path / 'copy')
  (copy / SOURCE).unlink()
  names = {
    str(file.relative_to(tmp_path / 'theirs'))
    for file in release.export(copy, tmp_path / 'theirs')
  }
  assert names == {
    'revisionllm.safetensors',
    'mm_projector.safetensors',
    f'sparse/{REST}.safetensors',
    f'dense/{LORA}.safetensors',
    f'long/{LORA}.safetensors',
  }
  for name, given in (('dense', DENSE), ('long', LONG), ('sparse', SPARSE)):
    ours, theirs = (
      golden.tensors(folder) for folder in (tmp_path / 'theirs' / name, given)
    )
    assert ours.keys() == theirs.keys()
    assert all(ours[key].tobytes() == theirs[key].tobytes() for key in ours)
  told = read_json(tmp_path / 'theirs' / 'dense' / 'adapter_config.json')
  assert told['r'] == 8 and told['lora_alpha'] == 16
  sources = ('revisionllm.safetensors', 'mm_projector.safetensors')
  folders = ('dense', 'sparse', 'long')
  convert(
    [tmp_path / 'theirs' / name for name in (*sources, *folders)],
    tmp_path / 'again',
  )
  same(tmp_path / 'again', whole)


def changed(stage, name, change):
  """A copy of a stage's folder whose tensors were changed."""

  def make(folder):
    values = golden.tensors(stage)
    change(values)
    return golden.stage(folder / stage.name, **{name: values})

  return make


def dropping(key):
  return lambda values: values.pop(key)


def widening(key):
  def change(values):
    values[key] = np.concatenate([values[key], values[key]])

  return change


KEY = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight'
NORM = 'base_model.model.model.mm_projector.encoder.layers.1.norm1.weight'


@pytest.mark.parametrize(
  ('sources', 'said'),
  [
    ([BASE], 'no adapter tensor is in'),
    ([BASE, PROJECTOR, DENSE, LONG], 'no adapter tensor of the encoder'),
    (
      [BASE, PROJECTOR, changed(DENSE, LORA, dropping(KEY))],
      r'1 parameter that no key fills \(loras/dense/layers/q_proj/lora_a',
    ),
    (
      [BASE, PROJECTOR, DENSE, changed(SPARSE, REST, dropping(NORM))],
      r'1 parameter that no key fills \(clip_encoder/self_layers/norm1/scale',
    ),
    (
      [BASE, PROJECTOR, changed(DENSE, LORA, widening(KEY))],
      r'1 tensor of the wrong shape .*q_proj.lora_A.weight is F32\[16, 64\]',
    ),
    (
      [BASE, DENSE],
      r'2 parameters that no key fills \(dense_projector/bias',
    ),
    (
      [
        BASE,
        PROJECTOR,
        changed(DENSE, LORA, lambda v: v.update(zebra=np.ones(1, 'f4'))),
      ],
      r'1 key that this model does not have \(zebra\)',
    ),
    (
      [
        BASE,
        PROJECTOR,
        DENSE,
        SPARSE,
        changed(
          LONG,
          REST,
          lambda v: v.update(
            golden.tensors(SPARSE), **{NORM: np.zeros(24, 'f4')}
          ),
        ),
      ],
      'norm1.weight of .* should be equal bit for bit',
    ),
  ],
)
def test_what_does_not_fit_is_told_by_name(sources, said, tmp_path):
  made = [s(tmp_path) if callable(s) else s for s in sources]
  with pytest.raises(BadInput, match=said):
    convert(made, tmp_path / 'ours')
  assert not (tmp_path / 'ours').exists()


def test_an_adapter_of_no_known_level_is_asked_about(tmp_path):
  folder = golden.stage(tmp_path / 'run7', **{LORA: golden.tensors(LONG)})
  with pytest.raises(BadInput, match=f'give it as dense={folder} or long_33='):
    convert([BASE, PROJECTOR, SPARSE, folder], tmp_path / 'ours')
  with pytest.raises(BadInput, match="'zebra' names no level"):
    convert([BASE, PROJECTOR, f'zebra={folder}'], tmp_path / 'ours')


def test_several_long_levels_stand_from_coarse_to_fine(tmp_path):
  fine = golden.stage(tmp_path / 'fine', **{LORA: golden.tensors(DENSE)})
  sources = [BASE, SPARSE, f'long_3={fine}', f'long_9={LONG}']
  opened = stages.open_stages(sources)
  config = release.config_of_golden(golden.TOLD)
  sizes = stages.as_in_files(config, opened)
  assert [(level.name, level.n_windows) for level in sizes.levels] == [
    ('long_9', 9),
    ('long_3', 3),
  ]
  assert sizes.loras == ('long_3', 'long_9')


def test_without_a_text_stage_the_encoder_has_none(tmp_path):
  values = {
    key: value
    for key, value in golden.tensors(SPARSE).items()
    if 't2v_encoder' not in key
  }
  file = save(tmp_path / 'sparse.safetensors', values)
  opened = stages.open_stages([BASE, file])
  sizes = stages.as_in_files(release.config_of_golden(golden.TOLD), opened)
  assert sizes.clip_encoder.n_text_layers == 0
  shapes = release.expected_params(sizes)
  assert not any('text_layers' in path for path in shapes)
