"""TimeChat's training: what starts, what learns, what configs vary."""

import dataclasses

import jax
import numpy as np
import pytest

from configs.timechat.small import VARIANTS
from vtg_jax import config_file
from vtg_jax.errors import BadInput
from vtg_jax.systems.registry import SHIPPED
from vtg_jax.systems.timechat import chat
from vtg_jax.systems.timechat.ids import IGNORE
from vtg_jax.systems.timechat.model import param_shapes
from vtg_jax.systems.timechat.tasks import task as task_of
from vtg_jax.systems.timechat.training_data import DataOptions
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}


def make_task(variant, **changes):
  values = config_file.read_config(f'timechat/small:{variant}')
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  return task_of(rest | changes)


def first_batch(task, n=2):
  batches = task.batches(batch_size=n, seed=0)
  batch = next(batches)
  batches.close()
  return batch


@pytest.fixture(scope='module')
def quick():
  return make_task('quicktest', task='answers')


def test_a_loss_of_a_drawn_batch(quick):
  batch = first_batch(quick)
  total, weight, _ = jax.eval_shape(
    quick.loss_sums, param_shapes(quick.model), batch, jax.random.key(0)
  )
  assert total.shape == weight.shape == ()
  assert quick.n_tokens(batch) == batch['attention_mask'].sum()
  assert batch['frames'].shape == (2, 8, 32, 32, 3)
  for labels in batch['labels']:  # no answer is cut off
    learnt = labels[labels != IGNORE]
    assert learnt[-1] == quick.tokenizers()[0].eos_id


def test_digit_tokens_have_rows_of_their_own(quick):
  batch, words = first_batch(quick, 4), quick.tokenizers()[0]
  digits = words.vocab_size + 1 + np.arange(10)
  learnt = batch['labels'][batch['labels'] != IGNORE]
  assert np.isin(digits, batch['input_ids']).all()
  assert np.isin(learnt, digits).any()
  assert quick.model.llm.vocab_size == words.vocab_size + 11
  # And what is trained will be asked in its own words.
  told = quick.model.places, quick.model.qformer_time_format
  assert told == ('codes', chat.RELATIVE_TEXT)
  assert quick.model.prompts == 'as_trained'
  n = words.vocab_size + 1
  with pytest.raises(BadInput, match=r'need \d+ rows; use data.places=plain'):
    make_task(
      'quicktest',
      start={'preset': 'small', 'model': {'llm': {'vocab_size': n}}},
    ).tokenizers()


def test_variants_differ_in_their_data_only():
  whole = config_file.read_config('timechat/small')
  all_data = DataOptions.from_dict(whole['data'])
  for variant in VARIANTS:
    config = config_file.read_config(f'timechat/small:{variant}')
    data = DataOptions.from_dict(config.pop('data'))
    assert config == {k: v for k, v in whole.items() if k != 'data'}
    assert data.drawn_videos == all_data.drawn_videos
    is_plain = variant in ('baseline', 'images_plain', 'plain')
    assert data.places == ('plain' if is_plain else 'codes')
    assert bool(data.drawn_images) == (variant != 'baseline')
    no_clips = variant in ('baseline', 'images', 'images_plain')
    assert bool(data.drawn_clips) != no_clips
    if data.drawn_images:
      rule = data.drawn_images[0].rule
      left_out = [
        name for name in ('iig', 'iic', 'alr') if not getattr(rule, f'n_{name}')
      ]
      assert left_out == ([variant[3:]] if variant.startswith('no_') else [])
      assert len(rule) == len(all_data.drawn_images[0].rule)


def test_what_is_unknown_is_named():
  with pytest.raises(BadInput, match="save_dtype is 'wide'"):
    make_task('quicktest', save_dtype='wide')
  with pytest.raises(BadInput, match="preset is 'tiny'; use one of full"):
    make_task('quicktest', start={'preset': 'tiny', 'tokenizers': str(SHIPPED)})
  with pytest.raises(ValueError, match="'other' is no variant"):
    config_file.read_config('timechat/small:other')
