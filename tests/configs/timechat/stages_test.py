"""The stages: their numbers, what trains, and a run of them on real files."""

import dataclasses
import functools
import json

import jax
import numpy as np
import pytest
from PIL import Image

import vtg_jax
from configs.timechat_recipe import START, TIMECHAT
from tests.systems.golden_folder import random_params
from vtg_jax import cli, config_file
from vtg_jax.convert import checkpoint
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.moments.relative_position import TOKENS
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.registry import SHIPPED
from vtg_jax.systems.timechat.config import small
from vtg_jax.systems.timechat.ids import IGNORE
from vtg_jax.systems.timechat.model import param_shapes
from vtg_jax.systems.timechat.programs import sizes_of
from vtg_jax.systems.timechat.tasks import task as task_of
from vtg_jax.systems.timechat.training import TimeChatTask
from vtg_jax.systems.vocabularies import read_tokenizers, training_files
from vtg_jax.testing.numbered_video import write_numbered_video
from vtg_jax.train.freeze import flatten, split
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}
STAGES = ('instruction_tuning', 'seq2time_stage1', 'seq2time_stage2')
DIGITS = {'llm/new_embed', 'llm/new_head'}


def read(name):
  """The loop's options, and the entries of the task."""
  values = config_file.read_config(f'timechat/{name}')
  assert values['system'] == 'timechat'
  options = from_json(
    FitOptions, {k: v for k, v in values.items() if k in OWN}, 'the config'
  )
  rest = {k: v for k, v in values.items() if k not in OWN | {'system', 'task'}}
  return options, rest


@functools.cache  # of shapes only, which still take a second
def at_full_size(name):
  options, rest = read(name)
  sizes, _ = sizes_of(rest['start'])
  return options, TimeChatTask(rest, start=sizes)


# Batch, micro-batches, steps and warm-up of a pass of 1000 steps.
@pytest.mark.parametrize(
  ('stage', 'numbers'),
  [
    ('instruction_tuning', (32, 4, 16_500, 3300.0)),
    ('seq2time_stage1', (8, 1, 1000, 50)),
    ('seq2time_stage2', (8, 1, 3000, 600.0)),
  ],
)
def test_a_stage_has_the_published_numbers(stage, numbers):
  options, task = at_full_size(stage)
  assert (
    options.batch_size, options.accumulate, *options.lengths(1000)
  ) == numbers  # fmt: skip
  total, warmup = numbers[2:]
  rate = dataclasses.replace(
    task.optimiser, total_steps=total, warmup_steps=warmup
  ).schedule.learning_rate
  just_before, just_after = rate(warmup - 1e-6), rate(warmup)
  assert rate(0) == pytest.approx(1e-6) and rate(total) == pytest.approx(1e-5)
  assert just_before == pytest.approx(3e-5)
  assert 1e-5 < just_after < 0.999 * just_before
  assert (task.optimiser.weight_decay, task.optimiser.clip_norm) == (0.05, None)
  model, data = task.model, task.data_options()
  assert (model.n_frames, model.video_qformer.n_frames) == (96, 96)
  assert model.llm.lora.rank == model.llm.lora.alpha == 32
  assert (data.row_tokens, data.sampling, data.random_crop) == (
    2048, 'rand', True
  )  # fmt: skip
  trained, _ = split(task.axes, task.trainable)
  tops = {path.partition('/')[0] for path in trained}
  assert tops == {'qformer', 'video_qformer', 'projector', 'llm'}
  of_llm = {p for p in trained if p.startswith('llm/') and 'lora_' not in p}
  has_digits = stage != 'instruction_tuning'
  assert of_llm == (DIGITS if has_digits else set())
  assert (model.places == 'codes') == has_digits
  assert model.llm.n_words == (32_011 if has_digits else 32_000)


def test_stage_1_is_as_large_as_the_papers():
  data = at_full_size('seq2time_stage1')[1].data_options()
  (images,), (clips,) = data.images, data.clips
  assert (len(images.rule), len(clips.rule)) == (300_000, 100_000)
  assert len(images.images) == 3 and images.rule.n_images == 96
  assert clips.rule.n_clips == (2, 10) and clips.rule.n_frames == 96
  assert {one.weight for one in data.sets} == {None}  # all of them once
  assert len(data.videos) == 3


