"""Cuts of drawn frames and of real files.

Recorded numbers are PySceneDetect's: 0.6.3 (the release at the time of the
paper) for close_cuts='suppress', 0.7.2 for 'merge', with OpenCV 5.0.
"""

import colorsys
import tracemalloc

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline.encode_video import Encoding, encode_video
from input_pipeline.internvid_g import scene_cuts
from input_pipeline.internvid_g.scene_cuts import CutRule
from input_pipeline.video import index_video
from tests.input_pipeline.internvid_g.colour_models import wall, write_walls
from vtg_jax.errors import BadInput
from vtg_jax.testing.numbered_video import cut_video

RED, BLUE, GREEN = (220, 30, 30), (40, 60, 230), (30, 200, 60)


def noisy_frames(seed):
  """200 frames or more: scenes of one colour and 2 to 39 frames, with noise."""
  rng = np.random.default_rng(seed)
  frames = []
  while len(frames) < 200:
    base = rng.integers(0, 256, 3)
    for _ in range(rng.integers(2, 40)):
      noise = rng.integers(-30, 31, (12, 16, 3))
      frames.append(np.clip(base + noise, 0, 255).astype(np.uint8))
  return frames


@pytest.mark.parametrize(
  ('rgb', 'hsv'),
  [
    ((0, 0, 255), (120, 255, 255)),
    ((255, 0, 0), (0, 255, 255)),
    ((0, 0, 0), (0, 0, 0)),
    ((128, 128, 128), (0, 0, 128)),
    ((255, 0, 1), (0, 255, 255)),
    ((255, 0, 128), (165, 255, 255)),
  ],
)
def test_hue_counts_half_degrees(rgb, hsv):
  got = scene_cuts.to_hsv(np.array([[rgb]], np.uint8))
  assert tuple(got[0, 0]) == hsv


@hypothesis.given(
  rgb=st.tuples(*[st.integers(0, 255)] * 3),
)
def test_hsv_is_the_exact_one_within_its_rounding(rgb):
  got = scene_cuts.to_hsv(np.array([[rgb]], np.uint8))[0, 0]
  exact = colorsys.rgb_to_hsv(*(channel / 255 for channel in rgb))
  off = np.abs(got - np.multiply(exact, (180, 255, 255)))
  off[0] = min(off[0], 180 - off[0])
  # Over all 2^24 colours the largest is 0.64, of a hue.
  assert off.max() <= 0.65


@pytest.mark.parametrize(
  ('seed', 'scores'),
  [
    (0, [0.0, 27.390625, 24.585069, 26.722222, 30.717014, 30.659722]),
    (1, [0.0, 19.284722, 19.855903, 19.708333, 18.465278, 19.626736]),
  ],
)
def test_scores_are_those_recorded(seed, scores):
  got = list(scene_cuts.content_scores(noisy_frames(seed)[:6]))
  np.testing.assert_allclose(got, scores, atol=1e-6)


@pytest.mark.parametrize(
  ('close_cuts', 'seed', 'cuts'),
  [
    ('suppress', 0, [63, 78, 150, 189]),
    ('suppress', 1, [38, 58, 93, 108, 123, 138, 155, 171]),
    ('suppress', 2, [51, 90, 118, 164, 197]),
    ('suppress', 3, [24, 39, 54, 93, 116, 153, 179]),
    ('merge', 0, [63, 88, 150, 189]),
    ('merge', 1, [38, 58, 171]),
    ('merge', 2, [51, 90, 118, 174, 197]),
    ('merge', 3, [93, 126, 153, 179]),
  ],
)
def test_cuts_are_those_recorded(close_cuts, seed, cuts):
  scores = scene_cuts.content_scores(noisy_frames(seed))
  got = scene_cuts.cut_frames(scores, CutRule(close_cuts=close_cuts))
  assert list(got) == cuts


def test_a_score_of_the_threshold_is_a_cut():
  rule = CutRule(min_scene_frames=0)
  assert list(scene_cuts.cut_frames([0, 26.9, 27.0, 1], rule)) == [2]


def test_weights_choose_what_counts():
  frames = [wall(RED, size=(4, 4)), wall((110, 15, 15), size=(4, 4))]
  by_hue = list(scene_cuts.content_scores(frames, (1, 0, 0)))
  by_value = list(scene_cuts.content_scores(frames, (0, 0, 1)))
  assert by_hue == [0, 0] and by_value == [0, 110]


@hypothesis.given(
  scores=st.lists(st.floats(0, 60), max_size=120),
  nearest=st.integers(1, 20),
  close_cuts=st.sampled_from(['suppress', 'merge']),
)
def test_cuts_are_never_nearer_than_allowed(scores, nearest, close_cuts):
  rule = CutRule(min_scene_frames=nearest, close_cuts=close_cuts)
  cuts = list(scene_cuts.cut_frames(scores, rule))
  assert np.all(np.diff([0, *cuts]) >= nearest)
  assert all(scores[cut] >= rule.threshold for cut in cuts)


