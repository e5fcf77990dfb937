"""Questions about a video as compiled programs over what is known of it.

    [ system, user, video rows ]   once per video, kept between calls
    [ question, 'From' ]           once per question
    [ <s> to ]                     once per question that asks for a span

Each line attends to those above it. The first is stored once, however many
questions look at it.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt8

from vtg_jax.decode.choices import score_choices
from vtg_jax.decode.greedy import (
  GreedyConfig,
  GreedyOutput,
  decode_greedily,
)
from vtg_jax.decode.prompt import read_text
from vtg_jax.decode.sampling import sampler
from vtg_jax.llm.decoder import Decoder, KeyValues, Past
from vtg_jax.systems.grounded_videollm.model import GroundedVideoLlm
from vtg_jax.systems.grounded_videollm.wording import Wording


class Questions(NamedTuple):
  """Texts about one video, after the video, padded right.

  Attributes:
    ids: Tokens, at least one a row.
    length: Real tokens of each row.
    sequence_length: Tokens of the longest whole prompt, the video included.
  """

  ids: Int[Array, 'Q T']
  length: Int[Array, ' Q']
  sequence_length: Int[Array, '']


class Sampling(NamedTuple):
  """How tokens are drawn.

  Attributes:
    seed: Of the draws.
    temperature: Divides the scores; above 0.
  """

  seed: Int[Array, '']
  temperature: Float[Array, '']


class SpanScores(NamedTuple):
  """How probable each place of the time scale is as a boundary, in logs.

  Attributes:
    start: Of each start, among all starts.
    end: Of each end behind the most probable start, among all ends.
  """

  start: Float[Array, 'Q P']
  end: Float[Array, 'Q P']


class AskingPrograms:
  """The compiled programs of one network and one tokenizer.

  One compilation of each serves every video, and all questions of about the
  same length.

  Attributes:
    encode: (params, keyframes [B S h w 3], frames [B F v u 3]) -> rows of
      videos [B R D].
    prefill: (params, rows, sequence_length) -> keys and values of all that
      comes before a question.
    spans: (params, kv, questions, middle) -> `SpanScores`; the questions end
      right before a start, `middle` stands between start and end.
    write: (params, kv, questions, active, sampling) and the static arguments
      max_tokens, spans (restrict by the span grammar), n_candidates (0 for
      greedy) -> `GreedyOutput`.
    choose: (params, kv, questions, option_ids, option_len) -> log-probability
      of each option's text.
  """

  def __init__(self, network: GroundedVideoLlm, wording: Wording):
    self._network = network
    self._wording = wording
    self._decoder = Decoder(network.config.llm, network.compute)
    # Scores of a question over a whole video fill a CPU's caches alone.
    self._rows_per_step = 1 if jax.default_backend() == 'cpu' else 32
    self.encode = jax.jit(self._encode)
    self.prefill = jax.jit(self._prefill)
    self.spans = jax.jit(self._spans)
    self.write = jax.jit(
      self._write, static_argnames=('max_tokens', 'spans', 'n_candidates')
    )
    self.choose = jax.jit(self._choose)

  def _encode(
    self,
    params,
    keyframes: UInt8[Array, 'B S h w 3'],
    frames: UInt8[Array, 'B F v u 3'],
  ) -> Float[Array, 'B R D']:
    return self._network.apply(
      {'params': params}, keyframes, frames, method='see'
    )

  def _prefill(
    self,
    params,
    rows: Float[Array, 'B R D'],
    sequence_length: Int[Array, ''],
  ) -> KeyValues:
    apply = functools.partial(self._decoder.apply, {'params': params['llm']})
    ids = jnp.asarray(self._wording.before_ids)
    words = apply(ids[None], method='embed_tokens')
    words = jnp.broadcast_to(words, (len(rows), *words.shape[1:]))
    embeds = jnp.concatenate([words.astype(rows.dtype), rows], axis=1)
    positions = jnp.broadcast_to(jnp.arange(embeds.shape[1]), embeds.shape[:2])
    return apply(embeds, positions, sequence_length=sequence_length).kv

  def _spans(
    self, params, kv: KeyValues, questions: Questions, middle: Int[Array, ' M']
  ) -> SpanScores:
    time_ids = jnp.asarray(self._wording.time_ids)

    def some(ids, length):
      own = questions._replace(ids=ids, length=length)
      logits, past, position = self._read(params, kv, own)
      start = jax.nn.log_softmax(logits[:, time_ids])
      said = time_ids[jnp.argmax(start, axis=-1)]
      Q = len(said)
      ids = jnp.concatenate(
        [said[:, None], jnp.broadcast_to(middle, (Q, len(middle)))], axis=1
      )
      logits, _ = read_text(
        self._decoder,
        params['llm'],
        past,
        ids,
        jnp.full((Q,), ids.shape[1]),
        position,
        sequence_length=questions.sequence_length + ids.shape[1],
      )
      return SpanScores(start, jax.nn.log_softmax(logits[:, time_ids]))

    return self._in_steps(some, questions.ids, questions.length)

  def _write(
    self,
    params,
    kv: KeyValues,
    questions: Questions,
    active: Bool[Array, ' Q'],
    sampling: Sampling,
    *,
    max_tokens: int,
    spans: bool,
    n_candidates: int,
  ) -> GreedyOutput:
    logits, past, position = self._read(params, kv, questions)
    draw = None
    if n_candidates:
      draw = sampler(sampling.seed, sampling.temperature, n_candidates)
    return decode_greedily(
      self._decoder,
      params['llm'],
      past,
      logits,
      position,
      GreedyConfig(
        max_new_tokens=max_tokens,
        eos_id=self._wording.end_id,
        stop_ids=(),
        pad_id=self._wording.padding_id,
      ),
      active=active,
      sequence_length=questions.sequence_length,
      grammar=self._wording.span_grammar if spans else None,
      sampler=draw,
    )

  def _choose(
    self,
    params,
    kv: KeyValues,
    questions: Questions,
    option_ids: Int[Array, 'Q C O'],
    option_len: Int[Array, 'Q C'],
  ) -> Float[Array, 'Q C']:
    n_prefix = kv.k.shape[2]

    def some(ids, length, option_ids, option_len):
      return score_choices(
        self._decoder,
        params['llm'],
        [_seen_by_all(kv)],
        ids,
        length,
        jnp.full(length.shape, n_prefix),
        option_ids,
        option_len,
        sequence_length=questions.sequence_length,
      )

    return self._in_steps(
      some, questions.ids, questions.length, option_ids, option_len
    )

  def _in_steps(self, some, *rows):
    """The results of `some` for all rows, so many at a time as pay."""
    n_rows, step = len(rows[0]), self._rows_per_step
    if n_rows <= step:
      return some(*rows)
    steps = [jnp.reshape(x, (-1, step, *x.shape[1:])) for x in rows]
    out = jax.lax.map(lambda of_step: some(*of_step), tuple(steps))
    return jax.tree.map(lambda x: x.reshape(n_rows, *x.shape[2:]), out)

  def _read(self, params, kv, questions):
    """Scores after each question, its past, and where what follows stands."""
    n_prefix = kv.k.shape[2]
    prefix = _seen_by_all(kv)
    logits, read = read_text(
      self._decoder,
      params['llm'],
      [prefix],
      questions.ids,
      questions.length,
      jnp.full(questions.length.shape, n_prefix),
      sequence_length=questions.sequence_length,
    )
    return logits, [prefix, read], n_prefix + questions.length


def _seen_by_all(kv: KeyValues) -> Past:
  return Past(kv, np.ones((1, 1, kv.k.shape[2]), bool))
