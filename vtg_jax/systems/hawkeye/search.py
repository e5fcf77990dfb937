"""HawkEye's rounds as traced functions over tables, and the programs of them.

One round, for the nodes that active queries stand on:

    [ BOS system ### Human: <Video> ]      once per program
    [ 96 video tokens | </Video> The video contains ... ] once per distinct node
    [ query, options | A text | B text | C text | D text ] once per row

A row is a (query, beam, option order). Each line attends to the lines above.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt8

from vtg_jax.decode.choices import score_choices
from vtg_jax.decode.greedy import (
  GreedyConfig,
  GreedyOutput,
  decode_greedily,
)
from vtg_jax.decode.prompt import read_text
from vtg_jax.llm.decoder import Decoder, KeyValues, Past
from vtg_jax.recursion.coarse_to_fine import (
  Moves,
  SearchState,
  distinct_nodes,
  search,
  search_round,
)
from vtg_jax.systems.hawkeye.model import HawkEye


class SearchTables(NamedTuple):
  """Everything about a video and its queries, as ids and pixels.

  N nodes, Q queries, K option orders, C choices; text is padded right.

  Attributes:
    frames: Distinct frames at the encoder's size.
    frame_ids: Rows of `frames` that a node shows.
    moves: From `IntervalTree`.
    depth: Round of each node.
    instruction_ids: What the Q-Former reads, query-independent.
    prefix_ids: Prompt up to the video, BOS first.
    node_ids: Prompt after the video, as far as all queries share it.
    node_len: Real tokens of `node_ids`.
    query_ids: The rest of the prompt.
    query_len: Real tokens of `query_ids`.
    order: Choice shown at each letter.
    option_ids: Text of a choice behind a letter.
    option_len: Real tokens of `option_ids`.
  """

  frames: UInt8[Array, 'M h w 3']
  frame_ids: Int[Array, 'N F']
  moves: Moves
  depth: Int[Array, ' N']
  instruction_ids: Int[Array, ' I']
  prefix_ids: Int[Array, ' P']
  node_ids: Int[Array, 'N S']
  node_len: Int[Array, ' N']
  query_ids: Int[Array, 'Q K N T']
  query_len: Int[Array, 'Q K N']
  order: Int[Array, 'Q K R C']
  option_ids: Int[Array, 'C C O']
  option_len: Int[Array, 'C C']


class Rows(NamedTuple):
  """Some (query, option order) pairs and the node each is asked about.

  Attributes:
    query: Query of each row.
    order: Option order of each row.
    node: Node of each row.
    slot: Where the node's keys and values are kept.
  """

  query: Int[Array, ' G']
  order: Int[Array, ' G']
  node: Int[Array, ' G']
  slot: Int[Array, ' G']


def prefill_prefix(model: HawkEye, params, tables: SearchTables) -> KeyValues:
  """Keys and values of the prompt before the video."""
  ids = tables.prefix_ids[None]
  positions = jnp.arange(ids.shape[1])[None]
  variables = {'params': params}
  embeds = model.apply(variables, ids, method='embed_tokens')
  return model.apply(variables, embeds, positions, method='decode').kv


def prefill_node(
  model: HawkEye, params, tables: SearchTables, prefix: KeyValues, node
) -> KeyValues:
  """Keys and values of a node's video tokens and of the text all share."""
  variables = {'params': params}
  instruction = tables.instruction_ids[None]
  soft = model.apply(
    variables,
    tables.frames[tables.frame_ids[node]][None],
    instruction,
    jnp.ones_like(instruction, bool),
    method='see',
  )
  words = model.apply(
    variables, tables.node_ids[node][None], method='embed_tokens'
  )
  embeds = jnp.concatenate([soft, words], axis=1)
  n_prefix = tables.prefix_ids.shape[0]
  positions = n_prefix + jnp.arange(embeds.shape[1])[None]
  past = [Past(prefix, jnp.ones((1, 1, n_prefix), bool))]
  return model.apply(
    variables, embeds, positions, past=past, method='decode'
  ).kv


def prefill_nodes(
  model, params, tables, prefix, node, active
) -> tuple[KeyValues, Array]:
  """Prefills each distinct active node once.

  Args:
    model: The network.
    params: Its parameters.
    tables: See `SearchTables`.
    prefix: From `prefill_prefix`.
    node: [R], with repetitions.
    active: [R].

  Returns:
    Keys and values, one batch entry per slot, and the slot of each row.
  """
  distinct, slot, count = distinct_nodes(
    node, active, n_nodes=len(tables.depth)
  )
  one = functools.partial(prefill_node, model, params, tables, prefix)
  shapes = jax.eval_shape(one, jnp.zeros((), jnp.int32))
  empty = jax.tree.map(
    lambda s: jnp.zeros((s.shape[0], len(distinct), *s.shape[2:]), s.dtype),
    shapes,
  )

  def fill(i, kept):
    return jax.tree.map(
      lambda all_kv, kv: jax.lax.dynamic_update_slice_in_dim(
        all_kv, kv, i, axis=1
      ),
      kept,
      one(distinct[i]),
    )

  return jax.lax.fori_loop(0, count, fill, empty), slot


def _past_of_rows(model, tables, prefix, nodes_kv, rows):
  """What the rows' own text looks back at, and where that text starts."""
  n_video = model.config.qformer.n_tokens
  n_prefix = tables.prefix_ids.shape[0]
  seen = n_video + tables.node_len[rows.node]
  kv = jax.tree.map(lambda x: x[:, rows.slot], nodes_kv)
  in_node = jnp.arange(kv.k.shape[2]) < seen[:, None]
  past = [
    Past(prefix, jnp.ones((1, 1, n_prefix), bool)),
    Past(kv, in_node[:, None]),
  ]
  return past, n_prefix + seen


