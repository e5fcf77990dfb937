"""The host's half of a search: intervals, frames and prompts as tables."""

import dataclasses
import math
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments import coarse
from vtg_jax.recursion.coarse_to_fine import Moves
from vtg_jax.recursion.interval_tree import (
  STOP,
  IntervalTree,
  grow_tree,
  max_nodes,
)
from vtg_jax.systems.hawkeye.config import HawkEyeConfig
from vtg_jax.systems.hawkeye.prompt import PromptTexts, grounding_prompt

# Token tables are padded to a multiple of this, so that prompts of about the
# same length share a compilation.
TOKEN_BUCKET = 32
# Tables always have room for this many rounds: fewer need no compilation of
# their own.
ROUNDS_BUCKET = 4
# Fewest rows of the frame table. Four rounds of 12 frames show about 220
# distinct ones, so that most videos share a compilation.
FRAME_BUCKET = 256
# Two made-up queries that share no token: what a prompt has in common for
# them, it has in common for nearly all.
_PROBES = ('zx', '9 q')


@dataclasses.dataclass(frozen=True, kw_only=True)
class NodeFrames:
  """What a node shows.

  Attributes:
    frame_ids: Frames of the video, F of them.
    times_s: Seconds of each frame as the prompt tells them: from the start of
      the interval.
    display_times_s: Seconds of each frame's display in the video.
  """

  frame_ids: Int[np.ndarray, ' F']
  times_s: Sequence[float]
  display_times_s: Float[np.ndarray, ' F']


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchPlan:
  """A search laid out on the host, before any frame is decoded.

  Attributes:
    tree: The intervals.
    nodes: Frames of each node.
    orders: Categories as displayed, [query][order][round].
    rows: Where a frame of the video stands in the frame table.
    text: Token tables of `SearchTables`, as numpy arrays.
  """

  tree: IntervalTree
  nodes: tuple[NodeFrames, ...]
  orders: tuple[tuple[tuple[tuple[str, ...], ...], ...], ...]
  rows: dict[int, int]
  text: dict[str, np.ndarray | Moves]

  @property
  def frame_capacity(self) -> int:
    """Rows of the frame table: the distinct frames, rounded up."""
    return max(FRAME_BUCKET, 1 << (len(self.rows) - 1).bit_length())


