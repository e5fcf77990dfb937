"""The import table, read off the code with `ast`; and names and sizes."""

import ast
import importlib.util
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIBRARY = sorted(
  path
  for top in ('vtg_jax', 'input_pipeline', 'configs', 'launch')
  for path in (ROOT / top).rglob('*.py')
)
BESIDE = ('tests', 'benchmarks', 'ablations')
TRACKED = sorted(
  path
  for top in (*{path.relative_to(ROOT).parts[0] for path in LIBRARY}, *BESIDE)
  for path in (ROOT / top).rglob('*.py')
)

# package -> our packages it may import besides itself and vtg_jax.errors.
# `vtg_jax` stands for the package's own __init__, which names homes lazily.
ALLOWED = {
  'vtg_jax': set(),
  'vtg_jax.errors': set(),
  'vtg_jax.moments': set(),
  'vtg_jax.nn': set(),
  'vtg_jax.encoders': {'vtg_jax.nn'},
  'vtg_jax.adapters': {'vtg_jax.nn'},
  'vtg_jax.llm': {'vtg_jax.nn'},
  'vtg_jax.decode': {'vtg_jax.llm'},
  'vtg_jax.recursion': {'vtg_jax.moments'},
  'vtg_jax.metrics': {'vtg_jax.moments'},
  'vtg_jax.convert': set(),
  'vtg_jax.sharding': set(),
  'vtg_jax.folder_lock': set(),
  'vtg_jax.train': {'vtg_jax.folder_lock', 'vtg_jax.nn', 'vtg_jax.sharding'},
  'vtg_jax.planning': {
    'vtg_jax.nn',
    'vtg_jax.sharding',
    'vtg_jax.systems',
    'vtg_jax.train',
  },
  'vtg_jax.timeline': {'vtg_jax.moments'},
  'vtg_jax.evaluation': {
    'vtg_jax.folder_lock',
    'vtg_jax.metrics',
    'vtg_jax.moments',
    'vtg_jax.shape_stories',
    'vtg_jax.systems',
    'input_pipeline',
  },
  'vtg_jax.systems': {
    'vtg_jax.adapters',
    'vtg_jax.convert',
    'vtg_jax.decode',
    'vtg_jax.encoders',
    'vtg_jax.llm',
    'vtg_jax.metrics',
    'vtg_jax.moments',
    'vtg_jax.nn',
    'vtg_jax.recursion',
    'vtg_jax.shape_stories',
    'vtg_jax.sharding',
    'vtg_jax.train',
    'input_pipeline',
  },
  'vtg_jax.testing': {
    'vtg_jax.convert',
    'vtg_jax.moments',
    'vtg_jax.nn',
    'vtg_jax.shape_stories',
    'vtg_jax.systems',
    'input_pipeline',
  },
  'input_pipeline': {'vtg_jax.moments'},
  'vtg_jax.dataset_builders': {'input_pipeline'},
  'vtg_jax.shape_stories': {'vtg_jax.moments', 'input_pipeline'},
  'configs': set(),
}
# These join everything, and nothing imports them.
DOORS = {
  'vtg_jax.__main__',
  'vtg_jax.cli',
  'vtg_jax.commands',
  'vtg_jax.config_file',
  'vtg_jax.report',
  'vtg_jax.serve',
  'launch',
}
# Third parties that a package must not touch, not even inside a function.
FORBIDDEN = {
  'vtg_jax.moments': {'jax', 'jaxlib', 'flax', 'torch'},
  'input_pipeline': {'jax', 'jaxlib', 'flax', 'torch'},
  'vtg_jax.shape_stories': {'jax', 'jaxlib', 'flax', 'torch'},
  'configs': {'jax', 'flax', 'torch'},
}


def module_name(path: pathlib.Path) -> str:
  """vtg_jax/nn/lora.py -> vtg_jax.nn.lora, as Python would import it."""
  parts = path.relative_to(ROOT).with_suffix('').parts
  return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def package_of(module: str) -> str:
  """vtg_jax.nn.lora -> vtg_jax.nn; input_pipeline.video -> input_pipeline."""
  parts = module.split('.')
  return '.'.join(parts[: 2 if parts[0] == 'vtg_jax' else 1])


def is_ours(module: str) -> bool:
  ours = {'vtg_jax', 'input_pipeline', 'configs', 'launch', *BESIDE}
  return module.split('.')[0] in ours


def imports(source: str, module: str, *, is_package: bool) -> set[str]:
  """Every module that `source` imports anywhere, relative ones resolved.

  `from vtg_jax import nn` counts as vtg_jax.nn, and so does
  `importlib.import_module('vtg_jax.nn')`.
  """
  package = module if is_package else module.rpartition('.')[0]
  found = set()
  for node in ast.walk(ast.parse(source)):
    if isinstance(node, ast.Import):
      found |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      name = '.' * node.level + (node.module or '')
      base = importlib.util.resolve_name(name, package)
      found |= (
        {f'{base}.{alias.name}' for alias in node.names}
        if base == 'vtg_jax'
        else {base}
      )
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
      'importlib.import_module', 'import_module', '__import__'
    }:  # fmt: skip
      first = node.args[0] if node.args else None
      if isinstance(first, ast.Constant):
        found.add(importlib.util.resolve_name(first.value, package))
  return found


