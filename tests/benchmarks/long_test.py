"""What benchmarks of hours of video say, and the file they cut."""

from benchmarks import long_index, long_model, long_search
from input_pipeline.encode_video import Encoding
from input_pipeline.video_index import index_video
from vtg_jax.testing.numbered_video import write_numbered_video


def test_ratios_and_programs_are_told():
  asked = {
    'minutes': 60.0,
    'first_s': 40.0,
    'index_s': 39.0,
    'indexed_s': 2.0,
    'open_s': 1.0,
    'ratio': 0.05,
  }
  names = {'jit(ask_frames)': 2, 'jit(encode)': 1}
  compiled = {'videos': 50, 'programs': 3, 'names': names}
  ratio, count = long_search.rows({'queries': asked, 'compilations': compiled})
  assert ratio[1].startswith('5.0 % (2.00 s, 40.0 s;')
  assert count[1] == '3 (2 ask_frames, encode)'
  found = {
    'file': 'film.mp4', 'duration_s': 600.0, 'size': '8 x 8', 'file_fps': 60.0,
    'fps': 2.0, 'short': {'seconds': 9.0, 'peak_mb': 400.0},
    'whole': {'seconds': 60.0, 'peak_mb': 500.0},
  }  # fmt: skip
  speed, memory = long_index.rows(found)
  assert speed[1] == '10.00 (60 s)' and memory[1].startswith('1.25 (500 MB')


def test_the_beginning_of_a_file_is_copied(tmp_path):
  path = tmp_path / 'a.mp4'
  write_numbered_video(path, 80, Encoding(fps=8, gop=8))
  long_index.copy_beginning(path, tmp_path / 'b.mp4', 4.0)
  assert 4.0 <= index_video(tmp_path / 'b.mp4').duration_s <= 5.0


def test_without_a_model_or_a_file_nothing_is_measured(tmp_path, monkeypatch):
  monkeypatch.setenv(long_model.MODEL, str(tmp_path))
  monkeypatch.setenv(long_model.FILE, str(tmp_path / 'none.mp4'))
  assert not long_search.can_run() and not long_index.can_run()
