import numpy as np
import pytest

from vtg_jax.shape_stories.motion import pose
from vtg_jax.shape_stories.words import ACTIONS

PHASE = np.linspace(0, 0.999, 50, dtype=np.float32)


def of(action, **changes):
  return pose(
    action, PHASE, **({'trail_s': 1.0, 'trail_strength': 1.0} | changes)
  )


@pytest.mark.parametrize(
  ('action', 'axis', 'sign'),
  [
    ('slides right', 'dx', 1),
    ('slides left', 'dx', -1),
    ('falls', 'dy', 1),
    ('rises', 'dy', -1),
  ],
)
def test_what_travels_leaves_its_tail_behind(action, axis, sign):
  moved = of(action)
  assert (np.sign(np.diff(getattr(moved, axis))) == sign).all()
  other = {'dx': 'dy', 'dy': 'dx'}[axis]
  assert not getattr(moved, other).any()
  for ghost in moved.ghosts:
    assert np.sign(getattr(ghost, f'{axis}_frac')) == -sign
    assert getattr(ghost, f'{other}_frac') == 0


def test_what_grows_grows_and_what_shrinks_shrinks():
  assert (np.diff(of('grows').scale) > 0).all()
  assert (np.diff(of('shrinks').scale) < 0).all()


def test_what_shakes_has_echoes_on_both_sides():
  sides = [ghost.dx_frac for ghost in of('shakes').ghosts]
  assert sorted(sides) == sorted(-side for side in sides)
  assert of('shakes').dx.min() == pytest.approx(-of('shakes').dx.max(), rel=0.1)


def test_what_blinks_is_never_quite_gone():
  opacity = of('blinks').opacity
  assert opacity.max() == 1
  assert opacity.min() == pytest.approx(0.6)
  assert of('blinks').glow.min() > 0


def test_without_trail_strength_one_frame_shows_no_action():
  for action in ACTIONS:
    bare = of(action, trail_strength=0.0)
    assert all(ghost.opacity == 0 for ghost in bare.ghosts)
    assert bare.rings == bare.core == 0
    assert bare.glow is None or not bare.glow.any()


def test_a_longer_trail_reaches_further_back():
  short, long = (of('falls', trail_s=s).ghosts[-1] for s in (0.5, 1.0))
  assert long.dy_frac == pytest.approx(2 * short.dy_frac)


def test_an_unknown_action_is_refused():
  with pytest.raises(ValueError, match='sings'):
    of('sings')
