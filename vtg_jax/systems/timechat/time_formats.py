"""How each frame's time is told to the image Q-Former, by name."""

from vtg_jax.moments import relative_position

SECONDS, RELATIVE_TEXT, RELATIVE_TOKENS = (
  'seconds',
  'relative_text',
  'relative_tokens',
)
QFORMER_TIME_FORMATS = (SECONDS, RELATIVE_TEXT, RELATIVE_TOKENS)


def qformer_words(time_format: str) -> tuple[str, ...]:
  """Words that a format adds to the image Q-Former's."""
  return relative_position.TOKENS if time_format == RELATIVE_TOKENS else ()
