"""The host's half of a search holds exactly what the paper's loop would ask."""

import dataclasses
import itertools
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from input_pipeline.video import FrameStore
from tests.recursion.oracle import TEXTS, recursive_grounding
from tests.systems.hawkeye import tiny
from vtg_jax.errors import BadInput
from vtg_jax.moments import coarse
from vtg_jax.recursion.coarse_to_fine import search, start_search
from vtg_jax.systems.hawkeye import prompt, tables
from vtg_jax.systems.hawkeye.frames import frames_of_interval

TRACES = json.loads((tiny.GOLDEN / 'cases.json').read_text())[
  'recursive_grounding_traces'
]
CATEGORIES = coarse.CATEGORIES
CONFIG = dataclasses.replace(tiny.config(), n_frames=12)
TOKENIZER, WORDS = tiny.tokenizers()


def store(n_frames, fps):
  """A video of that many frames that nobody looks at."""
  index = SimpleNamespace(
    path='made up',
    times_s=np.arange(n_frames) / fps,
    duration_s=n_frames / fps,
    average_fps=fps,
    n_frames=n_frames,
  )
  return FrameStore(index, lambda ids, resize, count: iter(()))


def plan(video, query, orders, *, max_rounds, sampling='paper'):
  return tables.plan_search(
    CONFIG,
    prompt.GROUNDING,
    TOKENIZER,
    WORDS,
    duration_s=video.paper_duration_s,
    frames_of=frames_of_interval(video, sampling, CONFIG.n_frames),
    queries=[query],
    orders=[[orders]],
    max_rounds=max_rounds,
  )


@jax.jit
def play(answers, moves, max_rounds):
  """The compiled search, driven by an answer for each round."""
  n_rounds, n_choices = answers.shape

  def scorer(node, active, round_):
    del active
    log_probs = jnp.where(answers[round_] == 1, 0.0, -jnp.inf)
    return jnp.broadcast_to(log_probs, (*node.shape, n_choices))

  state = start_search(
    jnp.ones(1, bool), width=1, n_rounds=n_rounds, n_choices=n_choices
  )
  return search(state, moves, scorer, max_rounds=max_rounds)


def searched(plan, answers, max_rounds):
  """Nodes looked at, categories answered, and the interval left."""
  table = np.zeros((tables.ROUNDS_BUCKET, len(CATEGORIES)))
  table[:, CATEGORIES.index('throughout')] = 1
  for turn, answer in enumerate(answers):
    table[turn] = np.array(CATEGORIES) == answer
  state = play(table, plan.text['moves'], max_rounds)
  path = np.asarray(state.path[0, 0])
  nodes = np.asarray(state.node_path[0, 0])[path >= 0].tolist()
  names = [CATEGORIES[choice] for choice in path[path >= 0]]
  return nodes, names, coarse.span_of_path(float(plan.tree.end_s[0]), names)


def prompt_ids(plan, node):
  """What the model reads at a node, before and after the video."""
  text = plan.text
  node_len, query_len = text['node_len'][node], text['query_len'][0, 0, node]
  after = [
    *text['node_ids'][node, :node_len],
    *text['query_ids'][0, 0, node, :query_len],
  ]
  return text['prefix_ids'].tolist(), [int(i) for i in after]


def check_search(plan, rounds, final_span, max_rounds):
  """The compiled search on the plan equals the oracle's search."""
  answers = [r.answer for r in rounds]
  nodes, names, span = searched(plan, answers, max_rounds)
  assert names == answers
  assert span == final_span
  frame_of_row = {row: frame for frame, row in plan.rows.items()}
  for node, expected in zip(nodes, rounds, strict=True):
    tree, shown = plan.tree, plan.nodes[node]
    assert (tree.start_s[node], tree.end_s[node]) == (
      expected.start_s,
      expected.end_s,
    )
    assert shown.frame_ids.tolist() == expected.frame_indices
    in_table = [frame_of_row[row] for row in plan.text['frame_ids'][node]]
    assert in_table == expected.frame_indices
    assert prompt.video_message(shown.times_s) == expected.video_msg
    before, after = expected.prompt.split('<VideoHere>')
    ids_before, ids_after = prompt_ids(plan, node)
    assert ids_before == TOKENIZER.encode(before, bos=True)
    assert ids_after == TOKENIZER.encode(after)


