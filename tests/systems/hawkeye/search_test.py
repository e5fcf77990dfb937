"""The compiled programs: what they compute, how often, and for whom."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.recursion.oracle import SYSTEM, TEXTS
from tests.systems.hawkeye import tiny
from vtg_jax.moments import coarse
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.hawkeye import prompt, tables
from vtg_jax.systems.hawkeye.frames import frames_of_interval
from vtg_jax.systems.hawkeye.model import HawkEye

QUERIES = [
  'a dog runs',
  'a cat sits',
  'a man opens a door',
  'the red square spins',
]
LENGTH = 640  # of the rows of the full forward pass below


def close(ours, theirs, *, atol=1e-5):
  """Whether answers agree: intervals exactly, probabilities closely."""
  assert len(ours) == len(theirs)
  for a, b in zip(ours, theirs, strict=True):
    assert (a.query, a.start_s, a.end_s) == (b.query, b.start_s, b.end_s)
    assert a.score == pytest.approx(b.score, abs=atol)
    assert len(a.rounds) == len(b.rounds)
    for one, other in zip(a.rounds, b.rounds, strict=True):
      assert dataclasses.replace(one, probabilities={}) == (
        dataclasses.replace(other, probabilities={})
      )
      assert one.probabilities == pytest.approx(other.probabilities, abs=atol)


@pytest.fixture(scope='module')
def warm_answers(grounder, clip):
  video = grounder.open_video(clip)
  video.prefetch(range(video.n_frames))
  return grounder.ground(video, QUERIES)


def test_queries_part_ways(warm_answers):
  """Or the tests below would compare less than they say."""
  assert len({(a.start_s, a.end_s) for a in warm_answers}) == len(QUERIES)
  assert [len(a.rounds) for a in warm_answers] == [4] * len(QUERIES)


# What is computed.


def forward(ids_before, soft, ids_after):
  """Log-probabilities after every token: no cache, no tree, one causal row."""
  n_text = len(ids_before) + len(ids_after) + len(soft)
  ids = np.zeros(LENGTH, np.int32)
  ids[: len(ids_before)] = ids_before
  ids[len(ids_before) + len(soft) : n_text] = ids_after
  return _forward(ids, len(ids_before), soft)


@jax.jit
def _forward(ids, start, soft):
  model = HawkEye(tiny.config(), Compute())
  variables = {'params': tiny.params()}
  embeds = model.apply(variables, ids[None], method='embed_tokens')
  embeds = jax.lax.dynamic_update_slice(embeds, soft[None], (0, start, 0))
  out = model.apply(
    variables, embeds, jnp.arange(LENGTH)[None], method='decode'
  )
  logits = model.apply(variables, out.hidden[0], method='logits')
  return jax.nn.log_softmax(logits)


@jax.jit
def _see(frames, instruction):
  return HawkEye(tiny.config(), Compute()).apply(
    {'params': tiny.params()},
    frames[None],
    instruction[None],
    jnp.ones((1, len(instruction)), bool),
    method='see',
  )[0]


def asked(video, query, order, interval):
  """Prompt ids before the video, its soft tokens, ids after it."""
  shown = frames_of_interval(video, 'timestamp', 3)(*interval)
  words = tiny.tokenizers()[1].encode(SYSTEM, max_length=140)
  soft = _see(jnp.asarray(video.get(shown.frame_ids)), jnp.asarray(words))
  text = prompt.grounding_prompt(query, order, shown.times_s)
  before, after = text.split('<VideoHere>')
  tokenizer = tiny.tokenizers()[0]
  return tokenizer.encode(before, bos=True), soft, tokenizer.encode(after)


def probabilities(video, query, order, interval):
  """Softmax over the options' summed log-probabilities, one row each."""
  before, soft, after = asked(video, query, order, interval)
  tokenizer = tiny.tokenizers()[0]
  totals = []
  for category in coarse.CATEGORIES:
    letter = 'ABCD'[order.index(category)]
    option = tokenizer.encode_continuation(
      'Best option: (', f'{letter}) {TEXTS[category]}'
    )
    log_probs = forward(before, soft, [*after, *option])
    first = len(before) + len(soft) + len(after) - 1
    totals.append(sum(log_probs[first + i, t] for i, t in enumerate(option)))
  return dict(
    zip(
      coarse.CATEGORIES,
      np.asarray(jax.nn.softmax(jnp.array(totals))).tolist(),
      strict=True,
    )
  )


def test_probabilities_are_those_of_the_option_texts(warm_answers, warm_video):
  for answer in warm_answers[:2]:
    orders = tables.option_orders(answer.query, 1, 4, seed=0)[0]
    score = 1.0
    for order, one in zip(orders, answer.rounds, strict=True):
      interval = (one.start_s, one.end_s)
      wanted = probabilities(warm_video, answer.query, order, interval)
      assert one.probabilities == pytest.approx(wanted, abs=2e-5)
      assert one.choice == max(wanted, key=wanted.get)
      score *= wanted[one.choice]
    assert answer.score == pytest.approx(score, abs=1e-4)


def test_several_orders_are_averaged(grounder, warm_video):
  (answer,) = grounder.ground(warm_video, QUERIES[:1], n_orders=4, max_rounds=2)
  orders = tables.option_orders(QUERIES[0], 4, 4, seed=0)
  for round_, one in enumerate(answer.rounds):
    each = [
      probabilities(
        warm_video, QUERIES[0], order[round_], (one.start_s, one.end_s)
      )
      for order in orders
    ]
    mean = {
      category: np.mean([p[category] for p in each])
      for category in coarse.CATEGORIES
    }
    assert one.probabilities == pytest.approx(mean, abs=2e-5)


