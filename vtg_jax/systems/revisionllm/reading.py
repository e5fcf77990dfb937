"""ReVisionLLM's programs that answer: few shapes for videos of any length.

lead        'A chat between ... USER: '    once a level
encode      windows -> a row each          once a window and query
ask_windows  lead | rows | question  -> answer
ask_frames   lead | frames | question -> answer
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.decode.entropy import step_entropy
from vtg_jax.decode.greedy import GreedyConfig, GreedyOutput, decode_greedily
from vtg_jax.decode.number_grammar import NumberGrammar, NumberTables
from vtg_jax.llm.decoder import KeyValues, Past
from vtg_jax.systems.revisionllm.model import ReVisionLlm, decoder
from vtg_jax.systems.revisionllm.wording import Question


class How(NamedTuple):
  """What the programs are compiled for.

  Attributes:
    model: The network at a level.
    greedy: When to stop.
    gap: See `NumberGrammar`.
    is_normed: Whether the variant with a norm for visual rows uses it.
  """

  model: ReVisionLlm
  greedy: GreedyConfig
  gap: int
  is_normed: bool


@functools.partial(jax.jit, static_argnames='model')
def read_lead(
  params, ids: Int[Array, '1 T'], *, model: ReVisionLlm
) -> KeyValues:
  """What is known once the tokens before the video are read."""
  T = ids.shape[1]
  variables = {'params': params}
  embeds = model.apply(variables, ids, method='embed_tokens')
  positions = jnp.arange(T)[None]
  return model.apply(variables, embeds, positions, method='decode').kv


@functools.partial(jax.jit, static_argnames='model')
def encode(
  params,
  features: Float[Array, 'B F D'],
  text: Float[Array, 'T D'],
  text_mask: Bool[Array, ' T'],
  *,
  model: ReVisionLlm,
) -> Float[Array, 'B E']:
  """A row for each window, in the light of the query."""
  B = features.shape[0]
  out = model.apply(
    {'params': params},
    features,
    jnp.broadcast_to(text, (B, *text.shape)),
    jnp.broadcast_to(text_mask, (B, *text_mask.shape)),
    method='encode_windows',
  )
  return out.rows[:, 0].astype(jnp.float32)


@functools.partial(jax.jit, static_argnames='how')
def ask_windows(
  params,
  lead: KeyValues,
  rows: Float[Array, 'B R E'],
  is_shown: Bool[Array, 'B R'],
  question: Question,
  answers: NumberTables | None,
  *,
  how: How,
) -> GreedyOutput:
  """Which of the windows that are shown.

  Args:
    params: Of the network at the level.
    lead: From `read_lead`.
    rows: From `encode`.
    is_shown: False for what fills up, at the end.
    question: About them.
    answers: What may be answered; anything when None.
    how: Static.
  """
  limit = is_shown.sum(axis=1).astype(jnp.int32)
  return _answer(params, lead, rows, is_shown, question, answers, limit, how)


@functools.partial(jax.jit, static_argnames='how')
def ask_frames(
  params,
  lead: KeyValues,
  features: Float[Array, 'B F D'],
  question: Question,
  answers: NumberTables | None,
  *,
  how: How,
) -> GreedyOutput:
  """Which frames of each window; arguments as above."""
  B, F, _ = features.shape
  rows = how.model.apply({'params': params}, features, method='dense_rows')
  is_shown = jnp.ones((B, F), bool)
  limit = jnp.full((B,), F - 1, jnp.int32)
  return _answer(params, lead, rows, is_shown, question, answers, limit, how)


def _answer(
  params, lead, rows, is_shown, question, answers, limit, how
) -> GreedyOutput:
  """Reads lead, visual rows and question, and writes.

  The visual rows that are not shown, and the padding of the question, are
  seen by nobody and take no position.
  """
  model, variables = how.model, {'params': params}
  if how.is_normed:
    rows = model.apply(variables, rows, method='normed_rows')
  B, R, _ = rows.shape
  words = model.apply(variables, question.ids, method='embed_tokens')
  words = jnp.broadcast_to(words, (B, *words.shape))
  embeds = jnp.concatenate([rows.astype(words.dtype), words], axis=1)
  T = embeds.shape[1]
  is_word = jnp.arange(T - R) < question.length
  is_real = jnp.concatenate(
    [is_shown, jnp.broadcast_to(is_word, (B, T - R))], axis=1
  )
  n_lead = lead.k.shape[2]
  positions = n_lead + jnp.maximum(jnp.cumsum(is_real, axis=1) - 1, 0)
  past = Past(lead, jnp.ones((1, 1, n_lead), bool))
  causal = jnp.tril(jnp.ones((T, T), bool))
  out = model.apply(
    variables,
    embeds,
    positions,
    mask=causal & is_real[:, None],
    past=[past],
    method='decode',
  )
  last = jax.lax.dynamic_index_in_dim(
    out.hidden, R + question.length - 1, axis=1, keepdims=False
  )
  grammar = None
  if answers is not None:
    grammar = NumberGrammar(tables=answers, limit=limit, gap=how.gap)
  return decode_greedily(
    decoder(model.config, model.compute, has_lora=model.has_lora),
    params['llm'],
    [past, Past(out.kv, is_real[:, None])],
    model.apply(variables, last, method='logits'),
    n_lead + is_real.sum(axis=1),
    how.greedy,
    grammar=grammar,
    watcher=step_entropy,
  )
