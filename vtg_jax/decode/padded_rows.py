"""Reading embedded rows of several lengths, and writing on after them."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.decode.greedy import (
  Grammar,
  GreedyConfig,
  GreedyOutput,
  Sampler,
  Watcher,
  decode_greedily,
)
from vtg_jax.llm.decoder import Decoder, Past


def write_after_rows(
  decoder: Decoder,
  params,
  embeds: Float[Array, 'B T E'],
  attention_mask: Bool[Array, 'B T'],
  positions: Int[Array, 'B T'],
  greedy: GreedyConfig,
  *,
  grammar: Grammar | None = None,
  sampler: Sampler | None = None,
  watcher: Watcher | None = None,
) -> GreedyOutput:
  """Reads rows and goes on writing; to be traced.

  Rows that have ended are fed padding for as long as others of the batch go
  on, and everybody may look at it, as in Hugging Face's loop.

  Args:
    decoder: The module.
    params: Its parameters.
    embeds: Padded on either side.
    attention_mask: False on padding.
    positions: From 0 up on what is real.
    greedy: When to stop.
    grammar: See `decode_greedily`.
    sampler: See there.
    watcher: See there.
  """
  T = embeds.shape[1]
  causal = jnp.tril(jnp.ones((T, T), bool))
  variables = {'params': params}
  out = decoder.apply(
    variables, embeds, positions, mask=causal & attention_mask[:, None]
  )
  # The last real token, wherever padding lies.
  last = jnp.where(attention_mask, jnp.arange(T), -1).max(1)
  hidden = jnp.take_along_axis(out.hidden, last[:, None, None], axis=1)[:, 0]
  return decode_greedily(
    decoder,
    params,
    [Past(out.kv, attention_mask[:, None])],
    decoder.apply(variables, hidden, method='logits'),
    attention_mask.sum(1),
    greedy,
    grammar=grammar,
    sampler=sampler,
    watcher=watcher,
  )
