import json

import ml_collections
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax import config_file
from vtg_jax.errors import BadInput

FILE = """
from ml_collections import ConfigDict

def get_config(arg=''):
  if arg not in ('', 'quicktest'):
    raise ValueError(f'get_config knows no {arg!r}; use quicktest')
  return ConfigDict(dict(
    steps=10 if arg else 1000,
    optimiser=dict(peak=2e-5, betas=(0.9, 0.999), floor=None),
    data=dict(videos='', sizes=[1, 2], shuffle=True, open=dict()),
  ))
"""


@pytest.fixture
def file(tmp_path):
  path = tmp_path / 'mine.py'
  path.write_text(FILE)
  return str(path)


def refusal(file, *overrides):
  with pytest.raises(BadInput) as caught:
    config_file.read_config(file, overrides)
  return str(caught.value)


def test_a_config_is_a_plain_dict(file):
  config = config_file.read_config(file)
  assert type(config) is dict and type(config['optimiser']) is dict
  assert config['steps'] == 1000


def test_what_follows_the_colon_is_the_argument(file):
  assert config_file.read_config(f'{file}:quicktest')['steps'] == 10
  assert 'use quicktest' in refusal(f'{file}:quick')


def test_a_table_left_empty_takes_any_entry(file):
  texts = ['data.open.a=1', 'data.open.b=x', 'data.open.a=null']
  config = config_file.read_config(file, texts)
  assert config['data']['open'] == {'a': None, 'b': 'x'}
  assert 'data.open.NAME' in refusal(file, 'data.open=1')
  assert 'data.open.a.b' in refusal(file, 'data.open.a.b=1')


@pytest.mark.parametrize(
  ('text', 'path', 'value'),
  [
    ('steps=7', ('steps',), 7),
    ('optimiser.peak=1e-4', ('optimiser', 'peak'), 1e-4),
    ('optimiser.peak=1', ('optimiser', 'peak'), 1.0),
    ('optimiser.betas=[0.8, 0.9]', ('optimiser', 'betas'), (0.8, 0.9)),
    ('optimiser.betas=(0.8, 0.9)', ('optimiser', 'betas'), (0.8, 0.9)),
    ('optimiser.floor=0.25', ('optimiser', 'floor'), 0.25),
    ('steps=null', ('steps',), None),
    ('data.sizes=[3]', ('data', 'sizes'), [3]),
    ("data.sizes=['a']", ('data', 'sizes'), ['a']),
    ('data.shuffle=false', ('data', 'shuffle'), False),
    ('data.shuffle=False', ('data', 'shuffle'), False),
    ('data.videos=/a=b c', ('data', 'videos'), '/a=b c'),
    ('data.videos=12', ('data', 'videos'), '12'),
    ('data.videos="12"', ('data', 'videos'), '12'),
    ('data.videos=', ('data', 'videos'), ''),
  ],
)
def test_an_override_sets_its_entry_in_its_type(file, text, path, value):
  config = config_file.read_config(file, [text])
  for name in path:
    config = config[name]
  assert config == value and type(config) is type(value)


@pytest.mark.parametrize(
  ('text', 'said'),
  [
    ('steps=ten', 'is a text, and steps is a whole number (1000)'),
    ('steps=1.5', 'is a number, and steps is a whole number'),
    ('steps=true', 'is true or false'),
    ('data.shuffle=1', 'is a whole number, and data.shuffle is true or false'),
    ('optimiser.peak=high', 'give a number'),
    ('data.sizes=3', 'give a list'),
    ('optimiser=3', 'set one of its entries: optimiser.betas'),
    ('steps', 'write key=value'),
    ('=3', 'write key=value'),
    ('optimizer.peak=1', 'did you mean optimiser.peak'),
    ('peek=1', 'did you mean optimiser.peak'),
    ('stepz=1', 'did you mean steps'),
    ('zzzzzz=1', 'use one of data, data.open'),
  ],
)
def test_a_wrong_override_names_the_remedy(file, text, said):
  assert said in refusal(file, text)


def test_later_overrides_win(file):
  config = config_file.read_config(file, ['steps=3', 'steps=4'])
  assert config['steps'] == 4


@given(st.integers() | st.lists(st.integers()) | st.booleans() | st.text())
def test_any_json_value_gets_through_to_an_entry_without_type(value):
  config = ml_collections.ConfigDict({'x': None}).lock()
  config_file.override(config, f'x={json.dumps(value)}')
  assert config.to_dict()['x'] == value


@pytest.mark.parametrize(
  ('text', 'said'),
  [
    ('x = 1', 'has no function get_config'),
    ('def get_config(arg):\n  return {}', 'returns a dict'),
    ('def get_config(arg:', 'in line 1'),
  ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path, text, said):
  path = tmp_path / 'mine.py'
  path.write_text(text)
  assert said in refusal(str(path))


def test_a_missing_file_and_an_unknown_name_are_refused(tmp_path):
  assert 'does not exist' in refusal(str(tmp_path / 'no.py'))
  assert 'hawkeye/small' in refusal('hawkeye/smal')
