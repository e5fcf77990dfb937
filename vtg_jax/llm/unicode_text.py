"""Texts that any tokenizer can read."""

from vtg_jax.errors import BadInput


def check_unicode(text: str) -> None:
  """Raises BadInput where a text holds half a character, as JSON can write."""
  try:
    text.encode()
  except UnicodeEncodeError as error:
    raise BadInput(
      f'the text {text[:60]!r} holds half a character; mend it'
    ) from error