def score_rows(
  model: HawkEye, params, tables: SearchTables, prefix, nodes_kv, rows: Rows
) -> Float[Array, 'G C']:
  """Log-probability of each choice in each row, over the choices."""
  past, position = _past_of_rows(model, tables, prefix, nodes_kv, rows)
  shown = tables.order[rows.query, rows.order, tables.depth[rows.node]]
  letters = jnp.arange(shown.shape[1])
  by_letter = score_choices(
    _decoder(model),
    params['llm'],
    past,
    tables.query_ids[rows.query, rows.order, rows.node],
    tables.query_len[rows.query, rows.order, rows.node],
    position,
    tables.option_ids[letters, shown],
    tables.option_len[letters, shown],
  )
  by_choice = (
    jnp.zeros_like(by_letter)
    .at[jnp.arange(shown.shape[0])[:, None], shown]
    .set(by_letter)
  )
  return jax.nn.log_softmax(by_choice)


def make_scorer(
  model: HawkEye, params, tables: SearchTables, prefix, rows_per_step: int
):
  """The network as a `recursion.coarse_to_fine.Scorer`.

  The work grows with the number of distinct nodes and of active rows, not
  with the size of the batch.

  Args:
    model: The network.
    params: Its parameters.
    tables: See `SearchTables`.
    prefix: From `prefill_prefix`.
    rows_per_step: Rows scored together.
  """

  def scorer(node, active, round_):
    del round_  # a node knows its round
    Q, W = node.shape
    K, C = tables.order.shape[1], tables.order.shape[3]
    nodes_kv, slot = prefill_nodes(
      model, params, tables, prefix, node.reshape(-1), active.reshape(-1)
    )
    # Rows of active beams come first; the loop stops after them.
    n_rows = Q * W * K
    step = min(rows_per_step, n_rows)
    is_active = jnp.repeat(active.reshape(-1), K)
    ordered = jnp.argsort(~is_active, stable=True)
    n_steps = -(-is_active.sum() // step)

    def score_some(i, log_probs):
      start = jnp.minimum(i * step, n_rows - step)
      row = jax.lax.dynamic_slice_in_dim(ordered, start, step)
      beam = row // K
      rows = Rows(
        query=beam // W,
        order=row % K,
        node=node.reshape(-1)[beam],
        slot=slot[beam],
      )
      some = score_rows(model, params, tables, prefix, nodes_kv, rows)
      return log_probs.at[row].set(some)

    log_probs = jax.lax.fori_loop(
      0, n_steps, score_some, jnp.zeros((n_rows, C))
    )
    # The mean of the probabilities, over the orders.
    log_probs = log_probs.reshape(Q, W, K, C)
    return jax.nn.logsumexp(log_probs, axis=2) - jnp.log(K)

  return scorer


class SearchPrograms:
  """The compiled programs of one network.

  One compilation of each serves every video, query and number of rounds of
  the same table shapes.

  Args:
    model: The network.
    rows_per_step: Rows scored together; more helps a GPU, 1 is best on CPU.
    max_new_tokens: Longest answer in generate mode.
    eos_id: Ends a generated answer.
  """

  def __init__(
    self,
    model: HawkEye,
    *,
    rows_per_step: int,
    max_new_tokens: int,
    eos_id: int,
  ):
    self._model = model
    self._rows_per_step = rows_per_step
    self._greedy = GreedyConfig(
      max_new_tokens=max_new_tokens,
      eos_id=eos_id,
      stop_ids=model.config.stop_ids,
      pad_id=model.config.pad_id,
    )
    self.search = jax.jit(self._search)
    self.prefix = jax.jit(functools.partial(prefill_prefix, model))
    self.round = jax.jit(self._round)
    self.generate = jax.jit(self._generate)

  def scorer(self, params, tables, prefix):
    """The traced chooser of the programs; a subclass may choose otherwise."""
    return make_scorer(self._model, params, tables, prefix, self._rows_per_step)

  def _search(self, params, tables, state, max_rounds) -> SearchState:
    """All rounds of all queries."""
    prefix = prefill_prefix(self._model, params, tables)
    scorer = self.scorer(params, tables, prefix)
    return search(state, tables.moves, scorer, max_rounds=max_rounds)

  def _round(self, params, tables, prefix, state) -> SearchState:
    """One round of all queries."""
    scorer = self.scorer(params, tables, prefix)
    return search_round(state, tables.moves, scorer)

  def _generate(self, params, tables, prefix, node, active) -> GreedyOutput:
    """What each active query's model writes at its node."""
    model = self._model
    nodes_kv, slot = prefill_nodes(model, params, tables, prefix, node, active)
    query = jnp.arange(node.shape[0])
    rows = Rows(query, jnp.zeros_like(query), node, slot)
    past, position = _past_of_rows(model, tables, prefix, nodes_kv, rows)
    ids = tables.query_ids[rows.query, rows.order, rows.node]
    length = tables.query_len[rows.query, rows.order, rows.node]
    decoder, llm = _decoder(model), params['llm']
    logits, read = read_text(decoder, llm, past, ids, length, position)
    return decode_greedily(
      decoder,
      llm,
      [*past, read],
      logits,
      position + length,
      self._greedy,
      active=active,
    )


def _decoder(model):
  return Decoder(model.config.llm, model.compute)
