import av
import numpy as np

from vtg_jax.testing.numbered_video import (
  cut_video,
  numbered_frames,
  write_numbered_video,
)


def test_cut_hides_frames_before_it_by_an_edit_list(tmp_path):
  write_numbered_video(tmp_path / 'whole.mp4', 40)
  cut_video(tmp_path / 'whole.mp4', tmp_path / 'cut.mp4', 1.5)
  assert b'elst' in (tmp_path / 'cut.mp4').read_bytes()
  with av.open(str(tmp_path / 'cut.mp4')) as container:
    packets = list(container.demux(video=0))
  assert sum(p.is_discard for p in packets if p.size) == 3


def test_numbered_frames_differ_and_repeat_by_seed():
  first, second = numbered_frames(2)
  again, _ = numbered_frames(2)
  other, _ = numbered_frames(2, seed=1)
  np.testing.assert_array_equal(first, again)
  assert (first != second).any()
  assert (first != other).any()
