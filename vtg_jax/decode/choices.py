"""How probable each of a few answers is, in one forward pass."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.llm.decoder import Decoder, Past


def tree_mask(
  prompt_len: Int[Array, ' B'], n_prompt: int, n_options: int, length: int
) -> Bool[Array, 'B T T']:
  """Lets every option see the prompt and itself, not its rivals.

  A prompt of 2 (padded to 3) and 2 options of 2 tokens; 1 = may look:

              p0 p1 --  a0 a1  b0 b1
      p0       1  .  .   .  .   .  .
      p1       1  1  .   .  .   .  .
      --       1  1  .   .  .   .  .
      a0       1  1  .   1  .   .  .
      a1       1  1  .   1  1   .  .
      b0       1  1  .   .  .   1  .
      b1       1  1  .   .  .   1  1
  """
  T = n_prompt + n_options * length
  index = jnp.arange(T)
  option = jnp.where(index < n_prompt, -1, (index - n_prompt) // length)
  is_prompt = index < prompt_len[:, None]  # real prompt tokens
  same = (option[:, None] == option[None, :]) & (option[None, :] >= 0)
  causal = index[None, :] <= index[:, None]
  return causal & (is_prompt[:, None, :] | same)


def score_choices(
  decoder: Decoder,
  params,
  past: Sequence[Past],
  prompt_ids: Int[Array, 'B T'],
  prompt_len: Int[Array, ' B'],
  position: Int[Array, ' B'],
  option_ids: Int[Array, 'B C O'],
  option_len: Int[Array, 'B C'],
  *,
  sequence_length: Int[Array, ''] | int | None = None,
) -> Float[Array, 'B C']:
  """Log-probability of each option's text after the prompt.

  The sum over an option's tokens, with neither length normalisation nor a
  terminator; not yet normalised over the options.

  Args:
    decoder: The module.
    params: Its parameters.
    past: What comes before `prompt_ids`.
    prompt_ids: The (rest of the) prompt, at least one token, padded right.
    prompt_len: Real tokens of each prompt.
    position: Rotary position of the first prompt token.
    option_ids: Text of each option, padded right.
    option_len: Real tokens of each option, at least 1.
    sequence_length: Tokens of a row with one option, padding included; LongRoPE
      needs to know it after a past.

  Returns:
    float32.
  """
  B, T = prompt_ids.shape
  C, length = option_ids.shape[1:]
  if sequence_length is None and not past:
    sequence_length = T + length

  def apply(*args, **kwargs):
    return decoder.apply({'params': params}, *args, **kwargs)

  ids = jnp.concatenate([prompt_ids, option_ids.reshape(B, C * length)], axis=1)
  place = jnp.broadcast_to(jnp.arange(T), (B, T))
  option_place = prompt_len[:, None] + jnp.tile(jnp.arange(length), C)
  places = jnp.concatenate([place, option_place], axis=1)
  out = apply(
    apply(ids, method='embed_tokens'),
    position[:, None] + places,
    mask=tree_mask(prompt_len, T, C, length),
    past=past,
    sequence_length=sequence_length,
  )
  last = jnp.take_along_axis(
    out.hidden, (prompt_len - 1)[:, None, None], axis=1
  )
  first = jax.nn.log_softmax(apply(last, method='logits'))  # [B 1 V]
  total = jnp.take_along_axis(first[:, 0], option_ids[:, :, 0], axis=-1)
  if length > 1:
    inside = out.hidden[:, T:].reshape(B, C, length, -1)[:, :, :-1]
    later = jax.nn.log_softmax(apply(inside, method='logits'))
    later = jnp.take_along_axis(later, option_ids[:, :, 1:, None], axis=-1)
    is_text = jnp.arange(1, length) < option_len[..., None]
    total += jnp.where(is_text, later[..., 0], 0.0).sum(-1)
  return total
