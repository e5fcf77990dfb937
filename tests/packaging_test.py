"""setup.cfg says what the code needs and ships."""

import ast
import configparser
import pathlib
import re
import sys

import pytest

import vtg_jax

ROOT = pathlib.Path(__file__).resolve().parents[1]
OURS = {'vtg_jax', 'input_pipeline', 'configs'}
DISTRIBUTIONS = {
  'PIL': 'pillow',
  'absl': 'absl-py',
  'orbax': 'orbax-checkpoint',
}
# Imported inside functions, or in modules of their own, where an extra brings
# them; and what comes with a declared requirement and must match it.
ELSEWHERE = {
  'huggingface_hub',
  'tensorflow_datasets',
  'tensorstore',
  'torch',
  'transformers',
}


@pytest.fixture(scope='module')
def setup():
  parser = configparser.ConfigParser()
  parser.read(ROOT / 'setup.cfg')
  return parser


def names(requirements: str) -> set[str]:
  lines = [line for line in requirements.splitlines() if line]
  return {re.match(r'[\w-]+', line)[0].lower() for line in lines}


def third_parties() -> set[str]:
  """Top-level modules that the library imports and we did not write."""
  found = set()
  for top in OURS:
    for path in (ROOT / top).rglob('*.py'):
      for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
          found |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
          found.add(node.module.split('.')[0])
  return found - OURS - set(sys.stdlib_module_names)


def test_what_is_imported_is_required(setup):
  required = names(setup['options']['install_requires'])
  used = {DISTRIBUTIONS.get(m, m).lower() for m in third_parties()}
  assert used - ELSEWHERE <= required


def test_what_is_required_is_imported(setup):
  used = {DISTRIBUTIONS.get(m, m).lower() for m in third_parties()}
  assert names(setup['options']['install_requires']) <= used


def test_versions_are_lower_bounds_only(setup):
  extras = setup['options.extras_require']
  requirements = [setup['options']['install_requires'], *extras.values()]
  for line in '\n'.join(requirements).splitlines():
    assert not line or re.fullmatch(r'[\w-]+(\[tpu\])?>=[\d.]+', line)


def test_torch_is_an_extra_only(setup):
  extras = setup['options.extras_require']
  assert 'torch' in names(extras['torch'])
  for requirements in (
    setup['options']['install_requires'],
    extras['test'],
    extras['dev'],
  ):
    assert not {'torch', 'transformers'} & names(requirements)


def test_every_file_that_is_not_python_is_shipped(setup):
  shipped = {
    path
    for package, patterns in setup['options.package_data'].items()
    for pattern in patterns.split()
    for path in ROOT.joinpath(*package.split('.')).glob(pattern)
  }
  kept = {
    path
    for top in OURS
    for path in (ROOT / top).rglob('*')
    if path.is_file()
    and path.suffix not in ('.py', '.pyc')
    and '__pycache__' not in path.parts
  }
  assert kept <= shipped


def test_the_version_is_written_once(setup):
  assert setup['metadata']['version'] == 'attr: vtg_jax.__version__'
  assert re.fullmatch(r'\d+\.\d+\.\d+', vtg_jax.__version__)


def test_every_public_name_is_there():
  for name in vtg_jax.__all__:
    assert getattr(vtg_jax, name) is not None
  assert set(vtg_jax.__all__) <= set(dir(vtg_jax))


def test_an_unknown_public_name_is_an_attribute_error():
  with pytest.raises(AttributeError, match='has no attribute'):
    _ = vtg_jax.nonsense
