import json
import math
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from input_pipeline import frame_choice
from vtg_jax.errors import BadInput

GOLDEN = pathlib.Path(__file__).parents[1] / 'golden' / 'hawkeye'
CASES = json.loads((GOLDEN / 'cases.json').read_text())


@pytest.mark.parametrize('case', CASES['eval_frame_indices'])
def test_eval_indices_equal_the_reference(case):
  indices = frame_choice.eval_frame_indices(
    case['bound'], case['fps'], case['max_frame'], case['num_segments']
  )
  assert indices.tolist() == case['indices']


@pytest.mark.parametrize('case', CASES['demo_frame_indices'])
def test_demo_indices_equal_the_reference(case):
  indices = frame_choice.demo_frame_indices(
    case['num_frames'], case['num_segments']
  )
  assert indices.tolist() == case['indices']


@pytest.mark.parametrize('case', CASES['train_frame_indices'])
def test_train_indices_equal_the_reference(case):
  if case['sample'] == 'rand':
    indices = frame_choice.train_frame_indices(
      case['vlen'],
      case['num_frames'],
      start_frac=case['start_pos'],
      end_frac=case['end_pos'],
      draws=case['draws'],
      permutation=case['permutation_prefix'],
    )
  else:
    indices = frame_choice.middle_frame_indices(
      case['vlen'],
      case['num_frames'],
      start_frac=case['start_pos'],
      end_frac=case['end_pos'],
    )
  assert indices.tolist() == case['indices']


@pytest.mark.parametrize('case', CASES['decord_reader_middle'])
def test_middle_reader_equals_the_reference(case):
  n_video_frames, fps = case['num_video_frames'], case['fps']
  start_frac, end_frac = frame_choice.clip_fractions(
    case['clip'], n_video_frames, fps
  )
  indices = frame_choice.middle_frame_indices(
    n_video_frames, case['num_frames'], start_frac=start_frac, end_frac=end_frac
  )
  relative = frame_choice.clip_relative_indices(
    indices, n_video_frames, start_frac
  )
  times_s = frame_choice.message_times_s(relative, fps)
  assert relative.tolist() == case['relative_indices']
  assert frame_choice.message_seconds(times_s) == case['sec']


@pytest.mark.parametrize('case', CASES['recursive_grounding_traces'])
def test_message_of_the_first_round_equals_the_reference(case):
  fps = case['fps']
  first = case['rounds'][0]
  times_s = frame_choice.message_times_s(first['frame_indices'], fps)
  assert frame_choice.frames_message(times_s) == first['video_msg']


def test_message_times_can_be_negative_zero():
  times_s = frame_choice.message_times_s([1], 3, bound_start_s=0.34)
  assert frame_choice.message_seconds(times_s) == ['-0.0']


def test_message_rounds_half_as_python_does():
  assert frame_choice.message_seconds([0.25, 0.35, 2.0]) == [
    '0.2',
    '0.3',
    '2.0',
  ]


def test_timestamps_are_slot_centres():
  assert frame_choice.timestamp_frame_times(0, 4, 2).tolist() == [1.0, 3.0]


@pytest.mark.parametrize('interval', [(0, math.nan), (-math.inf, 1), (2, 1)])
def test_timestamps_refuse_an_interval_that_is_none(interval):
  with pytest.raises(BadInput):
    frame_choice.timestamp_frame_times(*interval, 4)


@pytest.mark.parametrize('n_frames', [0, -1])
def test_no_frames_is_bad_input(n_frames):
  with pytest.raises(BadInput):
    frame_choice.timestamp_frame_times(0, 1, n_frames)
  with pytest.raises(BadInput):
    frame_choice.eval_frame_indices(None, 30, 10, n_frames)
  with pytest.raises(BadInput):
    frame_choice.train_frame_indices(0, 4, draws=[0.0] * 4)


def test_training_needs_draws_or_a_generator():
  with pytest.raises(ValueError, match='rng'):
    frame_choice.train_frame_indices(100, 4)


