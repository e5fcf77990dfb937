"""Options are scored as if each stood alone behind the prompt."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vtg_jax.decode.choices import score_choices, tree_mask
from vtg_jax.llm.decoder import Decoder, Past
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.rope import LongRope

CONFIG = DecoderConfig(
  vocab_size=50,
  width=16,
  n_layers=2,
  n_heads=2,
  n_kv_heads=2,
  head_dim=8,
  mlp_hidden=24,
  norm_eps=1e-6,
  rope_theta=10000.0,
  max_positions=64,
  tied_embeddings=True,
  lora=None,
)
DECODER = Decoder(CONFIG, Compute())
PROMPTS = [[3, 9, 4, 7, 1], [8, 2, 6]]
OPTIONS = [
  [[5, 6, 7], [5, 6], [11]],
  [[12, 4], [9, 9, 9, 9], [1, 30, 2]],
]


@pytest.fixture(scope='module')
def params():
  def init(key):
    embeds, positions = jnp.zeros((1, 2, CONFIG.width)), jnp.zeros((1, 2), int)
    return nn.meta.unbox(DECODER.init(key, embeds, positions, method=_all))

  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda x: jnp.asarray(0.3 * rng.normal(size=x.shape), jnp.float32),
    jax.eval_shape(init, jax.random.key(0))['params'],
  )


def _all(decoder, embeds, positions):
  """Touches every parameter, the embedding too."""
  return decoder.logits(decoder(embeds, positions).hidden)


@jax.jit
def log_probs(params, ids):
  """After every token of one row, by an ordinary causal pass."""
  variables = {'params': params}
  embeds = DECODER.apply(variables, ids[None], method='embed_tokens')
  out = DECODER.apply(variables, embeds, jnp.arange(len(ids))[None])
  logits = DECODER.apply(variables, out.hidden[0], method='logits')
  return jax.nn.log_softmax(logits)


def alone(params, prompt, option):
  """Log-probability of one option's text."""
  row = np.zeros(16, np.int32)
  row[: len(prompt) + len(option)] = [*prompt, *option]
  scores = log_probs(params, row)
  first = len(prompt) - 1
  return float(sum(scores[first + i, t] for i, t in enumerate(option)))


def padded(rows, width, fill):
  out = np.full((len(rows), width), fill, np.int32)
  for i, row in enumerate(rows):
    out[i, : len(row)] = row
  return out, np.array([len(row) for row in rows])


scored = jax.jit(functools.partial(score_choices, DECODER))


@pytest.mark.parametrize('fill', [0, 13])
def test_an_option_scores_as_alone_whatever_the_padding(params, fill):
  prompt_ids, prompt_len = padded(PROMPTS, 8, fill)
  option_ids = np.stack([padded(row, 4, fill)[0] for row in OPTIONS])
  option_len = np.array([[len(o) for o in row] for row in OPTIONS])
  got = scored(
    params,
    [],
    prompt_ids,
    prompt_len,
    np.zeros(2, np.int32),
    option_ids,
    option_len,
  )
  wanted = [
    [alone(params, prompt, option) for option in options]
    for prompt, options in zip(PROMPTS, OPTIONS, strict=True)
  ]
  np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_a_prompt_may_be_partly_past(params):
  head, rest = PROMPTS[0][:3], PROMPTS[0][3:]
  variables = {'params': params}
  embeds = DECODER.apply(variables, jnp.array([head]), method='embed_tokens')
  kv = DECODER.apply(variables, embeds, jnp.arange(3)[None]).kv
  got = scored(
    params,
    [Past(kv, jnp.ones((1, 1, 3), bool))],
    np.array([rest]),
    np.array([len(rest)]),
    np.array([3]),
    np.array([[[12, 4], [9, 0]]]),
    np.array([[2, 1]]),
  )
  wanted = [alone(params, PROMPTS[0], option) for option in ([12, 4], [9])]
  np.testing.assert_allclose(got[0], wanted, atol=1e-5)


def test_options_of_one_token_need_no_second_pass(params):
  got = scored(
    params,
    [],
    np.array([PROMPTS[1]]),
    np.array([3]),
    np.zeros(1, np.int32),
    np.array([[[12], [4], [7]]]),
    np.ones((1, 3), np.int32),
  )
  wanted = [alone(params, PROMPTS[1], [option]) for option in (12, 4, 7)]
  np.testing.assert_allclose(got[0], wanted, atol=1e-5)


def test_rival_options_do_not_lengthen_a_sequence(params):
  option_ids, option_len = padded(OPTIONS[1], 4, 0)

  def scores(context):
    long_rope = LongRope(
      short_factors=(1.0,) * 4,
      long_factors=(100.0,) * 4,
      original_positions=context,
    )
    config = dataclasses.replace(CONFIG, max_positions=8, long_rope=long_rope)
    return score_choices(
      Decoder(config, Compute()),
      params,
      [],
      jnp.array([PROMPTS[0]]),
      jnp.array([5]),
      jnp.zeros(1, jnp.int32),
      jnp.asarray(option_ids)[None],
      jnp.asarray(option_len)[None],
    )

  # A prompt of 5 and an option of 4, whatever its 2 rivals are.
  np.testing.assert_array_equal(scores(9), scores(100))
  assert np.abs(scores(9) - scores(8)).max() > 1e-4


def test_the_mask_is_the_one_in_the_picture():
  picture = """
    1 . .  . .  . .
    1 1 .  . .  . .
    1 1 .  . .  . .
    1 1 .  1 .  . .
    1 1 .  1 1  . .
    1 1 .  . .  1 .
    1 1 .  . .  1 1
  """
  wanted = [[c == '1' for c in line.split()] for line in picture.split('\n')]
  got = tree_mask(jnp.array([2]), 3, 2, 2)
  np.testing.assert_array_equal(got[0], [row for row in wanted if row])