def option_orders(
  query: str, n_orders: int, n_rounds: int, seed: int
) -> tuple[tuple[tuple[str, ...], ...], ...]:
  """Seeded orders of the options, [order][round].

  They depend on the seed, the query and the round, not on what else is asked
  along. Order k of a round is the first one rotated k times, so that with 4
  orders every option has stood behind every letter; beyond 4 it is drawn anew.
  """
  key = zlib.crc32(query.encode('utf-8', 'surrogatepass'))
  n_choices = len(coarse.SHUFFLE_BASE)
  orders = []
  for k in range(n_orders):
    rounds = []
    for round_ in range(n_rounds):
      rng = np.random.default_rng([seed, key, round_, k // n_choices])
      order = [coarse.SHUFFLE_BASE[i] for i in rng.permutation(n_choices)]
      turn = k % n_choices
      rounds.append((*order[turn:], *order[:turn]))
    orders.append(tuple(rounds))
  return tuple(orders)


def tree_of(duration_s: float, max_rounds: int) -> IntervalTree:
  """Every interval of a video of some seconds that could be looked at."""
  return grow_tree(
    duration_s,
    max_rounds,
    choices=coarse.CATEGORIES,
    narrow=coarse.narrow,
    stop='throughout',
  )


def plan_search(
  config: HawkEyeConfig,
  texts: PromptTexts,
  tokenizer: SentencePieceTokenizer,
  instruction_tokenizer: WordPieceTokenizer,
  *,
  duration_s: float,
  frames_of: Callable[[float, float], NodeFrames],
  queries: Sequence[str],
  orders: Sequence[Sequence[Sequence[Sequence[str]]]],
  max_rounds: int,
  answer_tokens: int = 0,
) -> SearchPlan:
  """Lays out every round that could be played.

  Args:
    config: Sizes.
    texts: The fixed strings of the prompt.
    tokenizer: Of the language model.
    instruction_tokenizer: Of the Q-Former.
    duration_s: Length of the video, seconds.
    frames_of: What is shown of an interval (start_s, end_s).
    queries: Sentences to find, padded to the bucket by the caller.
    orders: Categories as displayed, [query][order][round].
    max_rounds: Rounds.
    answer_tokens: Room needed after the prompt beyond that of the options.

  Raises:
    BadInput: when a prompt is longer than the model's positions.
  """
  tree = tree_of(duration_s, max_rounds)
  nodes = tuple(
    frames_of(float(a), float(b))
    for a, b in zip(tree.start_s, tree.end_s, strict=True)
  )
  n_rounds = max(max_rounds, ROUNDS_BUCKET)
  # As if no two paths met: equal intervals may differ in their last bit, and
  # whether they do must not decide the shapes.
  capacity = max_nodes(n_rounds, len(coarse.CATEGORIES) - 1)
  rows = {}
  for node in nodes:
    for frame in node.frame_ids:
      rows.setdefault(int(frame), len(rows))
  text = _fixed_text(config, texts, tokenizer, instruction_tokenizer)
  text |= _prompt_text(
    config, texts, tokenizer, tree, nodes, queries, orders, capacity
  )
  longest = (
    len(text['prefix_ids'])
    + config.qformer.n_tokens
    + text['node_len'].max()
    + text['query_len'].max()
    + max(text['option_ids'].shape[-1], answer_tokens)
  )
  if longest > config.llm.max_positions:
    raise BadInput(
      f'the longest prompt takes {longest} tokens, the model has '
      f'{config.llm.max_positions} positions; shorten the query'
    )
  frame_ids = np.zeros((capacity, config.n_frames), np.int32)
  for i, node in enumerate(nodes):
    frame_ids[i] = [rows[int(frame)] for frame in node.frame_ids]
  shape = (capacity - tree.n_nodes, len(tree.choices))
  nowhere = np.full(shape, STOP, np.int32)
  text |= {
    'frame_ids': frame_ids,
    'moves': Moves(
      next_node=np.concatenate([tree.next_node, nowhere]),
      outcome=np.concatenate([tree.outcome, nowhere]),
    ),
    'depth': _padded(tree.depth, capacity),
    'order': _order_table(orders, n_rounds),
  }
  return SearchPlan(
    tree=tree, nodes=nodes, orders=_frozen(orders), rows=rows, text=text
  )


def _fixed_text(config, texts, tokenizer, instruction_tokenizer):
  """Tokens that depend on no video and no query."""
  prompt = grounding_prompt(_PROBES[0], coarse.SHUFFLE_BASE, (), texts=texts)
  before, _ = prompt.split(texts.video_slot)
  answers = {}
  for i, letter in enumerate('ABCD'):
    for j, category in enumerate(coarse.CATEGORIES):
      line = f'({letter}) {coarse.TEXTS[category]}'
      rest = line.removeprefix(texts.return_prompt)
      answers[i, j] = tokenizer.encode_continuation(texts.answer_prompt, rest)
  longest = max(map(len, answers.values()))
  option_ids = np.zeros((4, 4, longest), np.int32)
  option_len = np.zeros((4, 4), np.int32)
  for place, ids in answers.items():
    option_ids[place][: len(ids)] = ids
    option_len[place] = len(ids)
  instruction = instruction_tokenizer.encode(
    texts.system, max_length=config.max_instruction_tokens
  )
  return {
    'prefix_ids': np.array(tokenizer.encode(before, bos=True), np.int32),
    'instruction_ids': np.array(instruction, np.int32),
    'option_ids': option_ids,
    'option_len': option_len,
  }


def _prompt_text(
  config, texts, tokenizer, tree, nodes, queries, orders, capacity
):
  """Tokens after the video, cut where the queries begin to differ."""
  n_orders = len(orders[0])

  def after_video(query, order, node):
    prompt = grounding_prompt(query, order, node.times_s, texts=texts)
    return tokenizer.encode(prompt.split(texts.video_slot)[1])

  shared, own = [], {}
  for n, node in enumerate(nodes):
    probes = [
      after_video(probe, coarse.SHUFFLE_BASE, node) for probe in _PROBES
    ]
    texts_of_node = {
      (q, k): after_video(query, orders[q][k][tree.depth[n]], node)
      for q, query in enumerate(queries)
      for k in range(n_orders)
    }
    cut = _common_prefix([*probes, *texts_of_node.values()])
    shared.append(probes[0][:cut])
    own |= {(q, k, n): ids[cut:] for (q, k), ids in texts_of_node.items()}
  node_width = _bucket(max(map(len, shared)))
  query_width = _bucket(max(map(len, own.values())))
  node_ids = np.zeros((capacity, node_width), np.int32)
  node_len = np.zeros(capacity, np.int32)
  for n, ids in enumerate(shared):
    node_ids[n, : len(ids)], node_len[n] = ids, len(ids)
  shape = (len(queries), n_orders, capacity)
  query_ids = np.zeros((*shape, query_width), np.int32)
  query_len = np.ones(shape, np.int32)
  for place, ids in own.items():
    query_ids[place][: len(ids)], query_len[place] = ids, len(ids)
  return {
    'node_ids': node_ids,
    'node_len': node_len,
    'query_ids': query_ids,
    'query_len': query_len,
  }


def _common_prefix(rows) -> int:
  """Tokens all rows begin with, leaving each at least one of its own."""
  limit = min(map(len, rows)) - 1
  for i in range(limit):
    if any(row[i] != rows[0][i] for row in rows):
      return i
  return limit


def _order_table(orders, n_rounds):
  index = {category: i for i, category in enumerate(coarse.CATEGORIES)}
  table = np.zeros((len(orders), len(orders[0]), n_rounds, 4), np.int32)
  for q, of_query in enumerate(orders):
    for k, of_order in enumerate(of_query):
      for r, order in enumerate(of_order):
        table[q, k, r] = [index[category] for category in order]
  return table


def _bucket(n: int) -> int:
  return math.ceil(n / TOKEN_BUCKET) * TOKEN_BUCKET


def _padded(x, n):
  return np.concatenate([x, np.zeros(n - len(x), x.dtype)])


def _frozen(orders):
  return tuple(
    tuple(tuple(tuple(order) for order in k) for k in q) for q in orders
  )
