"""Checkpoints by path: what loads, and every way in which one does not."""

import json
import shutil
from pathlib import Path

import pytest

import vtg_jax
from tests.systems.hawkeye import tiny
from vtg_jax.errors import BadInput
from vtg_jax.systems import registry
from vtg_jax.testing.demo_clip import DEMO_CLIP


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
  folder = tmp_path_factory.mktemp('with a space') / 'tiny'
  tiny.save(folder)
  return folder


@pytest.fixture
def copy(saved, tmp_path):
  return shutil.copytree(saved, tmp_path / 'copy')


@pytest.mark.parametrize('system', ['hawkeye', 'grounded_videollm'])
def test_a_shipped_checkpoint_is_small_and_says_what_it_is(system):
  folder = registry.folder_of(f'{system}_small')
  files = [path for path in folder.rglob('*') if path.is_file()]
  assert sum(path.stat().st_size for path in files) <= 12e6
  grounder = registry.load(folder)
  assert grounder.system == system
  assert '\n' not in grounder.notice


def test_the_shipped_grounded_videollm_finds_what_happens_in_the_clip():
  grounder = registry.load('grounded_videollm_small')
  clip = json.loads(DEMO_CLIP.with_suffix('.json').read_text())
  asked = [event['caption'] for event in clip['events']]
  found = grounder.ground(grounder.open_video(DEMO_CLIP), asked)
  for moment, event in zip(found, clip['events'], strict=True):
    assert moment.start_s == pytest.approx(event['start_s'], abs=1.5)
    assert moment.end_s == pytest.approx(event['end_s'], abs=1.5)
    assert (
      moment.start_range_s[0] <= event['start_s'] <= moment.start_range_s[1]
    )


def test_no_name_is_the_small_hawkeye():
  assert registry.load().system == 'hawkeye'


def test_an_unknown_system_is_bad_input(copy, tmp_path):
  edit(copy, lambda config: config.update(system='zebra'))
  for use in (
    lambda: registry.load(copy),
    lambda: registry.export(copy, tmp_path / 'out'),
    lambda: registry.convert('zebra', [copy], tmp_path / 'out'),
  ):
    with pytest.raises(BadInput, match="'zebra' is no known system; use one"):
      use()
  assert not (tmp_path / 'out').exists()


def edit(folder, change):
  path = folder / 'config.json'
  config = json.loads(path.read_text())
  change(config)
  path.write_text(json.dumps(config))


def editing(change):
  return lambda folder: edit(folder, change)


def removing(name):
  def damage(folder):
    path = folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()

  return damage


def writing(name, content):
  return lambda folder: (folder / name).write_bytes(content)


@pytest.mark.parametrize(
  ('damage', 'said'),
  [
    (removing('config.json'), 'config.json is missing'),
    (writing('config.json', b'{'), 'config.json cannot be read as JSON'),
    (writing('config.json', b'[]'), 'config.json is not a JSON table'),
    (removing('params'), 'params is not a whole checkpoint'),
    (removing('tokenizers/tokenizer.model'), 'tokenizer.model is missing'),
    (removing('tokenizers/vocab.txt'), 'vocab.txt is missing'),
    (writing('tokenizers/tokenizer.model', b'no'), 'tokenizer.model'),
    (writing('tokenizers/vocab.txt', b'no'), 'vocab.txt'),
    (writing('tokenizers/vocab.txt', b'\xff\xfe'), 'vocab.txt'),
    (editing(lambda c: c.pop('model')), 'config is None; it must be a table'),
    (
      editing(lambda c: c['model']['llm'].update(heads=3)),
      "config.llm has unknown 'heads'",
    ),
    (
      editing(lambda c: c['model']['llm'].pop('n_heads')),
      "config.llm has missing 'n_heads'",
    ),
    (
      editing(lambda c: c['model']['llm'].update(n_layers='two')),
      "config.llm.n_layers is 'two'; it must be a whole",
    ),
    (
      editing(lambda c: c['model']['llm'].update(n_kv_heads=3)),
      'config.llm.*n_heads',
    ),
    # Sizes that are no typing fault but are not those of the parameters.
    (
      editing(lambda c: c['model']['llm'].update(mlp_hidden=49)),
      r'llm/layers/down_proj/kernel.*\(2, 48, 32\).*\(2, 49, 32\)',
    ),
    (
      editing(lambda c: c['model']['llm'].update(n_layers=3)),
      r'llm/layers/.* has shape \(2, .*\(3, ',
    ),
    (
      editing(lambda c: c['model']['qformer'].update(n_layers=3)),
      'qformer/layer_2/.* is missing from it',
    ),
    (
      editing(lambda c: c['model']['llm'].update(lora=None)),
      'llm/layers/[qv]_proj/lora_[ab] is unknown',
    ),
  ],
)
def test_a_damaged_checkpoint_is_one_sentence(copy, damage, said):
  damage(copy)
  with pytest.raises(BadInput, match=said) as caught:
    vtg_jax.load(copy)
  message = str(caught.value)
  assert '\n' not in message
  assert str(copy.name) in message or 'config' in message
  assert len(message) < 400


def test_what_is_no_checkpoint_is_bad_input(tmp_path):
  file = tmp_path / 'file'
  file.write_text('')
  for path in (tmp_path / 'nothing', file, tmp_path):
    with pytest.raises(BadInput, match='vtg convert'):
      vtg_jax.load(path)


def test_a_folder_that_is_no_golden_set_is_bad_input(saved, tmp_path):
  with pytest.raises(BadInput, match='does not exist; give a folder of golden'):
    registry.replay(tmp_path)
  with pytest.raises(BadInput, match='describes none of the known systems'):
    registry.replay(saved)


def test_convert_without_tokenizers_is_bad_input(tmp_path):
  source = tmp_path / 'source'
  source.mkdir()
  for name in ('config.json', 'weights.safetensors'):
    shutil.copy(tiny.GOLDEN / name, source)
  with pytest.raises(BadInput, match='--tokenizer'):
    registry.convert('hawkeye', [source], tmp_path / 'out')
  assert not (tmp_path / 'out').exists()


def test_a_shipped_checkpoint_is_found_by_its_name(tmp_path, monkeypatch):
  assert registry.folder_of('hawkeye_small') == registry.SHIPPED
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'hawkeye_small').mkdir()  # one's own goes before it
  assert registry.folder_of('hawkeye_small') == Path('hawkeye_small')


def test_only_what_has_a_config_is_shipped(tmp_path, monkeypatch):
  for name in ('whole', 'words_only'):
    (tmp_path / name / 'tokenizers').mkdir(parents=True)
  (tmp_path / 'whole' / 'config.json').write_text('{}')
  monkeypatch.setattr(registry, 'CHECKPOINTS', tmp_path)
  assert registry.shipped() == ['whole']
  assert registry.folder_of('whole') == tmp_path / 'whole'
  with pytest.raises(BadInput, match='shipped: whole$'):
    registry.folder_of('words_only')


@pytest.mark.parametrize('name', ['hawkeye_smal', '../hawkeye_small', 'no/it'])
def test_an_unknown_name_lists_those_that_are_shipped(
  name, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(BadInput, match='shipped: .*hawkeye_small'):
    registry.folder_of(name)
