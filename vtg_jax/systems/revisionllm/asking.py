"""An answer to rows that show a video, and how sure each of its steps was."""

from jaxtyping import Array, Bool, Float, Int

from vtg_jax.decode.entropy import step_entropy
from vtg_jax.decode.greedy import GreedyConfig, GreedyOutput, Sampler
from vtg_jax.decode.padded_rows import write_after_rows
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
  return write_after_rows(
    decoder(model.config, model.compute, has_lora=model.has_lora),
    params['llm'],
    embeds,
    attention_mask,
    positions,
    greedy,
    sampler=sampler,
    watcher=step_entropy,
  )
