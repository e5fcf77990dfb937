import hypothesis
import numpy as np
from hypothesis import strategies as st

from input_pipeline.internvid_g import scene_frames

SCENE = (2.0, 6.0)


def test_positions_are_the_papers():
  # 40 frames from frame 20: step 40 // 4 + 1 = 11, then 40 // 4 = 10.
  likeness = scene_frames.likeness_times_s(SCENE, 10.0, 3)
  match = scene_frames.match_times_s(SCENE, 10.0, 3)
  np.testing.assert_allclose(likeness, [3.1, 4.2, 5.3])
  np.testing.assert_allclose(match, [3.0, 4.0, 5.0])
  assert scene_frames.caption_time_s(SCENE, 10.0) == 4.0


def test_the_middle_of_an_odd_count_is_rounded_up():
  assert scene_frames.caption_time_s((0.0, 0.7), 10.0) == 0.4


def test_the_first_frame_is_counted_at_the_rate_and_truncated():
  # 0.99 * 25 = 24.75: frame 24; 1.99 * 25 = 49.75: 25 frames.
  times_s = scene_frames.match_times_s((0.99, 1.99), 25.0, 3)
  np.testing.assert_allclose(times_s * 25, [30, 36, 42])


def test_a_scene_of_few_frames_repeats_its_last():
  # 5 frames: 2, 4, 6 after the first; the sixth is another scene's.
  times_s = scene_frames.likeness_times_s((0.0, 0.5), 10.0, 3)
  np.testing.assert_allclose(times_s, [0.2, 0.4, 0.499])


@hypothesis.given(
  start_s=st.floats(0, 1000),
  length_s=st.floats(0.5, 300),
  fps=st.floats(1, 120),
  n=st.integers(1, 5),
)
def test_every_frame_lies_in_its_scene(start_s, length_s, fps, n):
  scene = (round(start_s, 3), round(start_s + length_s, 3))
  times_s = [
    *scene_frames.likeness_times_s(scene, fps, n),
    *scene_frames.match_times_s(scene, fps, n),
    scene_frames.caption_time_s(scene, fps),
  ]
  assert scene[0] < min(times_s) and max(times_s) < scene[1]
