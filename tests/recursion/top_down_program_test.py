"""The compiled search finds what the search led by the host does."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recursion.top_down_test import CONFIG, SIZE
from vtg_jax.moments import frame_answers
from vtg_jax.recursion.cost import FULL_SIZE
from vtg_jax.recursion.model import Reply
from vtg_jax.recursion.scores import EntropyStats
from vtg_jax.recursion.search_plan import plan_search
from vtg_jax.recursion.search_result import Budget
from vtg_jax.recursion.search_tables import search_shape, search_tables
from vtg_jax.recursion.told_search import told_search
from vtg_jax.recursion.top_down import search_top_down
from vtg_jax.recursion.top_down_program import Named, search_on_device

# The two searches are compared on whims: what a window is taken for follows
# from its first frame, with many false hits and many equal confidences.


def whim_sparse(level, first, is_shown, rate):
  """First token named, last, whether any is, confidence; of one call."""
  hit = ((first * 7919 + level * 31) % 97 < rate) & is_shown
  total = (first * is_shown).sum(-1)
  confidence = 1 + (total + 13 * level) % 11
  place = hit.argmax(-1)
  last = place + total % 5
  return place, last, hit.any(-1), confidence


def whim_dense(first):
  return first % 7, first % 7 + first % 11, first % 3 > 0, 1 + first % 5


class WhimsicalModel:
  """Asked by the host."""

  def __init__(self, rate):
    self.rate = rate

  def encode(self, frame_idx):
    return frame_idx[:, :1].astype(np.float64)

  def ask_sparse(self, level, tokens, is_shown):
    return [
      whim_reply(frame_answers.places_answer, one)
      for one in zip(
        *whim_sparse(level, tokens[..., 0].astype(int), is_shown, self.rate),
        strict=True,
      )
    ]

  def ask_dense(self, frame_idx):
    def answer(first, end):
      return frame_answers.frames_answer(f'{first:02d}', f'{end - 1:02d}')

    return [whim_reply(answer, whim_dense(first)) for first in frame_idx[:, 0]]


def whim_reply(write, one):
  first, last, is_found, confidence = one
  answer = write(int(first), int(last) + 1)
  mean = 1 / float(confidence)
  return Reply(
    answer=answer if is_found else frame_answers.NOT_PRESENT,
    entropy=EntropyStats(max=1.0, min=0.0, mean=mean, std=0.1),
  )


@functools.partial(jax.jit, static_argnames='shape')
def whimsical_search(tables, dense_first, shape, rate):
  def ask_sparse(level, windows, is_shown):
    return Named(*whim_sparse(level, tables.first[windows], is_shown, rate))

  def ask_dense(windows, active):
    del active
    first, last, is_found, confidence = whim_dense(dense_first[windows])
    # A single frame is widened, as on the host.
    alone = first == last
    return Named(
      jnp.where(alone, jnp.maximum(first - 1, 0), first),
      jnp.where(alone, last + 1, last),
      is_found,
      confidence,
    )

  return search_on_device(tables, shape, ask_sparse, ask_dense)


def both(n_features, config, rate, sequences=None, frames=None):
  plan = plan_search(n_features, config)
  shape = search_shape(plan)
  tables = search_tables(
    plan, shape, FULL_SIZE, max_sequences=sequences, max_frames=frames
  )
  dense_first = np.zeros(shape.n_dense, np.int32)
  dense_first[: len(plan.dense)] = plan.dense.first
  progress = whimsical_search(tables, dense_first, shape, rate)
  ours = told_search(plan, progress, FULL_SIZE)
  host = search_top_down(
    WhimsicalModel(rate),
    plan,
    budget=Budget(sequences=sequences, frames=frames),
  )
  return ours, host, progress


def check_same(ours, host, progress):
  read = {one.windows[0] for one in host.examined if one.level == 1}
  assert set(np.flatnonzero(progress.read).tolist()) == read
  assert ours.is_whole == host.is_whole
  assert ours.looked_at == host.looked_at and ours.read == host.read
  for unit in ('sequences', 'prefill_tokens', 'frames', 'encodings'):
    assert getattr(ours.spent, unit) == getattr(host.spent, unit), unit
  assert sorted(told(ours.moments)) == sorted(told(host.moments))
  assert told(ours.hits) == told(host.hits)


def told(found):
  """What was found as plain numbers, confidence to four places."""
  rows = (dataclasses.astuple(one) for one in found)
  return [
    tuple(round(x, 4) for x in row if isinstance(x, int | float))
    for row in rows
  ]


# Equal moments of equal scores are told in any order: all are compared.
ALL = dataclasses.replace(CONFIG, same_iou=None, top_k=10**6)


@settings(max_examples=8, deadline=None)
@given(
  st.integers(400, 900),
  st.sampled_from([0, 3, 20]),
  st.one_of(st.none(), st.integers(0, 40)),
  st.one_of(st.none(), st.integers(0, 900)),
)
def test_both_searches_ask_the_same(n_features, rate, sequences, frames):
  config = dataclasses.replace(ALL, n_levels=3)
  check_same(*both(n_features, config, rate, sequences, frames))


@pytest.mark.parametrize(
  'changed',
  [
    {'n_levels': 1},
    {'n_levels': 2, 'fall_back': False, 'margin': 0},
    {'n_levels': 2, 'is_dense': False},
  ],
)
@pytest.mark.parametrize('rate', [0, 9])
def test_both_searches_agree_however_they_are_set(changed, rate):
  check_same(*both(400, dataclasses.replace(ALL, **changed), rate))


def test_the_surest_hit_read_in_vain_leaves_the_next_one_to_be_told():
  config = dataclasses.replace(ALL, n_levels=3)
  results = both(800, config, 9, frames=SIZE.n_frames)
  check_same(*results)
  confidences = sorted({hit.confidence for hit in results[0].hits})
  assert results[0].moments[0].score == confidences[-2]


def test_videos_of_any_length_share_a_few_compilations():
  config = dataclasses.replace(CONFIG, n_levels=None)
  generator = np.random.default_rng(0)
  shapes = {
    search_shape(plan_search(int(n), config))
    for n in generator.integers(2, 86400 * SIZE.fps // 20, 50)
  }
  assert len(shapes) <= 8


def test_one_compilation_serves_lengths_and_budgets():
  config = dataclasses.replace(ALL, n_levels=3)
  both(400, config, 9)
  n_compiled = whimsical_search._cache_size()
  for n_features, sequences in ((500, None), (700, 9), (900, 0)):
    both(n_features, config, 9, sequences, 100)
  assert whimsical_search._cache_size() == n_compiled
