"""The top-down search of a video as one program on the device.

    host      windows encoded, tables of windows    once a query
    device    level by level, call by call          `recursion.top_down_program`
    host      tables -> moments

It finds what the search led by the host does. That one stays the default: it
encodes only what it looks at, stops at a number of seconds, and asks several
queries in one batch; this one never waits for the host between two calls.
"""

import functools
import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.decode.greedy import GreedyOutput
from vtg_jax.decode.number_grammar import NumberTables
from vtg_jax.llm.decoder import KeyValues
from vtg_jax.recursion.model import DENSE_LEVEL
from vtg_jax.recursion.scores import LEAST_ENTROPY
from vtg_jax.recursion.search_plan import SearchPlan
from vtg_jax.recursion.search_result import Budget, SearchResult
from vtg_jax.recursion.search_tables import (
  SearchShape,
  SearchTables,
  search_shape,
  search_tables,
)
from vtg_jax.recursion.together import encode_missing
from vtg_jax.recursion.told_search import told_search
from vtg_jax.recursion.top_down_program import (
  Named,
  Progress,
  search_on_device,
)
from vtg_jax.systems.revisionllm import reading
from vtg_jax.systems.revisionllm.asker import VideoQueries
from vtg_jax.systems.revisionllm.model import worn
from vtg_jax.systems.revisionllm.searching import Asked
from vtg_jax.systems.revisionllm.wording import Question

# Of a level: its number, the adapter it wears, how it is asked.
Hows = tuple[tuple[int, str | None, reading.How], ...]


class Shown(NamedTuple):
  """What the dense level shows; rows beyond the video's own are not there.

  Attributes:
    features: Of the video's frames.
    frames: Frames of each dense window.
  """

  features: Float[Array, 'N D']
  frames: Int[Array, 'W F']


def search_compiled(
  panel: VideoQueries,
  plan: SearchPlan,
  features: Float[np.ndarray, 'N D'],
  asked: Sequence[Asked],
  limits: Budget,
) -> list[SearchResult]:
  """Searches a video for some queries, one after the other.

  Args:
    panel: The queries; of no quirks.
    plan: Of the video.
    features: Of its frames.
    asked: Of each query.
    limits: What may be spent, but seconds.

  Raises:
    BadInput: a call is longer than the language model reads.
  """
  asker, shape = panel.asker, search_shape(plan)
  hows, leads, answers = [], {}, {}

  def add(number, level, n_visual, questions):
    asker.check_length(n_visual, questions)
    own = asker.setting(level, n_visual, is_free=False, is_normed=True)
    hows.append((number, level.lora, own.how))
    leads[number], answers[number] = own.lead, own.answers

  for step in plan.steps:
    level, above = asker.level(step.number), panel.questions_above
    add(step.number, level, step.level.n_segments, above)
  if plan.config.is_dense:
    n_frames = plan.config.size.n_frames
    add(DENSE_LEVEL, asker.dense_level, n_frames, panel.questions)
  shown = Shown(
    features=jnp.asarray(_padded(features, _most_features(plan, shape))),
    frames=_padded(plan.dense.frame_idx(range(len(plan.dense))), shape.n_dense),
  )
  results = []
  for row, one in enumerate(asked):
    began_s, n_encoded = time.monotonic(), one.cache.n_encoded
    tokens = np.zeros((shape.n_sparse, asker.config.llm.width), np.float32)
    if plan.steps:
      everything = range(len(plan.sparse))
      encode_missing(
        panel,
        plan.sparse,
        {0: everything},
        [row],
        [one.cache],
        plan.config.encode_batches,
      )
      tokens[: len(plan.sparse)] = one.cache.tokens(plan.sparse, everything)
    tables = search_tables(
      plan,
      shape,
      one.prices,
      max_sequences=limits.sequences,
      max_frames=limits.frames,
    )
    progress = jax.device_get(
      search_program(
        asker.params,
        leads,
        answers,
        panel.questions.of(row),
        tokens,
        shown,
        tables,
        shape=shape,
        hows=tuple(hows),
      )
    )
    results.append(
      told_search(
        plan,
        progress,
        one.prices,
        seconds=time.monotonic() - began_s,
        encodings=one.cache.n_encoded - n_encoded,
      )
    )
  return results


@functools.partial(jax.jit, static_argnames=('shape', 'hows'))
def search_program(
  params,
  leads: Mapping[int, KeyValues],
  answers: Mapping[int, NumberTables],
  question: Question,
  tokens: Float[Array, 'W E'],
  shown: Shown,
  tables: SearchTables,
  *,
  shape: SearchShape,
  hows: Hows,
) -> Progress:
  """Searches a video for one query.

  Args:
    params: Of the network, all adapters; each level wears its own.
    leads: Number of a level -> what is read first.
    answers: Likewise, what may be answered.
    question: About the query.
    tokens: Of the sparse windows.
    shown: On the dense level.
    tables: See `SearchTables`.
    shape: Static, as `hows`.
    hows: Of each level.
  """
  known = {number: (worn(params, lora), how) for number, lora, how in hows}

  def questions(n_rows):
    ids = jnp.broadcast_to(question.ids, (n_rows, len(question.ids)))
    return Question(ids, jnp.broadcast_to(question.length, (n_rows,)))

  def ask_sparse(level, windows, is_shown):
    own, how = known[level]
    out = reading.ask_windows(
      own,
      leads[level],
      tokens[windows],
      is_shown,
      questions(len(windows)),
      answers[level],
      how=how,
    )
    start, end = out.grammar.start, out.grammar.end
    # The last window of a span is not in it.
    return _named(out, start, jnp.maximum(start, end - 1), end >= 0)

  def ask_dense(windows, is_asked):
    del is_asked
    own, how = known[DENSE_LEVEL]
    n = len(windows)
    out = reading.ask_frames(
      own,
      leads[DENSE_LEVEL],
      shown.features[shown.frames[windows]],
      jnp.arange(n),
      questions(n),
      answers[DENSE_LEVEL],
      how=how,
    )
    F = shown.frames.shape[1]
    start, end = out.grammar.start, out.grammar.end
    # A frame alone is widened, and the last one alone is nothing.
    alone = start == end
    is_found = (end >= 0) & ~(alone & (start == F - 1))
    return _named(
      out,
      jnp.where(alone, jnp.maximum(start - 1, 0), start),
      jnp.where(alone, jnp.minimum(end + 1, F), end),
      is_found,
    )

  return search_on_device(tables, shape, ask_sparse, ask_dense)


def n_compiled_searches() -> int:
  """How many searches were compiled, for all networks of this process."""
  return search_program._cache_size()


def _named(
  out: GreedyOutput, first, last, is_found: Bool[Array, ' C']
) -> Named:
  """What answers name, as sure as their mean entropy makes them."""
  steps = jnp.arange(out.watched.shape[1]) < out.length[:, None]
  mean = jnp.where(steps, out.watched, 0.0).sum(1) / out.length
  confidence = 1 / jnp.maximum(mean, LEAST_ENTROPY)
  return Named(first, last, is_found, confidence)


def _padded(rows: np.ndarray, n: int) -> np.ndarray:
  return np.pad(rows, [(0, n - len(rows)), (0, 0)])


def _most_features(plan: SearchPlan, shape: SearchShape) -> int:
  """Frames of the longest video that has no more windows than a shape."""
  size = plan.config.size
  stride = size.n_steps / size.sparse_strides
  return math.ceil(size.n_steps + shape.n_sparse * stride) + 1
