"""The GPU benchmark runs on machines that lack the library's readers."""

import subprocess
import sys

from benchmarks import gpu, table

MISSING = ('av', 'grain', 'ml_collections', 'qwix', 'sentencepiece', 'typer')
IMPORT = f"""
import sys
for name in {MISSING}:
  sys.modules[name] = None  # importing it raises ImportError
import benchmarks.gpu
"""


def test_it_imports_without_readers_and_tokenizers():
  subprocess.run([sys.executable, '-c', IMPORT], cwd=table.ROOT, check=True)


def test_no_choice_of_its_tables_ends_the_search_early():
  tables = gpu.search_tables(gpu.tiny(), 2)
  goes_on = tables.depth < gpu.N_ROUNDS - 1
  assert (tables.moves.next_node[goes_on] >= 0).all()


def test_without_a_gpu_the_kept_result_stays(monkeypatch, tmp_path, capsys):
  monkeypatch.setattr(gpu, 'can_run', lambda: False)
  monkeypatch.setattr(table, 'RESULTS', tmp_path)
  table.measure('gpu')
  assert not list(tmp_path.iterdir())
  assert 'cannot run' in capsys.readouterr().out
