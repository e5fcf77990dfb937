import json

import pytest

from benchmarks import models, startup, table

START, END = '<!-- benchmarks:start -->', '<!-- benchmarks:end -->'


@pytest.fixture
def results(tmp_path, monkeypatch):
  monkeypatch.setattr(table, 'RESULTS', tmp_path)
  monkeypatch.setattr(table, 'names', lambda: ['another', 'startup'])
  return tmp_path


def keep(results):
  kept = {
    'date': '2026-01-02',
    'machine': 'a machine',
    'result': {'bare_s': 0.01, 'import_s': 0.02, 'help_s': 0.1},
  }
  (results / 'startup.json').write_text(json.dumps(kept))


def test_what_was_not_run_says_so(results):
  keep(results)
  text = table.table()
  assert '| another (`benchmarks/another.py`) | not yet run | | |' in text
  assert '| `vtg --help`, whole process | 0.100 s | < 1 s | A |' in text
  assert 'A: a machine, 2026-01-02' in text


def test_rendering_replaces_only_what_is_between_the_markers(results):
  readme = results / 'README.md'
  readme.write_text(f'# before\n{START}\nold\n{END}\nafter\n')
  table.render(readme)
  once = readme.read_text()
  table.render(readme)
  assert readme.read_text() == once
  assert once.startswith('# before\n') and once.endswith('\nafter\n')
  assert 'old' not in once


def test_a_readme_without_markers_is_refused(results):
  (results / 'README.md').write_text('nothing')
  with pytest.raises(ValueError, match='benchmarks:start'):
    table.render(results / 'README.md')


def test_the_readme_of_the_project_has_the_markers():
  text = (table.ROOT / 'README.md').read_text()
  assert text.count(START) == text.count(END) == 1


def test_startup_is_told_of_three_processes(monkeypatch):
  monkeypatch.setattr(startup, 'REPEATS', 1)
  result = startup.measure()
  assert set(result) == {'bare_s', 'import_s', 'help_s'}
  assert [row[2] for row in startup.rows(result)] == ['< 0.3 s', '< 1 s']


def test_the_tables_of_the_models_have_their_places(results, monkeypatch):
  for name, document in (
    ('models', models.README), ('agreement', models.DOCUMENT)
  ):  # fmt: skip
    text = document.read_text()
    assert text.count(f'<!-- {name}:start -->') == 1
    (results / document.name).write_text(text)
  kept = results / 'models.json'
  texts = {'models': 'one', 'agreement': 'two'}
  kept.write_text(json.dumps({**texts, 'machine': 'mine', 'date': 'now'}))
  monkeypatch.setattr(models, 'KEPT', kept)
  monkeypatch.setattr(models, 'README', results / 'README.md')
  monkeypatch.setattr(models, 'DOCUMENT', results / 'agreement.md')
  models.render()
  for name, said in texts.items():
    file = results / {'models': 'README.md'}.get(name, 'agreement.md')
    assert f'<!-- {name}:start -->\n{said}\n\nmine, now.' in file.read_text()
