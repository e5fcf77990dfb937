"""An answer to rows that show a video, and how sure each of its steps was."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.decode.entropy import step_entropy
from vtg_jax.decode.greedy import (
  GreedyConfig,
  GreedyOutput,
  Sampler,
  decode_greedily,
)
from vtg_jax.llm.decoder import Past
from vtg_jax.systems.revisionllm.model import ReVisionLlm, decoder


def write_answers(
  model: ReVisionLlm,
  params,
  embeds: Float[Array, 'B T E'],
  attention_mask: Bool[Array, 'B T'],
  positions: Int[Array, 'B T'],
  greedy: GreedyConfig,
  *,
  sampler: Sampler | None = None,
) -> GreedyOutput:
  """Reads rows and goes on writing; to be traced.

  Rows that have ended are fed padding for as long as others of the batch go
  on, and everybody may look at it, as in the released code.

  Args:
    model: The network at a level.
    params: As worn there.
    embeds: From `embed_rows`.
    attention_mask: False on padding.
    positions: From 0 up on what is real.
    greedy: When to stop.
    sampler: Draws the words; the most probable one is taken when None.

  Returns:
    What was written; `watched` holds the entropy of each step.
  """
  T = embeds.shape[1]
  causal = jnp.tril(jnp.ones((T, T), bool))
  variables = {'params': params}
  out = model.apply(
    variables,
    embeds,
    positions,
    mask=causal & attention_mask[:, None],
    method='decode',
  )
  n_real = attention_mask.sum(1)
  # The last real token, wherever padding lies.
  last = jnp.where(attention_mask, jnp.arange(T), -1).max(1)
  hidden = jnp.take_along_axis(out.hidden, last[:, None, None], axis=1)[:, 0]
  return decode_greedily(
    decoder(model.config, model.compute, has_lora=model.has_lora),
    params['llm'],
    [Past(out.kv, attention_mask[:, None])],
    model.apply(variables, hidden, method='logits'),
    n_real,
    greedy,
    sampler=sampler,
    watcher=step_entropy,
  )
