"""ReVisionLLM's programs that answer: few shapes for videos of any length.

make_ready  'A chat between ... USER: '    once a level -> lead
encode      windows -> a row each          once a window and query
ask_windows  lead | rows | question  -> answer
ask_frames   lead | frames | question -> answer

Each row of a batch has a question of its own. What several rows of
`ask_frames` see is read once.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.adapters.hierarchy import ClipEncoder, token_rows
from vtg_jax.decode.entropy import step_entropy
from vtg_jax.decode.greedy import GreedyConfig, GreedyOutput, decode_greedily
from vtg_jax.decode.number_grammar import NumberGrammar, NumberTables
from vtg_jax.llm.decoder import KeyValues, Past
from vtg_jax.nn.dense import merge_lora
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


@functools.partial(jax.jit, static_argnames=('model', 'is_folded'))
def make_ready(
  params, ids: Int[Array, '1 T'], *, model: ReVisionLlm, is_folded: bool
) -> tuple[KeyValues, Any]:
  """Makes a level ready to be asked.

  Args:
    params: Of the network at the level.
    ids: Tokens before the video.
    model: Static.
    is_folded: Whether the adapter is to be folded into its kernels; static.

  Returns:
    What is known once these tokens are read, and the parameters of a language
    model without adapter; None where they are not wanted.
  """
  T = ids.shape[1]
  variables = {'params': params}
  embeds = model.apply(variables, ids, method='embed_tokens')
  positions = jnp.arange(T)[None]
  lead = model.apply(variables, embeds, positions, method='decode').kv
  if not is_folded:
    return lead, None
  return lead, merge_lora(params['llm'], model.config.llm.lora.scale)


@functools.partial(jax.jit, static_argnames='model')
def encode(
  params,
  features: Float[Array, 'B F D'],
  text: Float[Array, 'B T D'],
  text_mask: Bool[Array, 'B T'],
  *,
  model: ReVisionLlm,
) -> Float[Array, 'B E']:
  """A row for each window, in the light of its query."""
  config = model.config
  encoder = ClipEncoder(config.clip_encoder, config.llm.width, model.compute)
  rows = token_rows(encoder, params['clip_encoder'], features, text, text_mask)
  return rows.astype(jnp.float32)


@functools.partial(jax.jit, static_argnames='how')
def ask_windows(
  params,
  lead: KeyValues,
  rows: Float[Array, 'B R E'],
  is_shown: Bool[Array, 'B R'],
  questions: Question,
  answers: NumberTables | None,
  *,
  how: How,
) -> GreedyOutput:
  """Which of the windows that are shown.

  Args:
    params: Of the network at the level.
    lead: From `make_ready`.
    rows: From `encode`.
    is_shown: False for what fills up, at the end.
    questions: About them, one a row.
    answers: What may be answered; anything when None.
    how: Static.
  """
  limit = is_shown.sum(axis=1).astype(jnp.int32)
  read = [_past_lead(lead)]
  n_read = jnp.full(len(rows), lead.k.shape[2])
  rows = _normed(params, rows, how)
  return _answer(
    params, read, n_read, rows, is_shown, questions, answers, limit, how
  )


@functools.partial(jax.jit, static_argnames='how')
def ask_frames(
  params,
  lead: KeyValues,
  features: Float[Array, 'W F D'],
  window: Int[Array, ' B'],
  questions: Question,
  answers: NumberTables | None,
  *,
  how: How,
) -> GreedyOutput:
  """Which frames of each row's window; arguments as above.

  Args:
    params: See above, as the others.
    lead: From `make_ready`.
    features: Of windows' frames. Where there are fewer than rows, each window
      is read once and its keys and values are copied to those who ask.
    window: Of each row, as a row of `features`.
    questions: One a row.
    answers: What may be answered.
    how: Static.
  """
  (W, F), B = features.shape[:2], len(window)
  limit = jnp.full((B,), F - 1, jnp.int32)
  rows = how.model.apply({'params': params}, features, method='dense_rows')
  rows = _normed(params, rows, how)
  read, n_read = [_past_lead(lead)], lead.k.shape[2]
  if W < B:
    positions = jnp.broadcast_to(n_read + jnp.arange(F), (W, F))
    out = how.model.apply(
      {'params': params},
      rows.astype(how.model.compute.jnp_dtype),
      positions,
      mask=jnp.tril(jnp.ones((F, F), bool))[None],
      past=read,
      method='decode',
    )
    kv = jax.tree.map(lambda x: x[:, window], out.kv)
    read.append(Past(kv, jnp.ones((1, 1, F), bool)))
    n_read += F
    rows = rows[:, :0]
    window = jnp.zeros_like(window)
  rows = rows[window]
  is_shown = jnp.ones(rows.shape[:2], bool)
  n_read = jnp.full((B,), n_read)
  return _answer(
    params, read, n_read, rows, is_shown, questions, answers, limit, how
  )


def n_compiled() -> int:
  """How many programs were compiled here, for all networks of this process."""
  programs = (make_ready, encode, ask_windows, ask_frames)
  return sum(program._cache_size() for program in programs)


def _past_lead(lead: KeyValues) -> Past:
  return Past(lead, jnp.ones((1, 1, lead.k.shape[2]), bool))


def _normed(params, rows, how: How):
  if not how.is_normed:
    return rows
  return how.model.apply({'params': params}, rows, method='normed_rows')


def _answer(
  params, read, n_read, rows, is_shown, questions, answers, limit, how
) -> GreedyOutput:
  """Goes on from what was read with visual rows and questions, and writes.

  The visual rows that are not shown, and the padding of a question, are seen
  by nobody and take no position.

  Args:
    params: Of the network at the level.
    read: What was read before; everybody sees all of it.
    n_read: Its tokens, the same for all rows.
    rows: Visual ones, perhaps none.
    is_shown: Of these.
    questions: One a row.
    answers: What may be answered.
    limit: The greatest number of an answer.
    how: Static.
  """
  model, variables = how.model, {'params': params}
  B, R, _ = rows.shape
  words = model.apply(variables, questions.ids, method='embed_tokens')
  embeds = jnp.concatenate([rows.astype(words.dtype), words], axis=1)
  T = embeds.shape[1]
  is_word = jnp.arange(T - R) < questions.length[:, None]
  is_real = jnp.concatenate([is_shown, is_word], axis=1)
  counted = jnp.maximum(jnp.cumsum(is_real, axis=1) - 1, 0)
  causal = jnp.tril(jnp.ones((T, T), bool))
  out = model.apply(
    variables,
    embeds,
    n_read[:, None] + counted,
    mask=causal & is_real[:, None],
    past=read,
    method='decode',
  )
  last = (R + questions.length - 1)[:, None, None]
  last = jnp.take_along_axis(out.hidden, last, axis=1)[:, 0]
  grammar = None
  if answers is not None:
    grammar = NumberGrammar(tables=answers, limit=limit, gap=how.gap)
  return decode_greedily(
    decoder(model.config, model.compute, has_lora=model.has_lora),
    params['llm'],
    [*read, Past(out.kv, is_real[:, None])],
    model.apply(variables, last, method='logits'),
    n_read + is_real.sum(axis=1),
    how.greedy,
    grammar=grammar,
    watcher=step_entropy,
  )
