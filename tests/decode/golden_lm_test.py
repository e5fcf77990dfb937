"""Greedy decoding as the golden Grounded-VideoLLM does it, after a video."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.llm.golden_lm import (
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
from vtg_jax.decode.greedy import GreedyConfig, decode_greedily
from vtg_jax.llm import unrolled
from vtg_jax.llm.decoder import Past

G = 12


@functools.cache
def prompts_of(name):
  """Embeddings, real tokens and positions of prompts padded on the left."""
  ids = INPUTS[f'{name}.gen.input_ids']
  embeds, words = spliced(name, ids, params_of(name))
  is_word = ids != TOLD[name]['tokenizer_pad_id']
  real = follow(words, is_word, True)
  # Padding has no position of its own and goes by 1.
  positions = np.where(real, np.cumsum(real, 1) - 1, 1)
  return embeds, real, jnp.asarray(positions)


@functools.cache
def prefilled(name, original_positions=None):
  decoder = decoder_of(name, original_positions=original_positions)
  params = jax.tree.map(jnp.asarray, params_of(name))
  embeds, real, positions = prompts_of(name)
  out = states(decoder, params, embeds, real, positions)
  past = Past(out.kv, jnp.asarray(real)[:, None])
  logits = logits_of(decoder, params, out.hidden[:, -1])
  return decoder, params, past, logits


def generated(name, eos_id, original_positions=None):
  decoder, params, past, logits = prefilled(name, original_positions)
  config = GreedyConfig(
    max_new_tokens=G,
    eos_id=eos_id,
    stop_ids=(),
    pad_id=TOLD[name]['tokenizer_pad_id'],
  )

  @jax.jit
  def run(params, past, logits, sequence_length):
    position = past.mask.sum((1, 2))
    return decode_greedily(
      decoder,
      params,
      [past],
      logits,
      position,
      config,
      sequence_length=sequence_length,
    )

  return np.asarray(run(params, past, logits, past.mask.shape[-1]).ids)


def step_logits(name, ids, original_positions=None):
  """Scores before each of these ids, from a cache that fills up."""
  decoder, params, past, logits = prefilled(name, original_positions)
  position, S = past.mask.sum((1, 2)), past.mask.shape[-1]
  table, steps = jnp.asarray(params['embed']['embedding']), [logits]

  @jax.jit
  def step(params, past, kv, token, i):
    out = decoder.apply(
      {'params': params},
      table[token][:, None],
      (position + i)[:, None],
      past=[past, Past(kv, (jnp.arange(G) < i)[None, None])],
      sequence_length=S + i + 1,
    )
    kv = jax.tree.map(lambda c, x: c.at[:, :, i].set(x[:, :, 0]), kv, out.kv)
    return logits_of(decoder, params, out.hidden[:, 0]), kv

  kv = jax.tree.map(lambda x: jnp.zeros_like(x[:, :, :G]), past.kv)
  for i in range(ids.shape[1] - 1):
    scores, kv = step(params, past, kv, jnp.asarray(ids[:, i]), i)
    steps.append(scores)
  return jnp.stack(steps, 1)


@pytest.mark.parametrize('stacked', [False, True])
@pytest.mark.parametrize('name', NAMES)
def test_new_tokens_are_those_of_the_reference(name, stacked, monkeypatch):
  if stacked:
    monkeypatch.setattr(unrolled, 'MOST_BYTES', 0)
  np.testing.assert_array_equal(
    prompts_of(name)[1], OUTPUTS[f'{name}.gen.attention_mask']
  )
  want = OUTPUTS[f'{name}.gen.greedy_ids']
  np.testing.assert_array_equal(
    generated(name, TOLD[name]['tokenizer_eos_id']), want
  )


@pytest.mark.parametrize('name', NAMES)
def test_rows_that_have_ended_are_filled_with_padding(name):
  want = OUTPUTS[f'{name}.gen_eos.greedy_ids']
  got = generated(name, TOLD[name]['gen_eos_id'])
  # The reference stops when all rows have ended.
  np.testing.assert_array_equal(got[:, : want.shape[1]], want)
  assert (got[:, want.shape[1] :] == TOLD[name]['tokenizer_pad_id']).all()


@pytest.mark.parametrize('name', NAMES)
def test_scores_after_a_cached_prompt_are_those_of_whole_rows(name):
  got = step_logits(name, OUTPUTS[f'{name}.gen.greedy_ids'])
  np.testing.assert_allclose(
    got[:, 0], OUTPUTS[f'{name}.gen.first_step_logits'], **TOLERANCE
  )
  np.testing.assert_allclose(
    got, OUTPUTS[f'{name}.gen.teacher_forced_logits'], **TOLERANCE
  )


def test_cached_keys_keep_short_factors_when_the_row_outgrows_them():
  context = TOLD['phi3']['gen_cross_original_max_position_embeddings']
  assert context - prompts_of('phi3')[1].shape[1] in range(G)
  want = OUTPUTS['phi3.gen_cross.greedy_ids']
  eos_id = TOLD['phi3']['tokenizer_eos_id']
  np.testing.assert_array_equal(generated('phi3', eos_id, context), want)
  np.testing.assert_allclose(
    step_logits('phi3', want, context),
    OUTPUTS['phi3.gen_cross.step_logits'],
    **TOLERANCE,
  )


def test_a_long_prompt_is_continued_with_long_factors():
  context = TOLD['phi3']['longfactor_original_max_position_embeddings']
  eos_id = TOLD['phi3']['tokenizer_eos_id']
  np.testing.assert_array_equal(
    generated('phi3', eos_id, context),
    OUTPUTS['phi3.gen_longfactor.greedy_ids'],
  )
