"""What TimeChat's programs are fed, without any data or tokenizer."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.decode.figures import Figures
from vtg_jax.moments import relative_position
from vtg_jax.systems.timechat.config import TimeChatConfig

# In LLaMA's tokens, about: the prompt before the video, what is said of 96
# frames' times, in a bucket, a question of two dozen words, and an answer.
BEFORE_TOKENS, MESSAGE_TOKENS, QUESTION_TOKENS, ANSWER_TOKENS = 48, 640, 64, 24
# In BERT's, padding included: what is said of one frame's time.
TIME_TOKENS = 16
_N_WHOLE, _N_DECIMALS = 5, 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words:
  """Stands in for a `Wording` where there is no tokenizer.

  No token ends what is written.
  """

  before_ids: np.ndarray
  figures: Figures
  eos_id: int = -1

  @classmethod
  def of(cls, config: TimeChatConfig) -> 'Words':
    """Words of about the lengths that the released tokenizers give."""
    digits = tuple(range(10))
    if config.places == 'codes':
      figures = Figures(digit_ids=digits, n_whole=relative_position.N_DIGITS)
    else:
      figures = Figures(
        digit_ids=digits,
        n_whole=_N_WHOLE,
        point_id=len(digits),
        n_decimals=_N_DECIMALS,
      )
    return cls(before_ids=np.zeros(BEFORE_TOKENS, np.int32), figures=figures)


def video_shapes(
  config: TimeChatConfig, *, time_tokens: int = TIME_TOKENS
) -> dict[str, jax.ShapeDtypeStruct]:
  """A video's frames and their times, as `TimeChat.see` has them."""
  F, size = config.n_frames, config.encoder.image_size
  n_rows = config.qformer.n_tokens + config.keeps_text * time_tokens
  shapes = {
    'frames': ((F, size, size, 3), jnp.uint8),
    'time_ids': ((F, time_tokens), jnp.int32),
    'time_mask': ((F, time_tokens), jnp.bool_),
    'shown': ((F, n_rows), jnp.bool_),
  }
  return {name: jax.ShapeDtypeStruct(*x) for name, x in shapes.items()}


def sample_shapes(
  config: TimeChatConfig, *, row_tokens: int, time_tokens: int
) -> dict[str, jax.ShapeDtypeStruct]:
  """What one training sample is made of.

  Args:
    config: Sizes.
    row_tokens: Tokens of its row, video and padding included.
    time_tokens: Room for the sentence about a frame's time.
  """
  row = (row_tokens,)
  return {
    **video_shapes(config, time_tokens=time_tokens),
    'input_ids': jax.ShapeDtypeStruct(row, jnp.int32),
    'places': jax.ShapeDtypeStruct(row, jnp.int32),
    'labels': jax.ShapeDtypeStruct(row, jnp.int32),
    'attention_mask': jax.ShapeDtypeStruct(row, jnp.bool_),
  }
