import pytest

from vtg_jax.timeline.scale import Scale


@pytest.mark.parametrize(
  ('duration_s', 'said'),
  [
    (0.04, '0.010\u20130.020 s'),
    (1.5, '0.0\u20130.0 s'),
    (30.0, '0.0\u20130.0 s'),
    (119.0, '0.0\u20130.0 s'),
    (120.0, '0:00\u20130:00'),
  ],
)
def test_times_are_as_fine_as_the_video_is_short(duration_s, said):
  assert Scale(duration_s, 10.0).span(0.01, 0.02) == said


def test_a_span_in_hours_is_told_by_the_clock():
  assert Scale(7300.0, 10.0).span(12.4, 3725.0) == '0:12\u20131:02:05'


@pytest.mark.parametrize(
  'duration_s', [0.001, 0.04, 1, 7, 59, 119, 121, 3599, 36_000, 1e6]
)
def test_ticks_are_neither_many_nor_few(duration_s):
  n_ticks = duration_s / Scale(duration_s, 10.0).tick_step_s
  assert 1 <= n_ticks <= 12


def test_a_label_stands_where_there_is_room():
  scale = Scale(100.0, 10.0)
  assert scale.label_place('a label', 9.0, 0, 50)[1] == 'right'
  assert scale.label_place('a label', 9.0, 50, 99)[1] == 'left'
  assert scale.label_place('a label', 9.0, 1, 99)[1] == 'inside'
