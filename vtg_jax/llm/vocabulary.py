"""More words for a trained decoder, in its tables or beside them."""

import dataclasses
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vtg_jax.llm.decoder_config import DecoderConfig, NewWords


def grow_vocabulary(
  config: DecoderConfig, params: dict, n_new: int, rng: jax.Array
) -> tuple[DecoderConfig, dict]:
  """Appends words to the embedding and the head, and gives the head a bias.

  A new word starts as the mean of all old ones, in the embedding and in the
  head. The bias, of old words too, starts as PyTorch's linear layers have
  theirs: uniform within D ** -0.5.

  Source: Grounded-VideoLLM adds its temporal tokens so.

  Args:
    config: Of the decoder as it is; its head is its own and has no bias.
    params: Its parameters, by nested names, not boxed.
    n_new: Words to add.
    rng: Random key for the bias.

  Returns:
    The configuration and the parameters of the grown decoder.
  """
  if config.tied_embeddings or config.head_bias:
    raise ValueError(
      f'{config.tied_embeddings=} and {config.head_bias=}; only a head of its '
      'own that has no bias can be given one'
    )
  embedding = params['embed']['embedding']  # [V D]
  kernel = params['lm_head']['kernel']  # [D V]
  V = config.vocab_size + n_new
  bound = 1 / math.sqrt(config.width)
  bias = jax.random.uniform(rng, (V,), minval=-bound, maxval=bound)
  grown = dataclasses.replace(config, vocab_size=V, head_bias=True)
  return grown, params | {
    'embed': {'embedding': _with_means(embedding, n_new, axis=0)},
    'lm_head': {
      'kernel': _with_means(kernel, n_new, axis=1),
      'bias': bias.astype(kernel.dtype),
    },
  }


def add_new_words(
  config: DecoderConfig, params: dict, like_ids: Sequence[int], *, first: int
) -> tuple[DecoderConfig, dict]:
  """Gives new words rows of their own, which begin as those of known words.

  The tables stay as they are, so that they may be frozen.

  Args:
    config: Of the decoder as it is; its head is its own.
    params: Its parameters, by nested names, not boxed.
    like_ids: The known word that each new one begins as.
    first: Id of the first new word.

  Returns:
    The configuration and the parameters of the decoder with new words.
  """
  if config.tied_embeddings or config.new_words is not None:
    raise ValueError(
      f'{config.tied_embeddings=} and {config.new_words=}; words can be added '
      'once, to a decoder whose head is its own'
    )
  new = NewWords(first=first, count=len(like_ids))
  embed, head = rows_like(
    params['embed']['embedding'], params['lm_head']['kernel'], like_ids
  )
  return dataclasses.replace(config, new_words=new), params | {
    'new_embed': embed,
    'new_head': head,
  }


def rows_like(
  embedding: Float[Array | np.ndarray, 'V D'],
  head: Float[Array | np.ndarray, 'D V'],
  like_ids: Sequence[int],
) -> tuple[Float[Array | np.ndarray, 'W D'], Float[Array | np.ndarray, 'W D']]:
  """Rows for new words that are those of known ones, of both tables."""
  like = np.asarray(like_ids)
  return embedding[like], head[:, like].T


def _with_means(table, n_new: int, axis: int):
  mean = jnp.mean(table, axis, jnp.float32, keepdims=True).astype(table.dtype)
  return jnp.concatenate([table, jnp.repeat(mean, n_new, axis)], axis)