def test_variants_leave_out_what_they_say():
  found = {}
  for variant in ('', 'plain', 'images', 'no_clips'):
    name = f'seq2time_stage1{variant and ":"}{variant}'
    _, rest = read(name)
    data = rest['data']
    found[variant] = (
      len(data['videos']), bool(data['images']), bool(data['clips']),
      data['places'], rest['start']['digit_rows'],
    )  # fmt: skip
    _, after = read(name.replace('1', '2', 1))
    assert after['start']['init_from'] == (
      f'out/timechat/seq2time_stage1{variant and "-"}{variant}/model'
    )
    assert after['data']['places'] == data['places']
  assert found == {
    '': (3, True, True, 'codes', True),
    'plain': (3, True, True, 'plain', False),
    'images': (2, True, False, 'codes', True),
    'no_clips': (3, True, False, 'codes', True),
  }
  _, baseline = read('seq2time_stage2:baseline')
  assert baseline['start']['init_from'] == START
  assert baseline['data']['places'] == 'plain'
  with pytest.raises(ValueError, match='no argument .fast.; .* baseline'):
    read('seq2time_stage2:fast')


# The epochs of the release are so many micro-batches, the first is warm-up.
@pytest.mark.parametrize(
  ('name', 'epoch', 'accumulate'),
  [('charades_sta', 3102, 8), ('qvhighlights', 1714, 8), ('youcook2', 1192, 4)],
)
def test_fine_tuning_goes_on_from_the_released_model(name, epoch, accumulate):
  options, rest = read(name)
  assert (options.batch_size, options.accumulate) == (8, accumulate)
  assert options.lengths(None) == (3 * epoch // accumulate, epoch / accumulate)
  (files,) = rest['data'].pop('videos')
  assert name.partition('_')[0] in files['annotations']
  assert rest['start'].pop('init_from') == TIMECHAT
  _, before = read('instruction_tuning')
  del before['data']['videos'], before['start']['init_from']
  assert rest == before
  options, quick = read(f'{name}:quicktest')
  assert (options.batch_size, options.accumulate, options.steps) == (4, 2, 4)
  assert quick['start']['init_from'] is None and not quick['data']['videos']
  assert len(quick['data']['drawn_videos']) == 1


@pytest.mark.parametrize('stage', STAGES)
def test_a_quicktest_needs_no_files(stage):
  options, rest = read(f'{stage}:quicktest')
  json.dumps(rest)
  task = task_of(rest)
  batches = task.batches(batch_size=options.batch_size, seed=0)
  batch = next(batches)
  batches.close()
  assert (batch['labels'] != IGNORE).any(axis=1).all()
  assert task.flops_per_step(4) > 0
  if stage == 'seq2time_stage1':
    shapes, key = param_shapes(task.model), jax.random.key(0)
    assert flatten(shapes).keys() == task.axes.keys()
    loss = jax.eval_shape(task.loss_sums, shapes, batch, key)
    assert loss.total.shape == ()


def test_what_is_not_there_is_told_in_a_sentence(capsys, tmp_path):
  out = ['--folder', str(tmp_path / 'out')]
  assert cli.main(['train', 'timechat/seq2time_stage1', *out]) == 2
  said = capsys.readouterr().err
  assert said.count('\n') == 1 and f'{START}, which this stage starts' in said
  file = tmp_path / 'mine.py'
  file.write_text(
    'from configs.timechat.seq2time_stage2 import get_config as quick\n'
    'from configs.timechat_recipe import TIMEIT\n'
    'def get_config(arg):\n'
    "  config = quick('quicktest')\n"
    '  config.batch_size, config.data.videos = 8, (TIMEIT,)\n'
    '  return config\n'
  )
  assert cli.main(['train', str(file), *out]) == 2
  said = capsys.readouterr().err
  assert said.count('\n') == 1
  assert 'there is no folder data/timechat; give the videos' in said


# A stage on files, that starts from a tiny checkpoint.
CONFIG = """
from configs.timechat.{stage} import get_config as stage
from configs.timechat_recipe import quicktest
def get_config(arg):
  config, quick = stage(), stage('quicktest')
  config.batch_size, config.accumulate = 8, 1  # as there are devices
  config.steps, config.epochs = 2, None
  config.warmup_steps = 1.0
  config.warmup_share = config.warmup_epochs = None
  config.log_every = 1
  config.compute = quick.compute
  config.start.init_from = {start!r}
  config.start.model.video_qformer.n_frames = 32
  config.start.model.n_frames = 8
  data, few = config.data, {few!r}
  videos = tuple({{**one, **few['videos']}} for one in data.videos)
  config.data.videos = videos
  if data.images:
    rule = {{**data.images[0]['rule'], 'n_images': 8}}
    images = {{'images': few['images'], 'rule': rule, 'weight': 1.0}}
    clips = {{**data.clips[0]['rule'], 'n_frames': 8, 'n_clips': (2, 2)}}
    clips = {{'clips': few['clips'], 'rule': clips, 'weight': 1.0}}
    config.data.images, config.data.clips = (images,), (clips,)
  config.data.row_tokens, config.data.time_tokens = 640, 24
  config.data.loader.n_workers = 0
  return config
"""


@pytest.fixture
def few(tmp_path):
  """Some files of each kind."""
  captions = {}
  for i in range(10):
    name, caption = f'{i}.png', f'A picture of number {i}.'
    Image.new('RGB', (20, 16), (20 * i, 9, 99)).save(tmp_path / name)
    captions[name] = caption
  (tmp_path / 'captions.json').write_text(json.dumps(captions))
  clips = []
  for action in ('run', 'jump', 'sing'):
    (tmp_path / action).mkdir()
    write_numbered_video(tmp_path / action / 'a.mp4', n_frames=12)
    video, caption = f'{action}/a.mp4', f'They {action}.'
    clips.append(json.dumps({'video': video, 'caption': caption}))
  (tmp_path / 'clips.jsonl').write_text('\n'.join(clips))
  answer = 'The given query happens in 0.1 - 0.4 seconds.'
  said = {'video': 'run/a.mp4', 'QA': [{'q': 'When is it?', 'a': answer}]}
  (tmp_path / 'it.json').write_text(json.dumps([said] * 8))
  folder = str(tmp_path)
  return {
    'images': ({'images': folder, 'captions': f'{folder}/captions.json'},),
    'clips': ({'videos': folder, 'captions': f'{folder}/clips.jsonl'},),
    'videos': {
      'annotations': f'{folder}/it.json', 'videos': folder, 'weight': 1.0
    },
  }  # fmt: skip


@pytest.fixture
def start(tmp_path):
  """What training starts from: no adapters, fewer positions of frames."""
  files = training_files(None, SHIPPED)
  words, own = read_tokenizers(files)
  sizes = small(vocab_size=words.vocab_size, bert_vocab_size=own.vocab_size)
  one = {'n_layers': 1}
  sizes = dataclasses.replace(
    sizes,
    encoder=dataclasses.replace(sizes.encoder, **one),
    qformer=dataclasses.replace(sizes.qformer, **one),
    video_qformer=dataclasses.replace(sizes.video_qformer, n_frames=4),
    llm=dataclasses.replace(sizes.llm, **one, lora=None),
    n_frames=4,
  )
  params = random_params(param_shapes(sizes))
  checkpoint.save_checkpoint(
    tmp_path / 'start',
    params,
    {'system': 'timechat', 'model': sizes.to_dict()},
    tokenizer_files=files,
  )
  return str(tmp_path / 'start'), flatten(params)


def test_a_stage_trains_on_files_and_the_next_begins_where_it_ended(
  few, start, tmp_path
):
  folder, before = start

  def config(stage, start):
    file = tmp_path / f'{stage}.py'
    file.write_text(CONFIG.format(stage=stage, start=start, few=few))
    return str(file)

  file = config('seq2time_stage1', folder)
  assert cli.main(['train', file, '--folder', str(tmp_path / 'out')]) == 0
  log = (tmp_path / 'out/log.jsonl').read_text().splitlines()
  assert all(np.isfinite(json.loads(line)['loss']) for line in log)
  model = tmp_path / 'out/model'
  after = flatten(checkpoint.load_params(model))
  rests = {path for path in before if path.startswith(('encoder', 'vision'))}
  rests |= {p for p in before if p.startswith('llm/')}
  for path in rests:
    np.testing.assert_array_equal(after[path], before[path], err_msg=path)
  # Digits began as plain ones, and have moved since.
  words = SentencePieceTokenizer(
    training_files(None, SHIPPED)['tokenizer.model']
  )
  (five,) = words.encode_continuation('a 5.', '5')
  moved = after['llm/new_embed'][5] - before['llm/embed/embedding'][five]
  assert 0 < np.abs(moved).max() < 1e-3
  assert len(after['video_qformer/frame_positions']) == 32
  vtg_jax.load(model)
  values = config_file.read_config(config('seq2time_stage2', str(model)))
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  task = task_of(rest)
  params = flatten(task.params(seed=0))
  assert params.keys() == after.keys()
  for path in ('llm/new_head', 'llm/layers/q_proj/lora_b'):
    np.testing.assert_array_equal(params[path], after[path])
  batch = next(task.batches(batch_size=2, seed=0))
  first = words.vocab_size + 1
  assert np.isin(np.arange(first, first + len(TOKENS)), batch['labels']).any()
