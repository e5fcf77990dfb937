"""The decoder as Phi-3.5 and Llama-3 of the golden Grounded-VideoLLM."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.llm.golden_lm import (
  IGNORE,
  INPUTS,
  NAMES,
  OUTPUTS,
  TOLD,
  TOLERANCE,
  decoder_of,
  follow,
  logits_of,
  params_of,
  spliced,
  states,
)
from vtg_jax.convert.param_tree import flatten
from vtg_jax.llm.decoder import Decoder
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import merge_lora
from vtg_jax.train.loss import next_token_sums

STAGES = {'stage1': False, 'sft': True}  # -> whether the model was tuned


def rows_of(name, stage, params, text_only=()):
  """Embeddings, labels and which tokens are real, of one golden batch."""
  ids, labels, mask = (
    INPUTS[f'{name}.{stage}.{part}']
    for part in ('input_ids', 'labels_text', 'attention_mask_text')
  )
  embeds, words = spliced(name, ids, params, text_only)
  watched = [i not in text_only for i in range(len(ids))]
  return (
    embeds,
    follow(words, labels, IGNORE),
    follow(words, mask, watched).astype(bool),
  )


def loss_of(decoder, params, rows):
  embeds, labels, real = rows
  hidden = states(decoder, params, embeds, real).hidden
  total, counted = next_token_sums(
    hidden,
    jnp.asarray(labels),
    lambda hidden: logits_of(decoder, params, hidden),
    ignore=IGNORE,
  )
  return total.sum() / counted.sum()


def check(got, name):
  np.testing.assert_allclose(got, OUTPUTS[name], **TOLERANCE)


@pytest.mark.parametrize('name', NAMES)
def test_before_tuning_it_scores_as_the_base_model(name):
  decoder = decoder_of(name, tuned=False)
  params = params_of(name, tuned=False)
  rows = rows_of(name, 'stage1', params)
  hidden = states(decoder, params, rows[0], rows[2]).hidden
  tail = logits_of(decoder, params, hidden[:, -12:])
  check(tail, f'{name}.stage1.logits_tail')
  check(loss_of(decoder, params, rows), f'{name}.stage1.loss')


@pytest.mark.parametrize('name', NAMES)
def test_with_adapters_it_scores_as_the_tuned_model(name):
  decoder, params = decoder_of(name), params_of(name)
  rows = rows_of(name, 'sft', params)
  embeds, labels, real = rows
  np.testing.assert_array_equal(labels, OUTPUTS[f'{name}.sft.labels_spliced'])
  np.testing.assert_array_equal(
    real, OUTPUTS[f'{name}.sft.attention_mask_spliced']
  )
  hidden = states(decoder, params, embeds, real).hidden
  logits = logits_of(decoder, params, hidden)
  check(logits[:, -12:], f'{name}.sft.logits_lora_tail')
  check(logits[:, :4], f'{name}.sft.logits_lora_first_text')
  check(loss_of(decoder, params, rows), f'{name}.sft.loss')


@pytest.mark.parametrize('name', NAMES)
def test_without_adapters_the_words_and_the_head_stay_tuned(name):
  tuned = decoder_of(name)
  config = dataclasses.replace(tuned.config, lora=None)
  decoder, params = Decoder(config, Compute()), params_of(name)
  rows = rows_of(name, 'sft', params)
  hidden = states(decoder, params, rows[0], rows[2]).hidden
  tail = logits_of(decoder, params, hidden[:, -12:])
  check(tail, f'{name}.sft.logits_no_lora_tail')
  check(loss_of(decoder, params, rows), f'{name}.sft.loss_no_lora')


@pytest.mark.parametrize('name', NAMES)
def test_merged_adapters_score_as_adapters_beside_their_kernels(name):
  lora = decoder_of(name).config.lora
  config = dataclasses.replace(decoder_of(name).config, lora=None)
  decoder = Decoder(config, Compute())
  params = merge_lora(params_of(name), lora.scale)
  assert not [path for path in flatten(params) if 'lora' in path]
  embeds, _, real = rows_of(name, 'sft', params)
  hidden = states(decoder, params, embeds, real).hidden
  tail = logits_of(decoder, params, hidden[:, -12:])
  check(tail, f'{name}.sft.logits_lora_tail')


@pytest.mark.parametrize('name', NAMES)
def test_a_text_sees_nothing_of_the_video_behind_it(name):
  decoder, params = decoder_of(name), params_of(name)
  rows = rows_of(name, 'sft', params, text_only=(0,))
  embeds, labels, real = rows
  np.testing.assert_array_equal(
    labels, OUTPUTS[f'{name}.textonly.labels_spliced']
  )
  np.testing.assert_array_equal(
    real, OUTPUTS[f'{name}.textonly.attention_mask']
  )
  hidden = states(decoder, params, embeds, real).hidden
  head = logits_of(decoder, params, hidden[0, :24])
  check(head, f'{name}.textonly.logits_b0_head')
  check(loss_of(decoder, params, rows), f'{name}.textonly.loss')


def test_rows_beyond_the_original_context_have_long_factors():
  short = TOLD['phi3']['longfactor_original_max_position_embeddings']
  decoder = decoder_of('phi3', original_positions=short)
  params = params_of('phi3')
  rows = rows_of('phi3', 'sft', params)
  hidden = states(decoder, params, rows[0], rows[2]).hidden
  tail = logits_of(decoder, params, hidden[:, -16:])
  check(tail, 'phi3.sft_longfactor.logits_tail')
  check(loss_of(decoder, params, rows), 'phi3.sft_longfactor.loss')


ADAPTED = {
  'phi3': ('qkv_proj', 'o_proj'),
  'llama3': ('q_proj', 'o_proj'),
}


@pytest.mark.parametrize('name', NAMES)
def test_gradients_are_those_of_the_reference(name):
  decoder, params = decoder_of(name), params_of(name)

  @jax.jit
  @jax.grad
  def gradients(params):
    return loss_of(decoder, params, rows_of(name, 'sft', params))

  got = gradients(jax.tree.map(jnp.asarray, params))
  wrapped = f'{name}.grad|language_model.base_model.model.'
  check(got['lm_head']['bias'], f'{wrapped}lm_head.bias')
  for layer in ADAPTED[name]:
    key = f'model.layers.0.self_attn.{layer}.lora_B.default.weight'
    check(got['layers'][layer]['lora_b'][0].T, f'{wrapped}{key}')
