"""Reading rows of text after what is known already, up to their next token."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vtg_jax.llm.decoder import Decoder, Past


def read_text(
  decoder: Decoder,
  params,
  past: Sequence[Past],
  ids: Int[Array, 'B T'],
  length: Int[Array, ' B'],
  position: Int[Array, ' B'],
  *,
  sequence_length: Int[Array, ''] | int | None = None,
) -> tuple[Float[Array, 'B V'], Past]:
  """Passes rows of text through the decoder.

  Args:
    decoder: The module.
    params: Its parameters.
    past: What comes before the text; a batch of 1 is shared by all rows and
      not copied.
    ids: At least one token a row, padded right.
    length: Real tokens of each row.
    position: Rotary position of each row's first token.
    sequence_length: Tokens of a row up to here, padding included, which
      LongRoPE needs to know after a past.

  Returns:
    Scores after the last real token of each row, and the text as the past of
    what follows it.
  """
  variables = {'params': params}
  places = jnp.arange(ids.shape[1])
  out = decoder.apply(
    variables,
    decoder.apply(variables, ids, method='embed_tokens'),
    position[:, None] + places,
    past=past,
    sequence_length=sequence_length,
  )
  last = jnp.take_along_axis(out.hidden, (length - 1)[:, None, None], axis=1)
  logits = decoder.apply(variables, last[:, 0], method='logits')
  is_text = places < length[:, None]
  return logits, Past(out.kv, is_text[:, None])
