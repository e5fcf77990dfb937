"""The compiled loop against a plain one that keeps nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.llm.tiny_decoder import DECODER, prefill, random_params, score
from vtg_jax.decode.greedy import GreedyConfig, decode_greedily
from vtg_jax.llm.decoder import KeyValues, Past

G, PAD, NEVER = 7, 23, 99
PROMPTS = jax.random.randint(jax.random.key(4), (3, 5), 0, 24)


@pytest.fixture(scope='module')
def params():
  return random_params()


@pytest.fixture(scope='module')
def free(params):
  """Tokens and log-probabilities of an endless row, one pass a token."""
  ids, log_probs = np.asarray(PROMPTS), []
  for _ in range(G):
    # Padding to one length compiles once; nothing sees what comes later.
    padded = np.pad(ids, [(0, 0), (0, 5 + G - ids.shape[1])])
    logits = score(params, padded)[:, ids.shape[1] - 1]
    scores = np.asarray(jax.nn.log_softmax(logits))
    token = scores.argmax(-1)
    log_probs.append(scores.max(-1))
    ids = np.concatenate([ids, token[:, None].astype(ids.dtype)], 1)
  return ids[:, 5:], np.stack(log_probs, 1)


def decode(params, prompts=PROMPTS, *, eos_id=NEVER, stop_ids=(), limit=G):
  kv, logits = prefill(params, prompts)
  config = GreedyConfig(
    max_new_tokens=limit, eos_id=eos_id, stop_ids=stop_ids, pad_id=PAD
  )
  B, T = prompts.shape
  past = [Past(kv, jnp.ones((1, 1, T), bool))]
  return jax.jit(
    lambda params, past, logits: decode_greedily(
      DECODER, params, past, logits, jnp.full((B,), T), config
    )
  )(params, past, logits[:, -1])


def check(out, free, length):
  """Rows are the free ones up to their length, and padding after it."""
  ids, log_probs = free
  assert out.length.tolist() == length
  for row, n in enumerate(length):
    assert out.ids[row, :n].tolist() == ids[row, :n].tolist()
    assert (out.ids[row, n:] == PAD).all()
    want = log_probs[row, :n].sum()
    np.testing.assert_allclose(out.log_prob[row], want, atol=1e-4)


def test_it_generates_what_a_loop_without_a_cache_does(params, free):
  out = decode(params)
  assert out.ids.dtype == jnp.int32
  check(out, free, [G] * 3)


def test_eos_ends_its_row_and_belongs_to_it(params, free):
  rows = free[0].tolist()
  eos = rows[1][2]
  lengths = [row.index(eos) + 1 if eos in row else G for row in rows]
  assert lengths[1] <= 3 and len(set(lengths)) > 1
  check(decode(params, eos_id=eos), free, lengths)


def test_a_stop_sequence_ends_a_row_that_ends_with_it(params, free):
  rows = free[0].tolist()
  stop = tuple(rows[0][3:5])

  def length(row):
    pairs = list(zip(row, row[1:], strict=False))
    return pairs.index(stop) + 2 if stop in pairs else G

  lengths = [length(row) for row in rows]
  assert min(lengths) < G
  check(decode(params, stop_ids=(stop, (NEVER,))), free, lengths)


def test_the_loop_ends_with_the_longest_row(params, free):
  first = tuple((int(token),) for token in free[0][:, 0])
  check(decode(params, stop_ids=first), free, [1, 1, 1])


def test_one_new_token_needs_no_further_pass(params, free):
  out = decode(params, limit=1)
  check(out, (free[0][:, :1], free[1]), [1, 1, 1])


def test_rows_do_not_depend_on_each_other(params):
  both = decode(params)
  alone = decode(params, PROMPTS[1:2])
  assert alone.ids.tolist() == both.ids[1:2].tolist()
  np.testing.assert_allclose(alone.log_prob[0], both.log_prob[1], atol=1e-4)


def test_prompts_of_different_lengths_share_a_batch(params, free):
  kv, _ = prefill(params, PROMPTS)
  short, short_logits = prefill(params, PROMPTS[:1, :3])
  junk = [(0, 0), (0, 0), (0, 2), (0, 0), (0, 0)]
  short = [jnp.pad(x, junk, constant_values=9.0) for x in short]
  _, logits = prefill(params, PROMPTS)
  rows = KeyValues(
    *(
      jnp.concatenate([s, x[:, 1:2]], 1) for s, x in zip(short, kv, strict=True)
    )
  )
  length = jnp.array([3, 5])
  past = Past(rows, (jnp.arange(5) < length[:, None])[:, None])
  config = GreedyConfig(max_new_tokens=G, eos_id=NEVER, stop_ids=(), pad_id=PAD)
  last = jnp.concatenate([short_logits[:, -1], logits[1:2, -1]])
  out = decode_greedily(DECODER, params, [past], last, length, config)
  assert out.ids[1].tolist() == free[0][1].tolist()
  assert out.ids[0].tolist() == decode(params, PROMPTS[:1, :3]).ids[0].tolist()
