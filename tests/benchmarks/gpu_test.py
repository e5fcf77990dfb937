"""The GPU benchmarks run on machines that lack the library's readers."""

import importlib
import subprocess
import sys

import pytest

from benchmarks import gpu, gpu_grounded_videollm, gpu_timechat, table
from vtg_jax import config_file
from vtg_jax.systems.grounded_videollm.config import PRESETS
from vtg_jax.systems.grounded_videollm.trainable import TUNED
from vtg_jax.systems.timechat.config import full
from vtg_jax.systems.timechat.trainable import RELEASED_TRAINABLE

NAMES = ('gpu', 'gpu_grounded_videollm', 'gpu_timechat')
MISSING = ('av', 'grain', 'ml_collections', 'qwix', 'sentencepiece', 'typer')


def test_they_import_without_readers_and_tokenizers():
  lines = [
    'import sys',
    # Importing them raises ImportError.
    f'sys.modules.update(dict.fromkeys({MISSING}))',
    *(f'import benchmarks.{name}' for name in NAMES),
  ]
  code = '\n'.join(lines)
  subprocess.run([sys.executable, '-c', code], cwd=table.ROOT, check=True)


@pytest.mark.parametrize('name', NAMES)
def test_without_a_gpu_the_kept_result_stays(
  name, monkeypatch, tmp_path, capsys
):
  module = importlib.import_module(f'benchmarks.{name}')
  monkeypatch.setattr(module, 'can_run', lambda: False)
  monkeypatch.setattr(table, 'RESULTS', tmp_path)
  table.measure(name)
  assert not list(tmp_path.iterdir())
  assert 'cannot run' in capsys.readouterr().out


def test_no_choice_of_its_tables_ends_the_search_early():
  tables = gpu.search_tables(gpu.tiny(), 2)
  goes_on = tables.depth < gpu.N_ROUNDS - 1
  assert (tables.moves.next_node[goes_on] >= 0).all()


@pytest.mark.parametrize('llm', PRESETS)
def test_the_step_that_is_timed_is_one_of_stage_3(llm):
  values = config_file.read_config(f'grounded_videollm/stage3:{llm}')
  own = gpu_grounded_videollm.row_tokens(PRESETS[llm]())
  assert own == values['data']['row_tokens']
  assert tuple(values['trainable']) == TUNED
  assert values['compute']['remat'] and not values['drop_path']
  for name in ('betas', 'weight_decay', 'clip_norm'):
    timed = getattr(gpu_grounded_videollm.OPTIMISER, name)
    assert timed == values['optimiser'][name], name


def test_the_step_that_is_timed_is_one_of_timechats_instruction_tuning():
  values = config_file.read_config('timechat/instruction_tuning')
  assert full().max_text_tokens == values['data']['row_tokens']
  assert gpu_timechat.TIME_TOKENS == values['data']['time_tokens']
  assert tuple(values['trainable']) == RELEASED_TRAINABLE
  assert values['compute']['remat']
  for name in ('betas', 'weight_decay', 'clip_norm'):
    timed = getattr(gpu_timechat.OPTIMISER, name)
    assert timed == values['optimiser'][name], name
