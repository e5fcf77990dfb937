import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float

from tests.shape_checks import checked


@jaxtyping.jaxtyped(typechecker=checked)
def joined(
  x: Float[np.ndarray, 'T D'], y: Float[np.ndarray, 'T D'], names: tuple = ()
) -> Float[np.ndarray, '2*T D']:
  return np.concatenate([x, y]) if not names else x


def test_shapes_that_agree_pass():
  assert joined(np.zeros((3, 2)), np.ones((3, 2))).shape == (6, 2)


def test_axes_that_disagree_are_found():
  with pytest.raises(jaxtyping.TypeCheckError):
    joined(np.zeros((3, 2)), np.ones((4, 2)))


def test_a_wrong_result_shape_is_found():
  with pytest.raises(jaxtyping.TypeCheckError):
    joined(np.zeros((3, 2)), np.ones((3, 2)), ('x',))


def test_a_wrong_dtype_is_found():
  with pytest.raises(jaxtyping.TypeCheckError):
    joined(np.zeros((3, 2), int), np.ones((3, 2)))


def test_annotations_without_arrays_are_left_to_the_reader():
  assert joined(np.zeros((3, 2)), np.ones((3, 2)), []).shape == (6, 2)


def test_our_packages_are_checked():
  from vtg_jax.timeline import draw_timeline

  with pytest.raises(jaxtyping.TypeCheckError):
    draw_timeline(
      [],
      duration_s=1.0,
      thumbnails=np.zeros((1, 9, 16), np.uint8),
      thumbnail_times_s=[0.0],
    )
