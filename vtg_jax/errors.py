"""What is the user's to mend: wrong input, a full disk."""

import errno
import os


class BadInput(ValueError):
  """Input that cannot be used, told in one sentence.

  The message names what is wrong, the value, and the remedy. The command line
  prints it alone and exits with code 2; in Python it is an ordinary
  ``ValueError``.
  """


def is_disk_full(error: BaseException | None) -> bool:
  """Returns whether an error, or what it came from, is a full disk."""
  full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
  while error is not None:
    if isinstance(error, OSError) and error.errno in full:
      return True
    # TensorStore reports the system's error in its message.
    text = str(error)
    if any(os.strerror(number) in text for number in full):
      return True
    error = error.__cause__ or error.__context__
  return False
