"""One random crop and flip for all frames of a sample."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline import augment

SIZES = st.integers(1, 300)


def random_frames(seed, n_frames, height, width):
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, (n_frames, height, width, 3), dtype=np.uint8)


@hypothesis.given(height=SIZES, width=SIZES, seed=st.integers(0, 999))
def test_a_drawn_box_lies_in_the_frame(height, width, seed):
  rng = np.random.default_rng(seed)
  box = augment.draw_box(height, width, (0.5, 1.0), (3 / 4, 4 / 3), rng)
  assert 0 <= box.top <= box.top + box.height <= height
  assert 0 <= box.left <= box.left + box.width <= width
  assert box.height > 0
  assert box.width > 0


def test_boxes_keep_to_their_area_and_proportions():
  rng = np.random.default_rng(0)
  boxes = [
    augment.draw_box(1000, 1000, (0.5, 0.6), (3 / 4, 4 / 3), rng)
    for _ in range(200)
  ]
  areas = np.array([b.height * b.width for b in boxes]) / 1e6
  ratios = np.array([b.width / b.height for b in boxes])
  assert 0.495 < areas.min() < 0.51 < 0.59 < areas.max() < 0.605
  assert 0.74 < ratios.min() < 0.80 < 1.25 < ratios.max() < 1.34


@pytest.mark.parametrize(
  ('height', 'width', 'box'),
  [
    (10, 1000, (0, 493, 10, 13)),
    (1000, 12, (492, 0, 16, 12)),
  ],
)
def test_a_frame_too_narrow_for_any_draw_gives_its_centre(height, width, box):
  rng = np.random.default_rng(0)
  got = augment.draw_box(height, width, (0.9, 1.0), (3 / 4, 4 / 3), rng)
  assert (got.top, got.left, got.height, got.width) == box


def test_all_frames_show_the_same_part():
  frames = np.repeat(random_frames(0, 1, 40, 60), 3, axis=0)
  options = augment.Augment(size=16)
  view = augment.draw_view(options, 40, 60, np.random.default_rng(1))
  shown = augment.show(frames, view, 16)
  assert shown.shape == (3, 16, 16, 3)
  np.testing.assert_array_equal(shown[0], shown[2])


def test_a_mirrored_view_is_the_mirror_image():
  frames = random_frames(0, 2, 8, 8)
  box = augment.Box(top=0, left=0, height=8, width=8)
  shown = augment.show(frames, augment.View(box=box, mirrored=True), 8)
  np.testing.assert_array_equal(shown, frames[:, :, ::-1])


def test_half_of_the_samples_are_mirrored_unless_it_is_off():
  def mirrored(flip):
    options = augment.Augment(size=8, flip=flip)
    rng = np.random.default_rng(0)
    views = [augment.draw_view(options, 8, 8, rng) for _ in range(400)]
    return sum(view.mirrored for view in views)

  assert mirrored('off') == 0
  assert 150 < mirrored('plain') < 250


def test_without_a_crop_the_whole_frame_is_seen():
  options = augment.Augment(size=8, crop='whole', flip='off')
  view = augment.draw_view(options, 8, 8, np.random.default_rng(0))
  frames = random_frames(0, 2, 8, 8)
  np.testing.assert_array_equal(augment.show(frames, view, 8), frames)


def test_the_centre_is_what_evaluation_sees():
  from input_pipeline import pixels

  options = augment.Augment(size=8, crop='centre', flip='off')
  view = augment.draw_view(options, 20, 30, np.random.default_rng(0))
  frames = random_frames(0, 2, 20, 30)
  np.testing.assert_array_equal(
    augment.show(frames, view, 8)[1], pixels.resize_and_crop(frames[1], 8)
  )


@hypothesis.given(
  value=st.integers(0, 255),
  shape=st.tuples(*[st.integers(1, 12)] * 4),
)
def test_a_flat_picture_stays_flat(value, shape):
  h, w, height, width = shape
  frames = np.full((1, h, w, 3), value, np.uint8)
  resized = augment.resize_bicubic(frames, height, width)
  assert resized.shape == (1, height, width, 3)
  assert (resized == value).all()


@pytest.mark.parametrize(
  ('text', 'swapped'),
  [
    ('moves left', 'moves right'),
    ('Left, then rightwards', 'Right, then leftwards'),
    (
      'the LEFTMOST right-hand bright one',
      'the RIGHTMOST left-hand bright one',
    ),
    ('upright cleft', 'upright cleft'),
  ],
)
def test_sides_are_swapped_as_whole_words(text, swapped):
  assert augment.swap_sides(text) == swapped
  assert augment.swap_sides(swapped) == text


@pytest.mark.parametrize(
  'wrong',
  [
    {'size': 0},
    {'size': 8, 'crop': 'some'},
    {'size': 8, 'flip': 'on'},
    {'size': 8, 'scale': (0.5,)},
    {'size': 8, 'ratio': (2.0, 1.0)},
  ],
)
def test_impossible_options_are_refused(wrong):
  with pytest.raises(ValueError, match='use'):
    augment.Augment(**wrong)


@pytest.mark.torch
@pytest.mark.parametrize(
  ('height', 'width', 'size'),
  [(37, 61, 16), (16, 16, 33), (9, 200, 32), (50, 20, 20), (1, 3, 4)],
)
def test_bicubic_equals_torch_without_antialias(height, width, size):
  torch = pytest.importorskip('torch')
  frames = random_frames(height, 2, height, width)
  tensor = torch.from_numpy(frames).permute(0, 3, 1, 2).to(torch.float32)
  want = torch.nn.functional.interpolate(
    tensor, (size, size), mode='bicubic', align_corners=False, antialias=False
  )
  want = want.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
  got = augment.resize_bicubic(frames, size, size)
  difference = np.abs(got.astype(int) - want)
  # Sums in another order can fall on the other side of a half.
  assert difference.max() <= 1
  assert (difference > 0).mean() < 2e-3
