"""What tells a checkpoint from every other."""

import hashlib
import os
from pathlib import Path

from vtg_jax.moments import calibration


def model_fingerprint(folder: str | os.PathLike) -> str:
  """Returns a fingerprint of a checkpoint folder.

  Of the names of its files and of all that is in them, whatever their size:
  a few weights that differ in a large file are another model. They are read
  as a stream, once more than for loading. What its scores are worth does not
  count: the system's own are recorded.
  """
  folder, sha = Path(folder), hashlib.sha256()
  for path in sorted(folder.rglob('*')):
    if path.is_file() and path != folder / calibration.FILE:
      with path.open('rb') as file:
        content = hashlib.file_digest(file, 'sha256').hexdigest()
      sha.update(f'{path.relative_to(folder).as_posix()} {content}\n'.encode())
  return sha.hexdigest()[:16]
