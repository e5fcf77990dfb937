"""The paper's stages: their numbers, and a run of all three on real files."""

import copy
import dataclasses
import json

import numpy as np
import pytest

import vtg_jax
from vtg_jax import cli, config_file
from vtg_jax.convert import checkpoint
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.grounded_videollm.programs import sizes_of
from vtg_jax.systems.grounded_videollm.training import GroundedVideoLlmTask
from vtg_jax.testing.numbered_video import write_numbered_video
from vtg_jax.train.freeze import split
from vtg_jax.train.optimiser import rate_multipliers
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}
STAGES = {
  # Global batch, epochs, micro-batches, text tokens, trained of Phi-3.5.
  'stage1': (256, 1.0, 2, 2048, 35_807_232),
  'stage2': (128, 3.0, 1, 4096, None),
  'stage3': (96, 1.0, 1, 2048, None),
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
  batch_size, epochs, accumulate, max_text, _ = STAGES[stage]
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


@pytest.fixture(scope='module')
def data(tmp_path_factory):
  folder = tmp_path_factory.mktemp('data')
  (folder / 'some').mkdir()
  write_numbered_video(folder / 'some/v_1.mp4', n_frames=12)
  mixture = folder / 'mix.json'
  mixture.write_text(json.dumps(ENTRIES))
  source = {'annotations': str(mixture), 'videos': str(folder)}
  return [
    f'data.files={json.dumps([source])}',
    'data.stories=[]',
    'data.loader.max_bad_share=1.0',
    'batch_size=2',
    'steps=2',
    'log_every=1',
  ]


def train(stage, out, *overrides):
  config = f'grounded_videollm/{stage}:quicktest'
  assert cli.main(['train', config, *overrides, '--folder', str(out)]) == 0
  lines = (out / 'log.jsonl').read_text().splitlines()
  return [json.loads(line) for line in lines]


def test_the_stages_follow_one_another_on_files(data, tmp_path, capsys):
  first = train(
    'stage1',
    tmp_path / '1',
    *data,
    'start.model.llm={"n_layers": 1, "head_bias": false, "vocab_size": 600}',
  )
  one = checkpoint.read_config(tmp_path / '1/model')['model']['llm']
  assert (one['lora'], one['head_bias']) == (None, False)
  second = train(
    'stage2',
    tmp_path / '2',
    *data,
    f'start.init_from={tmp_path}/1/model',
    'start.preset=null',
  )
  about = checkpoint.read_config(tmp_path / '2/model')['model']
  two = about['llm']
  assert two['vocab_size'] == one['vocab_size'] + about['n_intervals'] + 2
  assert two['head_bias'] and two['lora']['rank'] == 4
  third = train(
    'stage3',
    tmp_path / '3',
    *data,
    f'start.init_from={tmp_path}/2/model',
    'start.preset=null',
  )
  for lines in (first, second, third):
    assert all(np.isfinite(line['loss']) for line in lines)
    assert lines[-1]['replaced'] > 0  # the video that is not there
  # A step at rate 0, then one at a rate of its own for each group.
  before, after = (
    flat_params(tmp_path / f'{stage}/model') for stage in (2, 3)
  )
  moved = {p for p, x in after.items() if not np.array_equal(x, before[p])}
  assert 'llm/embed/embedding' in moved and 'llm/lm_head/bias' in moved
  assert not any(p.startswith(('image_encoder', 'video_')) for p in moved)
  assert vtg_jax.load(tmp_path / '3/model')
  capsys.readouterr()


def flat_params(folder):
  from vtg_jax.train.freeze import flatten

  return flatten(checkpoint.load_params(folder))