def broken_arrows(source: str, module: str, *, is_package: bool) -> list[str]:
  """Imports in `source` that the table does not allow, one text each."""
  home = package_of(module)
  allowed = ALLOWED.get(home)
  broken = []
  for target in sorted(imports(source, module, is_package=is_package)):
    if not is_ours(target):
      if target.split('.')[0] in FORBIDDEN.get(home, ()):
        broken.append(f'{module} imports {target}: {home} stays free of it')
      continue
    goal = package_of(target)
    if goal in {home, 'vtg_jax.errors'} or goal == 'vtg_jax.__version__':
      continue
    if goal in DOORS and home not in DOORS:
      broken.append(f'{module} imports {target}: nothing imports a door')
    elif home not in DOORS and goal not in (allowed or ()):
      broken.append(f'{module} imports {target}: not in the table')
  return broken


def statements_run_at_import(tree: ast.AST):
  """The nodes outside function bodies: what `import` itself executes."""
  for node in ast.iter_child_nodes(tree):
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
      yield from statements_run_at_import(node)


@pytest.mark.parametrize('path', LIBRARY, ids=module_name)
def test_imports_follow_the_table(path):
  broken = broken_arrows(
    path.read_text(),
    module_name(path),
    is_package=path.name == '__init__.py',
  )
  assert not broken, '\n'.join(broken)


def test_every_package_is_in_the_table():
  homes = {package_of(module_name(path)) for path in LIBRARY}
  assert homes <= set(ALLOWED) | DOORS


@pytest.mark.parametrize(
  ('module', 'source'),
  [
    ('vtg_jax.nn.mlp', 'import vtg_jax.llm'),
    ('vtg_jax.nn.mlp', 'from vtg_jax import llm'),
    ('vtg_jax.nn.mlp', 'from ..llm import decoder'),
    ('vtg_jax.nn.mlp', 'from .. import llm'),
    ('vtg_jax.nn.mlp', 'def f():\n  from vtg_jax.llm.decoder import x'),
    ('vtg_jax.nn.mlp', 'import importlib\nimportlib.import_module("..cli")'),
    ('vtg_jax.encoders.umt', 'from vtg_jax.adapters import qformer'),
    ('vtg_jax.systems.x', 'import vtg_jax.cli'),
    ('vtg_jax.moments.x', 'import jax.numpy as jnp'),
    ('input_pipeline.video', 'def f():\n  import jax'),
    ('vtg_jax.newcomer.x', 'import vtg_jax.nn'),
  ],
)
def test_an_arrow_outside_the_table_is_found(module, source):
  assert broken_arrows(source, module, is_package=False)


@pytest.mark.parametrize('path', LIBRARY, ids=module_name)
def test_torch_is_never_imported_at_module_scope(path):
  tree = ast.parse(path.read_text())
  for node in statements_run_at_import(tree):
    if isinstance(node, ast.Import | ast.ImportFrom):
      found = imports(ast.unparse(node), 'a.b', is_package=False)
      assert not {'torch', 'transformers'} & {n.split('.')[0] for n in found}


@pytest.mark.parametrize(
  'path', TRACKED, ids=lambda p: str(p.relative_to(ROOT))
)
def test_files_are_short_and_named_for_what_they_hold(path):
  text = path.read_text()
  assert len(text.splitlines()) <= 400
  vague = {'utils', 'util', 'common', 'helpers', 'misc'}
  assert not vague & {path.stem, *path.relative_to(ROOT).parts}
  assert not re.search(r'[\'"]/path/' + 'to', text)


def test_every_folder_with_code_is_a_package():
  """Otherwise setuptools would leave it out of the wheel."""
  folders = {path.parent for path in LIBRARY}
  assert not [f for f in folders if not (f / '__init__.py').exists()]


def loaded_after(statement: str) -> set[str]:
  """Top-level modules in sys.modules after `statement` in a new process."""
  code = f'{statement}\nimport sys\nprint(*sorted(sys.modules))'
  output = subprocess.run(
    [sys.executable, '-c', code],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
  ).stdout
  return {name.split('.')[0] for name in output.split()}


HEAVY = {'jax', 'flax', 'torch', 'transformers', 'matplotlib', 'av', 'numpy'}


def test_importing_vtg_jax_loads_nothing_heavy():
  assert not loaded_after('import vtg_jax') & HEAVY


def test_importing_the_command_line_loads_nothing_heavy():
  assert not loaded_after('import vtg_jax.cli') & HEAVY


# Grain loads jax where it finds it, and does without where it does not.
WITHOUT_JAX = (
  'import sys; '
  "names = ('jax', 'jaxlib', 'flax', 'torch', 'transformers'); "
  'sys.modules.update(dict.fromkeys(names)); '
)


def test_the_input_pipeline_and_training_data_need_no_jax():
  modules = [
    module_name(path)
    for path in LIBRARY
    if 'input_pipeline' in path.parts and 'tfds' not in path.parts
  ]
  modules += [
    f'vtg_jax.systems.{system}.training_data'
    for system in ('hawkeye', 'grounded_videollm', 'revisionllm', 'timechat')
  ]
  loaded_after(f'{WITHOUT_JAX}import {", ".join(modules)}')
