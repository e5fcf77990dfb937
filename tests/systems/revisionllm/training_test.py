"""ReVisionLLM's training: what starts, what learns, what rests."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.systems.revisionllm import golden
from vtg_jax import config_file
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.planning.flops import count_flops
from vtg_jax.systems.revisionllm import prompt
from vtg_jax.systems.revisionllm.config import LevelConfig
from vtg_jax.systems.revisionllm.flops import row_products
from vtg_jax.systems.revisionllm.model import init_params, param_shapes
from vtg_jax.systems.revisionllm.replay.golden_set import GoldenSet
from vtg_jax.systems.revisionllm.rows import lay_out
from vtg_jax.systems.revisionllm.sample_rows import RowMaker
from vtg_jax.systems.revisionllm.starting_point import (
  CopiedAdapter,
  with_copies,
)
from vtg_jax.systems.revisionllm.tasks import task as task_of
from vtg_jax.systems.revisionllm.training import ReVisionLlmTask
from vtg_jax.systems.training.starting_point import StartingPoint
from vtg_jax.train.freeze import join, split
from vtg_jax.train.loop import fit
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}


def make_task(stage, **changes):
  values = config_file.read_config(f'revisionllm/{stage}:quicktest')
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  return task_of(rest | changes)


@pytest.fixture(scope='module')
def unified():
  """The task whose steps take turns between both kinds of levels."""
  return make_task(
    'vidchapters_unified',
    compute={'dtype': 'float32', 'attention': 'xla', 'remat': False},
    optimiser={'peak': 3e-2, 'clip_norm': 1.0},
  )


def first_batches(task, n=2, *, number=1, **options):
  batches = task.batches(batch_size=n, seed=0, **options)
  found = [next(batches) for _ in range(number)]
  batches.close()
  return [
    {name: jnp.asarray(x) for name, x in batch.items()} for batch in found
  ]


def test_steps_of_the_unified_variant_take_turns(unified, tmp_path):
  """And one adapter learns from both; all else rests."""
  task = unified
  told = []
  options = FitOptions(
    batch_size=8, steps=6, warmup_steps=1, log_every=1, checkpoint_every=6
  )
  done = fit(
    task,
    options,
    folder=tmp_path,
    config={},
    show=lambda step, n, figures: told.append(figures),
  )
  levels = [name for f in told for name in f if name.startswith('loss/')]
  assert levels == ['loss/long_100', 'loss/dense'] * 3
  assert told[-1]['loss/dense'] < 0.9 * told[1]['loss/dense']
  before = flatten(task.params(seed=options.seed))
  after = flatten(checkpoint.load_params(done.model))
  assert checkpoint.read_config(done.model)['system'] == 'revisionllm'
  learns = split(join({}, before), task.trainable)[0]
  assert {path.split('/')[1] for path in learns} == {'unified'}
  for path, x in after.items():
    assert np.array_equal(x, before[path]) == (path not in learns), path


def test_a_stage_goes_on_from_the_checkpoint_of_another(tmp_path):
  """Its adapter begins as a copy, and the encoder is drawn."""
  dense = make_task('dense')
  params = dense.params(seed=0)
  dense.save(tmp_path / 'dense', params)
  level = {'name': 'long_4', 'lora': 'long_4', 'n_windows': 4}
  levels = [level, {'name': 'dense', 'lora': 'dense', 'n_windows': None}]
  start = {
    'init_from': str(tmp_path / 'dense'),
    'model': {'levels': levels},
    'copied': [{'name': 'long_4', 'of': 'dense'}],
    'drawn': [r'clip_encoder/.*'],
  }
  options = {'levels': ['long_4'], 'trainable': [r'loras/long_4/.*']}
  long = flatten(make_task('long_100', start=start, **options).params(seed=1))
  changed, copies = set(), set()
  for path, x in flatten(params).items():
    if not np.array_equal(long[path], x):
      changed.add(path.partition('/')[0])
    if path.startswith('loras/dense/'):
      copies.add(path.replace('dense', 'long_4'))
      np.testing.assert_array_equal(long[path.replace('dense', 'long_4')], x)
  assert changed == {'clip_encoder'}
  assert long.keys() == flatten(params).keys() | copies


def test_adapters_that_no_level_wears_are_left_out(unified):
  model = unified.model
  stored = {
    'llm/embed/embedding': np.zeros(1),
    'dense_projector/bias': np.zeros(2),
    'loras/dense/lora_a': np.ones(3),
    'loras/other/lora_a': np.ones(4),
  }
  copied = (CopiedAdapter(name='unified', of='dense'),)
  found = with_copies(stored, 0, copied=copied, model=model)
  kept = {'llm/embed/embedding', 'dense_projector/bias'}
  assert found.keys() == kept | {'loras/unified/lora_a'}
  assert found['loras/unified/lora_a'] is stored['loras/dense/lora_a']
  again = {**stored, 'loras/unified/lora_a': np.zeros(3)}
  found = with_copies(again, 0, copied=copied, model=model)
  assert found['loras/unified/lora_a'] is again['loras/unified/lora_a']
  copied = (CopiedAdapter(name='unified', of='film'),)
  with pytest.raises(BadInput, match="'film', which .* one of dense, other"):
    with_copies(stored, 0, copied=copied, model=model)


def test_hosts_share_the_batches_of_both_kinds(unified):
  task = unified
  whole = first_batches(task, 4, number=2)
  parts = [
    first_batches(task, 4, number=2, process_index=i, process_count=2)
    for i in range(2)
  ]
  for i, batch in enumerate(whole):
    for name, x in batch.items():
      joined = np.concatenate([part[i][name] for part in parts])
      np.testing.assert_array_equal(x, joined, err_msg=name)


def test_a_step_costs_what_the_trace_says(unified):
  task = unified
  trained, frozen = split(param_shapes(task.model), task.trainable)
  counted = 0
  for batch in first_batches(task, 2, number=2):

    def loss(some, others, batch=batch):
      return task.eval_sums(join(some, others), batch, jax.random.key(0)).total

    counted += count_flops(jax.grad(loss), trained, frozen).matmul / 2
  needed = task.flops_per_step(2)
  assert abs(counted / needed - 1) < 0.05


def test_a_bare_level_has_no_products_of_an_adapter(unified):
  task = unified
  dense = task.model.level('dense')
  bare = dataclasses.replace(dense, lora=None)
  sizes = {'row_tokens': 10, 'query_words': 3}
  weights = [
    {p.weight for p in row_products(task.model, level, **sizes)}
    for level in (dense, bare)
  ]
  assert {w.rpartition('/')[2] for w in weights[0] - weights[1]} == {
    'lora_a',
    'lora_b',
  }


@pytest.mark.parametrize(
  ('changes', 'said'),
  [
    ({'levels': ['film']}, "no level is called 'film'; use one of"),
    ({'levels': []}, 'name one or more'),
    ({'start': {'preset': None}}, 'give exactly one'),
    ({'start': {'preset': 'mad'}}, 'start.tokenizer is None'),
    ({'start': {'preset': 'film', 'tokenizer': '.'}}, 'is not there; give a'),
    ({'trainable': [r'film/.*']}, 'matches no parameter'),
  ],
)
def test_what_does_not_fit_is_refused(changes, said):
  with pytest.raises(BadInput, match=said):
    make_task('dense', **changes)


# What is trained, of which arrays of the golden set, the rows of visual
# tokens, and the recorded loss.
GOLDEN_LOSSES = {
  'dense': ('dense', None, 12, 'dense/loss_lora'),
  'sparse': ('dense', 'dense', 1, 'sparse1/loss'),
  'long': ('hier', 'hier', 6, 'hier/loss_lora'),
}


@pytest.fixture(scope='module')
def golden_set():
  return GoldenSet(golden.GOLDEN)


@pytest.mark.parametrize('level', GOLDEN_LOSSES)
def test_the_losses_are_those_of_the_reference(golden_set, level):
  """Rows are written from the texts, and are the recorded ones."""
  arrays, text, n_visual, loss = GOLDEN_LOSSES[level]
  inputs, told = golden_set.inputs, golden_set.description
  maker = RowMaker(
    tokenizer=golden_set.tokenizer, n_visual=n_visual, text_tokens=220
  )
  ids, labels = (inputs[f'{arrays}/{x}'] for x in ('input_ids', 'labels'))
  answers = told['answers_dense' if arrays == 'dense' else 'answers_hier']
  rows = []
  for i, (own, learnt) in enumerate(zip(ids, labels, strict=True)):
    row = maker(prompt.question(told['queries'][i]), answers[i])
    real = own != 0
    want = lay_out(
      [own[real]], n_visual, [learnt[real]], pad_to=maker.row_tokens
    )
    for name, x in row.items():
      np.testing.assert_array_equal(x, getattr(want, name)[0], err_msg=name)
    rows.append(row)
  batch = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
  batch['features'] = inputs[f'{arrays}/features']
  if text:
    batch['text'] = inputs[f'{text}/query_tokens']
    batch['text_mask'] = inputs[f'{text}/query_mask'] > 0
  sparse = LevelConfig(name='sparse', lora='dense', n_windows=1)
  model = dataclasses.replace(
    golden_set.config, levels=(*golden_set.config.levels, sparse)
  )
  task = ReVisionLlmTask(
    {
      'start': {'preset': 'small'},
      'optimiser': {'peak': 1e-4},
      'levels': [level],
      'trainable': [r'loras/.*'],
      'compute': {'dtype': 'float32', 'attention': 'auto', 'remat': False},
    },
    start=StartingPoint(model, {}, init_params=init_params),
  )
  sums = jax.jit(task.eval_sums)(
    golden_set.params, jax.tree.map(jnp.asarray, batch), jax.random.key(0)
  )
  np.testing.assert_allclose(
    sums.total / sums.weight, golden_set.recorded[loss], atol=2e-6
  )