def test_an_even_factor_blends_the_four_middle_pixels():
  frame = np.random.default_rng(0).integers(0, 256, (8, 16, 3)).astype(np.uint8)
  got = scene_cuts.make_smaller(frame, 4)
  middles = [frame[y::4, x::4].astype(int) for y in (1, 2) for x in (1, 2)]
  np.testing.assert_array_equal(got, (sum(middles) + 2) // 4)


def test_an_odd_factor_takes_the_middle_pixel():
  frame = np.random.default_rng(0).integers(0, 256, (9, 12, 3)).astype(np.uint8)
  got = scene_cuts.make_smaller(frame, 4)
  np.testing.assert_array_equal(got, frame[1::3, 1::3])


def test_a_narrow_frame_stays_as_it_is():
  frame = wall(RED, size=(20, 511))
  assert scene_cuts.make_smaller(frame, 256) is frame
  assert scene_cuts.make_smaller(frame, 0) is frame


def test_scenes_of_a_file_lie_between_its_cuts(tmp_path):
  path = tmp_path / 'a.mp4'
  write_walls(path, [(wall(RED), 2), (wall(BLUE), 3), (wall(GREEN), 1.7)])
  scenes = scene_cuts.find_scenes(index_video(path))
  assert scenes == [[0.0, 2.0], [2.0, 5.0], [5.0, 6.7]]


def test_wide_files_are_cut_likewise(tmp_path):
  path = tmp_path / 'a.mp4'
  walls = [(wall(c, size=(36, 640)), 2) for c in (RED, BLUE)]
  write_walls(path, walls)
  assert scene_cuts.find_scenes(index_video(path)) == [[0, 2], [2, 4]]


def test_times_of_a_variable_rate_are_the_files_own(tmp_path):
  path = tmp_path / 'a.mkv'
  times_s = [*np.arange(20) * 0.05, *(1 + np.arange(20) * 0.2)]
  walls = [(wall(RED), 2), (wall(BLUE), 2)]
  write_walls(path, walls, times_s=times_s)
  scenes = scene_cuts.find_scenes(index_video(path))
  assert [scene[0] for scene in scenes] == [0.0, 1.0]
  assert scenes[1][1] == pytest.approx(5.0, abs=0.21)


def test_short_scenes_are_dropped_and_leave_a_gap(tmp_path):
  path = tmp_path / 'a.mp4'
  write_walls(path, [(wall(RED), 2), (wall(BLUE), 0.4), (wall(GREEN), 2)])
  rule = CutRule(min_scene_frames=2)
  scenes = scene_cuts.find_scenes(index_video(path), rule)
  assert scenes == [[0.0, 2.0], [2.4, 4.4]]


def test_a_video_without_a_cut_has_a_scene_only_if_asked(tmp_path):
  path = tmp_path / 'a.mp4'
  write_walls(path, [(wall(RED), 2)])
  index = index_video(path)
  assert scene_cuts.find_scenes(index) == []
  assert scene_cuts.find_scenes(index, CutRule(keep_uncut=True)) == [[0, 2]]


def test_frames_that_an_edit_list_hides_do_not_count(tmp_path):
  whole, cut = tmp_path / 'whole.mp4', tmp_path / 'cut.mp4'
  walls = [(wall(RED), 2), (wall(BLUE), 3), (wall(GREEN), 2)]
  write_walls(whole, walls)
  cut_video(whole, cut, 1.5)
  index = index_video(cut)
  # 0.5 s of red is too near the start for a second scene to begin there.
  scenes = scene_cuts.find_scenes(index, CutRule(min_scene_frames=5))
  np.testing.assert_allclose(
    scenes, [[0, 0.5], [0.5, 3.5], [3.5, index.duration_s]], atol=1e-3
  )


def test_a_file_without_times_is_read_in_order(tmp_path):
  path = tmp_path / 'a.h264'
  walls = [wall(c) for c in (RED, BLUE) for _ in range(40)]
  encode_video(path, walls, Encoding(fps=25))
  index = index_video(path)
  assert index.in_order
  assert scene_cuts.find_scenes(index) == [[0, 1.6], [1.6, 3.2]]


def test_a_damaged_file_is_bad_input(tmp_path):
  path = tmp_path / 'a.mp4'
  write_walls(path, [(wall(RED), 2), (wall(BLUE), 2)])
  index = index_video(path)
  content = bytearray(path.read_bytes())
  start, end = content.index(b'mdat') + 4, content.index(b'moov') - 4
  content[start:end] = bytes(end - start)
  path.write_bytes(content)
  with pytest.raises(BadInput, match='is damaged: .* re-encode it'):
    scene_cuts.find_scenes(index)


def test_memory_does_not_grow_with_the_video(tmp_path):
  peaks = []
  for length_s in (4, 40):
    path = tmp_path / f'{length_s}.mp4'
    write_walls(path, [(wall(RED, size=(180, 320)), length_s)])
    index = index_video(path)
    tracemalloc.start()
    scene_cuts.find_scenes(index)
    peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
  assert peaks[1] < 1.1 * peaks[0] + 1e5


@pytest.mark.parametrize(
  'fields',
  [{'weights': (0, 0, 0)}, {'weights': (1, 1)}, {'close_cuts': 'x'}],
)
def test_impossible_rules_are_bad_input(fields):
  with pytest.raises(BadInput):
    CutRule(**fields)