@given(
  start_s=st.floats(0, 1e4),
  length_s=st.floats(0, 1e4),
  n_frames=st.integers(1, 64),
)
def test_timestamps_are_sorted_and_inside(start_s, length_s, n_frames):
  end_s = start_s + length_s
  times_s = frame_choice.timestamp_frame_times(start_s, end_s, n_frames)
  slack = 1e-9 * max(1.0, end_s)
  assert times_s.shape == (n_frames,)
  assert np.all(np.diff(times_s) >= 0)
  assert times_s[0] >= start_s - slack
  assert times_s[-1] <= end_s + slack


@given(
  n_video_frames=st.integers(1, 5000),
  n_frames=st.integers(1, 64),
  fps=st.sampled_from([3.0, 12.5, 23.976, 29.97, 60.0]),
  fractions=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_eval_indices_are_sorted_and_inside(
  n_video_frames, n_frames, fps, fractions
):
  duration_s = n_video_frames / fps
  bound = tuple(sorted(f * duration_s for f in fractions))
  for bounded in (None, bound):
    indices = frame_choice.eval_frame_indices(
      bounded, fps, n_video_frames - 1, n_frames
    )
    assert len(indices) == n_frames
    assert indices.min() >= 0
    if bounded is None or round(bounded[0] * fps) < n_video_frames:
      assert np.all(np.diff(indices) >= 0)
      assert indices[-1] < n_video_frames


def test_bound_after_the_last_frame_runs_backwards_as_in_the_reference():
  indices = frame_choice.eval_frame_indices((0.67, 0.67), 3, 1, 3)
  assert indices.tolist() == [1, 1, 0]


@given(
  n_video_frames=st.integers(1, 3000),
  n_frames=st.integers(1, 32),
  fractions=st.tuples(st.floats(0, 1), st.floats(0, 1)),
  seed=st.integers(0, 2**32 - 1),
)
def test_train_indices_are_sorted_inside_and_seeded(
  n_video_frames, n_frames, fractions, seed
):
  start_frac, end_frac = sorted(fractions)
  first, second = (
    frame_choice.train_frame_indices(
      n_video_frames,
      n_frames,
      start_frac=start_frac,
      end_frac=end_frac,
      rng=np.random.default_rng(seed),
    )
    for _ in range(2)
  )
  assert first.tolist() == second.tolist()
  assert len(first) == n_frames
  assert np.all(np.diff(first) >= 0)
  assert 0 <= first[0] and first[-1] < n_video_frames


@given(n_video_frames=st.integers(1, 3000), n_frames=st.integers(1, 32))
def test_demo_and_middle_indices_are_sorted_and_inside(
  n_video_frames, n_frames
):
  for indices in (
    frame_choice.demo_frame_indices(n_video_frames, n_frames),
    frame_choice.middle_frame_indices(n_video_frames, n_frames),
  ):
    assert len(indices) == n_frames
    assert np.all(np.diff(indices) >= 0)
    assert 0 <= indices[0] and indices[-1] < n_video_frames


@given(st.integers(1, 20000), st.integers(1, 200))
def test_even_frames_rise_from_the_first_one_and_stay_inside(n_video, n):
  ids = frame_choice.even_frame_indices(n_video, n)
  assert len(ids) == min(n, n_video)
  assert ids[0] == 0 and ids[-1] < n_video
  assert (np.diff(ids) >= 1).all()
  released = frame_choice.even_frame_indices(n_video, n, released=True)
  # A float step gives a frame too many, or one beside, for some sizes.
  m = len(ids)
  assert np.abs(released[:m] - ids).max() <= 1 and len(released) - m <= 1


def test_the_released_frames_may_leave_the_video():
  assert frame_choice.even_frame_indices(17, 7).tolist() == (
    [0, 2, 4, 7, 9, 12, 14]
  )
  released = frame_choice.even_frame_indices(17, 7, released=True)
  assert released.tolist() == [0, 2, 4, 7, 9, 12, 14, 17]


def test_times_may_be_rounded_as_numpy_does():
  assert frame_choice.message_seconds([0.05, 0.35]) == ['0.1', '0.3']
  scaled = frame_choice.message_seconds([0.05, 0.35], scaled=True)
  assert scaled == ['0.0', '0.4']