def whole(orders):
  """As many orders as the tables have rounds."""
  n_missing = tables.ROUNDS_BUCKET - len(orders)
  return [*orders, *[coarse.SHUFFLE_BASE] * n_missing]


@pytest.mark.parametrize('trace', TRACES)
def test_the_compiled_search_equals_every_recorded_trace(trace):
  orders = [r['option_order'] for r in trace['rounds']]
  max_rounds = trace['max_turns']
  rounds, span = recursive_grounding(
    'x y',
    video_frames=trace['num_video_frames'],
    fps=trace['fps'],
    orders=orders,
    reply=lambda turn: trace['rounds'][turn]['llm_message'],
    max_turns=max_rounds,
  )
  video = store(trace['num_video_frames'], trace['fps'])
  planned = plan(video, 'x y', whole(orders), max_rounds=max_rounds)
  check_search(planned, rounds, span, max_rounds)
  assert list(span) == trace['final_span']
  messages = [r['video_msg'] for r in trace['rounds']]
  assert [r.video_msg for r in rounds] == messages


def letter_text(order, category):
  return f'({"ABCD"[list(order).index(category)]}) {TEXTS[category]}'


def check_random(n_frames, fps, query, orders, answers, max_rounds):
  rounds, span = recursive_grounding(
    query,
    video_frames=n_frames,
    fps=fps,
    orders=orders,
    reply=lambda turn: letter_text(orders[turn], answers[turn]),
    max_turns=max_rounds,
  )
  last = n_frames - 1
  rounds = [  # the oracle may name a frame behind the last one
    dataclasses.replace(
      r, frame_indices=[min(i, last) for i in r.frame_indices]
    )
    for r in rounds
  ]
  planned = plan(store(n_frames, fps), query, orders, max_rounds=max_rounds)
  check_search(planned, rounds, span, max_rounds)
  return rounds


ORDERS = st.permutations(CATEGORIES)


@settings(deadline=None, max_examples=60)
@given(
  n_frames=st.integers(1, 40) | st.integers(1, 20_000),
  fps=st.sampled_from([0.2, 0.5, 1.0, 3.0, 23.976, 25.0, 29.97]),
  query=st.text(
    st.characters(exclude_categories=['Cs']), min_size=1, max_size=20
  ).filter(lambda q: '<VideoHere>' not in q),
  orders=st.lists(ORDERS, min_size=4, max_size=4),
  answers=st.lists(st.sampled_from(CATEGORIES), min_size=4, max_size=4),
  max_rounds=st.integers(1, 4),
)
def test_the_compiled_search_equals_the_oracle(
  n_frames, fps, query, orders, answers, max_rounds
):
  check_random(n_frames, fps, query, orders, answers, max_rounds)


def test_prompts_with_negative_times_are_the_oracles():
  messages = []
  for answers in itertools.product(('beginning', 'middle', 'end'), repeat=3):
    for n_frames, fps in ((3, 0.2), (7, 1.0), (5, 30.0)):
      rounds = check_random(
        n_frames, fps, 'x', [CATEGORIES] * 4, [*answers, 'end'], 4
      )
      messages += [r.video_msg for r in rounds]
  told = ' '.join(messages)
  assert ' -0.0,' in told
  assert ' -0.2,' in told


