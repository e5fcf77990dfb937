"""The one exception that means: what the user gave us is wrong."""


class BadInput(ValueError):
  """Input that cannot be used, told in one sentence.

  The message names what is wrong, the value, and the remedy. The command line
  prints it alone and exits with code 2; in Python it is an ordinary
  ``ValueError``.
  """
