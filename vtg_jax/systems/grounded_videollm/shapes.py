"""What Grounded-VideoLLM's programs are fed, without any data or tokenizer."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig

# The prompt before the video, and a question of two dozen words after it,
# rounded up to a bucket.
BEFORE_TOKENS, QUESTION_TOKENS = 24, 64
# ' to ' between the two times of a span.
MIDDLE_TOKENS = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words:
  """Stands in for a `Wording` where there is no tokenizer.

  No token ends what is written.
  """

  before_ids: np.ndarray
  time_ids: np.ndarray
  end_id: int = -1
  padding_id: int = 0

  @classmethod
  def of(cls, config: GroundedVideoLlmConfig) -> 'Words':
    """Words of about the lengths that the released tokenizers give."""
    return cls(
      before_ids=np.zeros(BEFORE_TOKENS, np.int32),
      time_ids=np.arange(config.n_intervals + 1, dtype=np.int32),
    )


def video_shapes(
  config: GroundedVideoLlmConfig,
) -> dict[str, jax.ShapeDtypeStruct]:
  """A video's frames, as `GroundedVideoLlm.see` has them but for the batch."""
  image = config.image_encoder.image_size
  video = config.video_encoder.image_size
  shapes = {
    'keyframes': (config.n_segments, image, image, 3),
    'frames': (config.n_frames, video, video, 3),
  }
  return {
    name: jax.ShapeDtypeStruct(shape, jnp.uint8)
    for name, shape in shapes.items()
  }


def sample_shapes(
  config: GroundedVideoLlmConfig, *, row_tokens: int
) -> dict[str, jax.ShapeDtypeStruct]:
  """What one training sample is made of.

  Args:
    config: Sizes.
    row_tokens: Tokens of its row, video and padding included.
  """
  row = (row_tokens,)
  return {
    **video_shapes(config),
    'input_ids': jax.ShapeDtypeStruct(row, jnp.int32),
    'labels': jax.ShapeDtypeStruct(row, jnp.int32),
    'attention_mask': jax.ShapeDtypeStruct(row, jnp.bool_),
    'video_start': jax.ShapeDtypeStruct((), jnp.int32),
  }