def test_timestamp_frames_are_told_from_the_start_of_the_interval():
  planned = plan(
    store(1000, 10.0), 'x', whole([]), max_rounds=2, sampling='timestamp'
  )
  for node, shown in enumerate(planned.nodes):
    start_s, end_s = planned.tree.start_s[node], planned.tree.end_s[node]
    slot_s = (end_s - start_s) / 12
    wanted_s = slot_s * (np.arange(12) + 0.5)
    np.testing.assert_allclose(shown.times_s, wanted_s, atol=1e-9)
    on_display = np.floor((start_s + wanted_s) * 10 + 1e-6)
    assert shown.frame_ids.tolist() == on_display.astype(int).tolist()


def test_the_option_table_holds_each_text_as_it_goes_on():
  text = plan(store(100, 10.0), 'x', whole([]), max_rounds=1).text
  for i, letter in enumerate('ABCD'):
    for j, category in enumerate(CATEGORIES):
      ids = text['option_ids'][i, j, : text['option_len'][i, j]].tolist()
      said = f'Best option: ({letter}) {TEXTS[category]}'
      assert ids == TOKENIZER.encode_continuation(
        'Best option: (', said.removeprefix('Best option: (')
      )
      # Behind the prompt's own tokens they spell the sentence.
      before = TOKENIZER.encode('Best option: (')
      assert TOKENIZER.decode([*before, *ids]) == said


def test_the_node_text_is_what_any_query_shares():
  video, orders = store(100, 10.0), whole([])
  one = plan(video, 'a dog runs', orders, max_rounds=2).text
  other = plan(video, 'Zebra', orders, max_rounds=2).text
  for name in ('prefix_ids', 'node_ids', 'node_len'):
    np.testing.assert_array_equal(one[name], other[name])
  assert one['node_len'][:4].min() > 50


def test_tables_have_the_same_shapes_for_all_rounds_and_videos():
  def shapes(planned):
    return jax.tree.map(np.shape, planned.text)

  first = plan(store(3000, 30.0), 'a dog runs', whole([]), max_rounds=4)
  for n_frames, max_rounds, query in (
    (2900, 1, 'a cat runs'),
    (2500, 3, 'a dog sits'),
  ):
    planned = plan(
      store(n_frames, 30.0), query, whole([]), max_rounds=max_rounds
    )
    assert shapes(planned) == shapes(first)
    assert planned.frame_capacity == first.frame_capacity == 256


def test_a_prompt_longer_than_the_model_is_bad_input():
  with pytest.raises(BadInput, match='1024 positions; shorten the query'):
    plan(store(100, 10.0), 'x' * 10_000, whole([]), max_rounds=4)


# Option orders.


def test_orders_depend_on_seed_query_and_round_alone():
  once = tables.option_orders('a dog', 4, 4, seed=0)
  assert once == tables.option_orders('a dog', 4, 4, seed=0)
  assert once != tables.option_orders('a dog', 4, 4, seed=1)
  assert once != tables.option_orders('a cat', 4, 4, seed=0)
  assert len(set(tables.option_orders('a dog', 1, 16, seed=0)[0])) > 4
  # More orders, or more rounds, go on from fewer.
  assert tables.option_orders('a dog', 2, 2, seed=0) == tuple(
    order[:2] for order in once[:2]
  )


def test_every_order_holds_every_category():
  for order in tables.option_orders('a dog', 6, 5, seed=3):
    for of_round in order:
      assert sorted(of_round) == sorted(CATEGORIES)


def test_four_orders_put_each_option_behind_each_letter_once():
  orders = tables.option_orders('a dog', 4, 3, seed=0)
  for round_ in range(3):
    shown = [order[round_] for order in orders]
    for letter in range(4):
      assert sorted(o[letter] for o in shown) == sorted(CATEGORIES)


def test_orders_are_drawn_evenly():
  first = [
    tables.option_orders(f'query {i}', 1, 1, seed=0)[0][0] for i in range(2400)
  ]
  counts = [first.count(o) for o in itertools.permutations(CATEGORIES)]
  assert min(counts) > 60  # 100 are expected of each of the 24
  assert sum(counts) == 2400
