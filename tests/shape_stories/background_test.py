import numpy as np

from vtg_jax.shape_stories.background import (
  disturbances,
  draw_background,
  make_look,
  make_view,
)
from vtg_jax.shape_stories.config import easy, standard

IDS = np.arange(0, 200, 10)


def drawn(config, seed, ids=IDS, size=48):
  look = make_look(config, seed)
  view = make_view(config, look, seed, ids, size, size)
  return draw_background(look, view, ids / config.fps)


def test_backgrounds_have_texture_and_move():
  planes = drawn(standard(), 3)
  assert planes.std(axis=(2, 3)).mean() > 10
  assert np.abs(planes[0] - planes[-1]).mean() > 5


def test_contrast_is_a_knob():
  low, high = (
    drawn(standard(background_contrast=c), 3).std(axis=(2, 3)).mean()
    for c in (0.1, 0.5)
  )
  assert high > 3 * low


def test_an_easy_background_stands_still():
  planes = drawn(easy(), 3)
  np.testing.assert_allclose(planes, planes[:1] + 0 * planes, atol=1e-3)


def test_the_texture_is_periodic_and_smooth():
  config = easy(background_contrast=0.5)
  look = make_look(config, 5)
  view = make_view(config, look, 5, np.arange(1), 400, 400)
  plane = draw_background(look, view, np.zeros(1))[0, 0]
  assert np.abs(np.diff(plane, axis=1)).max() < 6


def test_disturbances_depend_on_seed_and_frame_only():
  every = disturbances(7, np.arange(500))
  np.testing.assert_array_equal(
    disturbances(7, np.array([30, 5, 499])), every[:, [30, 5, 499]]
  )
  assert (disturbances(8, np.arange(500)) != every).mean() > 0.99
  assert abs(every.mean()) < 0.05
  assert 0.95 < np.abs(every).max() <= 1
  assert np.abs(np.corrcoef(every)[np.triu_indices(4, 1)]).max() < 0.2


def test_the_camera_jitters_frame_by_frame():
  config = standard(camera_pan=0.0, camera_zoom=0.0)
  look = make_look(config, 1)
  view = make_view(config, look, 1, np.arange(50), 48, 48)
  middle = view.x.mean(axis=1) - 0.5
  assert 0 < np.abs(middle).max() <= config.camera_jitter + 1e-6
  assert (view.zoom == 1).all()


def test_wide_frames_show_the_central_square_and_more():
  config = easy()
  look = make_look(config, 1)
  wide = make_view(config, look, 1, np.arange(2), 40, 80)
  square = make_view(config, look, 1, np.arange(2), 40, 40)
  np.testing.assert_allclose(wide.x[:, 20:60], square.x, atol=1e-6)
  np.testing.assert_allclose(wide.y, square.y, atol=1e-6)
