"""Questions about a video as compiled programs over what is known of it.

    encode   frames and their times -> the video's tokens       once a video
    prefill  system | video | its message -> keys and values    once a video
    write    question -> answer, maybe under a grammar          each batch

All shapes but those of questions are the same for every video: what a short
video or message lacks is seen by nobody and takes no position.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt8

from vtg_jax.decode.digit_tree import score_places
from vtg_jax.decode.figures import Figures
from vtg_jax.decode.greedy import (
  Grammar,
  GreedyConfig,
  GreedyOutput,
  decode_greedily,
)
from vtg_jax.decode.prompt import read_text
from vtg_jax.decode.sampling import sampler
from vtg_jax.llm.decoder import Decoder, KeyValues, Past
from vtg_jax.systems.timechat.ids import PAD_ID
from vtg_jax.systems.timechat.model import TimeChat


class Words(Protocol):
  """What programs know of a tokenizer; see `wording`.

  Attributes:
    before_ids: What every prompt begins with, up to the video.
    figures: How times are written.
    eos_id: Ends what is written.
  """

  before_ids: Sequence[int] | np.ndarray
  figures: Figures
  eos_id: int


class AnswerWords(Protocol):
  """What stands around the numbers of an answer; see `time_grammar`."""

  def grammar(
    self, figures: Figures, limit: Int[Array, ' B'], max_tokens: int
  ) -> Grammar: ...


class Known(NamedTuple):
  """What is known once the beginning of a prompt is read.

  Attributes:
    kv: Its keys and values.
    is_real: False on what stands there for others.
  """

  kv: KeyValues
  is_real: Bool[Array, ' S']


class Questions(NamedTuple):
  """Texts about one video, behind what is known, padded right.

  Attributes:
    ids: At least one token a row.
    length: Real tokens of each row.
    limit: The greatest time of each; see `time_grammar.limit_of`.
    active: Rows that are asked.
  """

  ids: Int[Array, 'Q T']
  length: Int[Array, ' Q']
  limit: Int[Array, ' Q']
  active: Bool[Array, ' Q']


class Sampling(NamedTuple):
  """How tokens are drawn; see `decode.sampling`."""

  seed: Int[Array, '']
  temperature: Float[Array, '']
  top_p: Float[Array, ''] | np.float32 = np.float32(1)


class AskingPrograms:
  """The compiled programs of one network and one tokenizer.

  Attributes:
    encode: (params, frames, time_ids, time_mask, shown) -> tokens.
    prefill: (params, tokens, n_tokens, shared_ids, n_shared) -> `Known`.
    places: (params, known, ids, length), static n_digits -> log-probability of
      each place that may follow the rows; see `decode.digit_tree`.
    write: (params, known, questions, sampling), statics max_tokens, words,
      n_candidates (0 for greedy) -> `GreedyOutput`.
  """

  def __init__(self, network: TimeChat, wording: Words):
    self._network, self._wording = network, wording
    self._decoder = Decoder(network.config.llm, network.compute)
    self.encode = jax.jit(self._encode)
    self.prefill = jax.jit(self._prefill)
    self.places = jax.jit(self._places, static_argnames=('n_digits',))
    self.write = jax.jit(
      self._write, static_argnames=('max_tokens', 'words', 'n_candidates')
    )

  def _encode(
    self,
    params,
    frames: UInt8[Array, 'B F h w C'],
    time_ids: Int[Array, 'B F T'],
    time_mask: Bool[Array, 'B F T'],
    shown: Bool[Array, 'B F R'],
  ) -> Float[Array, 'B Q E']:
    return self._network.apply(
      {'params': params}, frames, time_ids, time_mask, shown, method='see'
    )

  def _prefill(
    self,
    params,
    tokens: Float[Array, '1 Q E'],
    n_tokens: Int[Array, ''],
    shared_ids: Int[Array, ' S'],
    n_shared: Int[Array, ''],
  ) -> Known:
    def words(ids):
      return self._decoder.apply(
        {'params': params['llm']}, ids[None], method='embed_tokens'
      ).astype(tokens.dtype)

    before = jnp.asarray(self._wording.before_ids)
    embeds = jnp.concatenate([words(before), tokens, words(shared_ids)], axis=1)
    is_real = jnp.concatenate(
      [
        jnp.ones(len(before), bool),
        jnp.arange(tokens.shape[1]) < n_tokens,
        jnp.arange(len(shared_ids)) < n_shared,
      ]
    )
    S = len(is_real)
    out = self._decoder.apply(
      {'params': params['llm']},
      embeds,
      _positions(is_real)[None],
      mask=jnp.tril(jnp.ones((S, S), bool))[None] & is_real,
    )
    return Known(out.kv, is_real)

  def _places(
    self,
    params,
    known: Known,
    ids: Int[Array, 'Q T'],
    length: Int[Array, ' Q'],
    *,
    n_digits: int,
  ) -> Float[Array, 'Q P']:
    return score_places(
      self._decoder,
      params['llm'],
      [Past(known.kv, known.is_real[None, None])],
      ids,
      length,
      jnp.full(length.shape, known.is_real.sum()),
      jnp.asarray(self._wording.figures.digit_ids),
      n_digits=n_digits,
    )

  def _write(
    self,
    params,
    known: Known,
    questions: Questions,
    sampling: Sampling,
    *,
    max_tokens: int,
    words: AnswerWords | None,
    n_candidates: int,
  ) -> GreedyOutput:
    past = Past(known.kv, known.is_real[None, None])
    n_known = known.is_real.sum()
    logits, read = read_text(
      self._decoder,
      params['llm'],
      [past],
      questions.ids,
      questions.length,
      jnp.full(questions.length.shape, n_known),
    )
    draw = grammar = None
    if n_candidates:
      seed, temperature, top_p = sampling
      draw = sampler(seed, temperature, n_candidates, top_p)
    if words is not None:
      grammar = words.grammar(
        self._wording.figures, questions.limit, max_tokens
      )
    return decode_greedily(
      self._decoder,
      params['llm'],
      [past, read],
      logits,
      n_known + questions.length,
      GreedyConfig(
        max_new_tokens=max_tokens,
        eos_id=self._wording.eos_id,
        stop_ids=(),
        pad_id=PAD_ID,
      ),
      active=questions.active,
      grammar=grammar,
      sampler=draw,
    )


def _positions(is_real: Bool[Array, ' S']) -> Int[Array, ' S']:
  """Positions from 0 up on what is real."""
  return jnp.maximum(jnp.cumsum(is_real) - 1, 0)
