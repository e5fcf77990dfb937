import subprocess
import sys

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.folder_lock import FolderLock

# What takes the lock and is killed with it, as by kill -9.
KILLED = """
import os, sys
from vtg_jax.folder_lock import FolderLock
lock = FolderLock(sys.argv[1])
os.kill(os.getpid(), 9)
"""


def test_a_second_run_is_refused_until_the_first_ends(tmp_path):
  with FolderLock(tmp_path):
    with pytest.raises(BadInput, match='another run is writing in'):
      FolderLock(tmp_path)
  with FolderLock(tmp_path):
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_holds_nothing(tmp_path):
  killed = subprocess.run([sys.executable, '-c', KILLED, str(tmp_path)])
  assert killed.returncode == -9
  FolderLock(tmp_path).release()
