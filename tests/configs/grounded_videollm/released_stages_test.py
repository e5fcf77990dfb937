"""The paper's stages: their numbers, and a run of all three on real files."""

import dataclasses
import json

import numpy as np
import pytest

import vtg_jax
from vtg_jax import cli, config_file
from vtg_jax.convert import checkpoint
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.grounded_videollm.programs import sizes_of
from vtg_jax.systems.grounded_videollm.release import TOKENIZER
from vtg_jax.systems.grounded_videollm.starting_point import SHIPPED
from vtg_jax.systems.grounded_videollm.training import GroundedVideoLlmTask
from vtg_jax.testing.numbered_video import write_numbered_video
from vtg_jax.train.freeze import flatten, split
from vtg_jax.train.optimiser import rate_multipliers
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}
STAGES = {
  # Global batch, epochs, micro-batches, tokens of a text.
  'stage1': (256, 1.0, 2, 2048),
  'stage2': (128, 3.0, 1, 4096),
  'stage3': (96, 1.0, 1, 2048),
}
N_VIDEO = {'phi3': 3420, 'llama3': 2316}


def read(stage, llm):
  name = f'grounded_videollm/{stage}{":llama3" if llm == "llama3" else ""}'
  values = config_file.read_config(name)
  assert values['system'] == 'grounded_videollm'
  options = from_json(
    FitOptions, {k: v for k, v in values.items() if k in OWN}, 'the config'
  )
  rest = {k: v for k, v in values.items() if k not in OWN | {'system', 'task'}}
  sizes, note = sizes_of(rest['start'])
  assert f"'{llm}'" in note
  return options, GroundedVideoLlmTask(rest, start=sizes)


@pytest.mark.parametrize('llm', N_VIDEO)
@pytest.mark.parametrize('stage', STAGES)
def test_a_stage_has_the_papers_numbers(stage, llm):
  options, task = read(stage, llm)
  batch_size, epochs, accumulate, max_text = STAGES[stage]
  assert (options.batch_size, options.epochs) == (batch_size, epochs)
  assert options.accumulate == accumulate
  assert options.lengths(1000)[1] == int(0.03 * 1000 * epochs)
  model = task.model
  assert (model.dialect, model.n_video) == (llm, N_VIDEO[llm])
  assert model.max_text_tokens == max_text
  # Every text fits its row once it is cut.
  row_tokens = task.data_options().row_tokens
  assert 0 <= row_tokens - (model.n_video + max_text - 1) < 128
  assert (model.llm.lora is None) == (stage == 'stage1')
  assert task.data_options().with_times == (stage != 'stage1')
  optimiser = task.optimiser
  assert (optimiser.weight_decay, optimiser.clip_norm) == (0.0, 1.0)
  paths, _ = split(task.axes, task.trainable)
  times = rate_multipliers(optimiser, paths)
  rates = {path: optimiser.peak * x for path, x in times.items()}
  for path, rate in rates.items():
    assert rate == pytest.approx(rate_of(stage, path), rel=1e-12), path
  tops = {'/'.join(path.split('/')[:2]) for path in paths}
  projectors = {'two_stream/image_projector', 'two_stream/video_projector'}
  words = {'llm/embed', 'llm/lm_head', 'llm/layers'}
  assert tops == projectors | (set() if stage == 'stage1' else words)


def rate_of(stage, path):
  if stage == 'stage1':
    return 1e-5 if 'image_projector' in path else 1e-3
  return 2e-4 if 'lora_' in path else 2e-5


ENTRIES = [
  {
    'question_id': 1,
    'video_id': 'v_1',
    'video_file': 'some/v_1.mp4',
    'dataset_name': 'numbers',
    'conversation': [
      {'from': 'human', 'value': '<image>\nWhen does it count?'},
      {'from': 'gpt', 'value': 'From <0.2> to <1.0>.'},
      {'from': 'human', 'value': 'What is seen from <0.0> to <0.4>?'},
      {'from': 'gpt', 'value': 'A number.'},
    ],
  },
  {
    'question_id': 2,
    'video_id': 'text',
    'video_file': '',
    'dataset_name': 'chat',
    'conversation': [
      {'from': 'human', 'value': 'What is red?'},
      {'from': 'gpt', 'value': 'A red square is red.'},
    ],
  },
]
# One whose video is not there.
ENTRIES.append(ENTRIES[0] | {'question_id': 3, 'video_file': 'some/none.mp4'})


# A stage's quicktest that reads files, and its start.
CONFIG = """
from configs.grounded_videollm.{stage} import get_config as quick
def get_config(arg):
  config = quick('quicktest')
  config.batch_size, config.accumulate = 8, 1
  config.steps, config.log_every = 2, 1
  config.data.files = ({{'annotations': {mixture!r}, 'videos': {videos!r}}},)
  config.data.stories = ()
  config.data.loader.max_bad_share = 1.0
  {more}
  return config
"""


@pytest.fixture
def train(tmp_path, capsys):
  """Trains a stage; returns its model's sizes, parameters and log."""
  (tmp_path / 'some').mkdir()
  write_numbered_video(tmp_path / 'some/v_1.mp4', n_frames=12)
  mixture = tmp_path / 'mix.json'
  mixture.write_text(json.dumps(ENTRIES * 3))

  def train(stage, more):
    file = tmp_path / f'{stage}.py'
    file.write_text(
      CONFIG.format(
        stage=stage, mixture=str(mixture), videos=str(tmp_path), more=more
      )
    )
    out = tmp_path / stage
    assert cli.main(['train', str(file), '--folder', str(out)]) == 0
    capsys.readouterr()
    lines = (out / 'log.jsonl').read_text().splitlines()
    return (
      checkpoint.read_config(out / 'model')['model'],
      flatten(checkpoint.load_params(out / 'model')),
      [json.loads(line) for line in lines],
    )

  return train


def test_the_stages_follow_one_another_on_files(train, tmp_path):
  n_words = JsonTokenizer(SHIPPED / 'tokenizers' / TOKENIZER).vocab_size
  base = f'dict(n_layers=1, head_bias=False, vocab_size={n_words})'
  first, _, *logs = train('stage1', f'config.start.model.llm = {base}')

  def after(stage):
    return f'config.start.update(init_from={str(stage)!r}, preset=None)'

  second, before, log = train('stage2', after(tmp_path / 'stage1/model'))
  logs.append(log)
  third, now, log = train('stage3', after(tmp_path / 'stage2/model'))
  logs.append(log)
  assert (first['llm']['lora'], first['llm']['head_bias']) == (None, False)
  n_new = second['n_intervals'] + 2
  assert second['llm']['vocab_size'] == n_words + n_new
  assert second['llm']['head_bias'] and second['llm']['lora']['rank'] == 4
  assert third == second
  for lines in logs:
    assert all(np.isfinite(line['loss']) for line in lines)
    assert lines[-1]['replaced'] > 0  # the video that is not there
  moved = {p for p, x in now.items() if not np.array_equal(x, before[p])}
  tops = {'/'.join(path.split('/')[:2]) for path in moved}
  assert tops == {
    'two_stream/image_projector',
    'two_stream/video_projector',
    'llm/embed',
    'llm/lm_head',
    'llm/layers',
  }
  assert vtg_jax.load(tmp_path / 'stage3/model')
