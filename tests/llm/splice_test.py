import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.llm.places import NOTHING, WORD
from vtg_jax.llm.splice import splice_places, splice_rows


def test_rows_overwrite_words_from_each_samples_start():
  embeds = jnp.zeros((2, 5, 3))
  rows = jnp.array([[[1.0] * 3, [2.0] * 3], [[3.0] * 3, [4.0] * 3]])
  out = jax.jit(splice_rows)(embeds, rows, jnp.array([1, 2]))
  assert out[:, :, 0].tolist() == [[0, 1, 2, 0, 0], [0, 0, 3, 4, 0]]


def test_rows_take_the_dtype_of_the_words():
  embeds = jnp.zeros((1, 3, 2), jnp.bfloat16)
  rows = jnp.full((1, 1, 2), 1 / 3)
  out = splice_rows(embeds, rows, jnp.array([0]))
  assert out.dtype == jnp.bfloat16
  np.testing.assert_array_equal(out[:, :1], rows.astype(jnp.bfloat16))


def test_gradients_of_overwritten_words_are_zero():
  embeds, rows = jnp.ones((1, 4, 2)), jnp.ones((1, 2, 2))
  of_words, of_rows = jax.grad(
    lambda *args: splice_rows(*args, jnp.array([1])).sum(), (0, 1)
  )(embeds, rows)
  assert of_words[0, :, 0].tolist() == [1, 0, 0, 1]
  assert of_rows[0, :, 0].tolist() == [1, 1]


def test_places_say_what_a_row_shows():
  embeds = jnp.arange(1.0, 11.0).reshape(2, 5, 1)
  rows = -jnp.arange(1.0, 5.0).reshape(2, 2, 1)
  places = jnp.array([[WORD, 0, 1, WORD, 0], [NOTHING, NOTHING, WORD, 1, WORD]])
  out = splice_places(embeds, rows, places)[..., 0]
  assert out.tolist() == [[1, -1, -2, 4, -1], [0, 0, 8, -4, 10]]


def test_gradients_reach_the_soft_tokens_that_are_shown():
  places = jnp.array([[WORD, 1, NOTHING]])

  def total(embeds, rows):
    return splice_places(embeds, rows, places).sum()

  words, soft = jax.grad(total, (0, 1))(
    jnp.ones((1, 3, 1)), jnp.ones((1, 3, 1))
  )
  assert words[0, :, 0].tolist() == [1, 0, 0]
  assert soft[0, :, 0].tolist() == [0, 1, 0]