def test_generated_text_is_that_of_greedy_full_passes(grounder, warm_video):
  tokenizer = tiny.tokenizers()[0]
  config = tiny.config()
  for query in QUERIES[:2]:
    order = tables.option_orders(query, 1, 4, seed=0)[0][0]
    before, soft, after = asked(warm_video, query, order, (0.0, 8.0))
    ids, total = [], 0.0
    while len(ids) < prompt.GROUNDING.max_new_tokens:
      log_probs = forward(before, soft, [*after, *ids])
      last = log_probs[len(before) + len(soft) + len(after) + len(ids) - 1]
      ids.append(int(last.argmax()))
      total += float(last.max())
      ends = [tuple(ids[-len(stop) :]) == stop for stop in config.stop_ids]
      if ids[-1] == tokenizer.eos_id or any(ends):
        break
    (answer,) = grounder.ground(warm_video, query, mode='generate')
    reply = prompt.reply_text(tokenizer.decode(ids), return_prompt='(')
    assert answer.rounds[0].choice == coarse.parse_answer(reply, order)
    assert answer.rounds[0].probabilities == {}
    if answer.rounds[0].choice == 'throughout':
      assert np.log(answer.score) == pytest.approx(total, abs=1e-3)


# For whom.


def test_a_query_alone_is_answered_as_in_a_batch(
  grounder, warm_video, warm_answers
):
  alone = [grounder.ground(warm_video, query)[0] for query in QUERIES]
  close(alone, warm_answers)


def test_a_batch_is_padded_without_effect(grounder, warm_video, warm_answers):
  close(grounder.ground(warm_video, QUERIES[:3]), warm_answers[:3])


def test_the_order_of_the_queries_does_not_matter(
  grounder, warm_video, warm_answers
):
  close(grounder.ground(warm_video, QUERIES[::-1]), warm_answers[::-1])


def test_a_cold_search_is_the_warm_one(grounder, video, warm_answers):
  close(grounder.ground(video, QUERIES), warm_answers)
  assert video.decoded < video.n_frames


def test_fewer_rounds_are_the_first_of_more(grounder, warm_video, warm_answers):
  for n in (1, 2, 3):
    found = grounder.ground(warm_video, QUERIES, max_rounds=n)
    for answer, longer in zip(found, warm_answers, strict=True):
      assert [r.choice for r in answer.rounds] == [
        r.choice for r in longer.rounds[:n]
      ]


def test_rows_scored_together_are_those_scored_alone(warm_video, warm_answers):
  """As on a GPU; 3 does not divide the rows."""
  grounder = tiny.counting_grounder(rows_per_step=3)
  close(grounder.ground(warm_video, QUERIES), warm_answers)


# How often.


def test_one_compilation_serves_rounds_queries_and_videos(
  grounder, warm_video, other_clip
):
  programs = grounder.programs
  names = ('search', 'round', 'prefix', 'generate')
  other = grounder.open_video(other_clip)
  grounder.ground(other, 'a cat sits')
  grounder.ground(other, 'a cat sits', mode='generate')
  other.prefetch(range(other.n_frames))
  grounder.ground(other, 'a cat sits')
  before = {name: getattr(programs, name)._cache_size() for name in names}
  for query in QUERIES[:2]:
    for max_rounds in (1, 2, 4):
      for sampling in ('timestamp', 'paper'):
        options = {'max_rounds': max_rounds, 'sampling': sampling}
        cold = grounder.open_video(other_clip)
        grounder.ground(cold, query, seed=max_rounds, **options)
        grounder.ground(warm_video, query, **options)
    grounder.ground(warm_video, query, mode='generate')
  after = {name: getattr(programs, name)._cache_size() for name in names}
  assert after == before


def visited(answers):
  """Distinct intervals looked at, by round."""
  by_round = {}
  for answer in answers:
    for i, one in enumerate(answer.rounds):
      by_round.setdefault(i, set()).add((one.start_s, one.end_s))
  return sum(len(intervals) for intervals in by_round.values())


def counted(grounder, *args, **options):
  """Answers, videos encoded, and prompt prefixes computed."""
  jax.effects_barrier()
  before = dataclasses.replace(grounder.calls)
  found = grounder.ground(*args, **options)
  jax.effects_barrier()
  now = grounder.calls
  return found, now.encoded - before.encoded, now.prefixes - before.prefixes


def test_an_interval_is_encoded_once_a_round(grounder, clip, warm_video):
  cold_video = grounder.open_video(clip)
  for video in (warm_video, cold_video):
    found, encoded, prefixes = counted(grounder, video, QUERIES)
    assert encoded == visited(found)
    assert encoded < sum(len(answer.rounds) for answer in found)
    assert prefixes == 1


def test_the_same_path_costs_one_encoding_a_round(grounder, warm_video):
  found, encoded, _ = counted(grounder, warm_video, [QUERIES[0]] * 3)
  assert encoded == len(found[0].rounds)


def test_padding_queries_encode_nothing(grounder, warm_video):
  found, encoded, _ = counted(grounder, warm_video, QUERIES[:3])
  assert encoded == visited(found)


def test_orders_share_the_video(grounder, warm_video):
  found, encoded, _ = counted(
    grounder, warm_video, QUERIES[:1], n_orders=4, max_rounds=2
  )
  assert encoded == len(found[0].rounds)
