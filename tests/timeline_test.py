import numpy as np
import pytest
from PIL import Image

from vtg_jax.moments import Absent, Moment, Round
from vtg_jax.timeline import draw_timeline

QUERY = 'a red ball rolls'


def moment(start_s=5.0, end_s=7.5, query=QUERY, score=0.4, rounds=()):
  return Moment(
    start_s=start_s, end_s=end_s, score=score, query=query, rounds=rounds
  )


def rounds(*spans, duration_s=30.0):
  return tuple(
    Round(start_s=a, end_s=b, choice='middle', probabilities={'middle': 0.5})
    for a, b in ((0.0, duration_s), *spans)
  )


def words(figure):
  return [
    t.get_text() for t in figure.findobj(lambda a: hasattr(a, 'get_text'))
  ]


def bars(figure, minimum=0.001):
  """(start, width) of every filled rectangle inside the axes, in seconds."""
  return [
    (round(p.get_x(), 3), round(p.get_width(), 3))
    for axes in figure.axes
    for p in axes.patches
    if p.get_fill() and p.get_width() > minimum
  ]


def test_the_picture_is_written_in_the_format_of_its_suffix(tmp_path):
  for suffix, magic in (('png', b'\x89PNG'), ('pdf', b'%PDF'), ('svg', b'<?x')):
    path = tmp_path / f'a picture.{suffix}'
    draw_timeline([moment()], duration_s=30.0, path=path)
    assert path.read_bytes().startswith(magic)


def test_rounds_are_bars_that_shrink_to_the_moment():
  found = moment(rounds=rounds((2.5, 17.5), (5.0, 10.0)))
  figure = draw_timeline([found], duration_s=30.0)
  assert bars(figure) == [(0, 30), (2.5, 15), (5, 5), (5, 2.5)]


def test_every_moment_of_a_query_is_a_bar_with_its_score():
  answers = [moment(score=0.51), moment(start_s=20, end_s=22, score=0.23)]
  figure = draw_timeline(answers, duration_s=30.0)
  assert bars(figure) == [(5, 2.5), (20, 2)]
  said = ' '.join(words(figure))
  assert '0.51' in said and '0.23' in said and said.count(QUERY) == 1


def test_absent_is_said_and_hatched():
  figure = draw_timeline(
    [Absent(query=QUERY, score=0.07, threshold=0.2)], duration_s=30.0
  )
  assert 'not in this video' in words(figure)
  assert any(p.get_hatch() for axes in figure.axes for p in axes.patches)
  assert any('0.07 < 0.20' in word for word in words(figure))


def test_a_score_that_is_no_probability_is_called_uncalibrated():
  assert any(
    'uncalibrated' in word
    for word in words(draw_timeline([moment()], duration_s=30.0))
  )


def test_a_moment_of_zero_length_is_still_visible():
  figure = draw_timeline([moment(30.0, 30.0)], duration_s=30.0)
  ((start_s, width_s),) = bars(figure)
  assert width_s > 0 and start_s + width_s <= 30.0


def test_thumbnails_keep_their_shape_and_stand_at_their_times():
  thumbnails = np.zeros((5, 90, 160, 3), np.uint8)
  times_s = [3.0, 9.0, 15.0, 21.0, 27.0]
  figure = draw_timeline(
    [moment()],
    duration_s=30.0,
    thumbnails=thumbnails,
    thumbnail_times_s=times_s,
  )
  (strip,) = [axes for axes in figure.axes if axes.images]
  box = strip.get_window_extent()
  for image, time_s in zip(strip.images, times_s, strict=True):
    left, right, _, _ = image.get_extent()
    assert (left + right) / 2 == pytest.approx(time_s)
    width = (right - left) / 30.0 * box.width
    assert width / box.height == pytest.approx(160 / 90)


def test_a_query_is_drawn_as_it_was_typed(tmp_path):
  query = 'pays $5 for a $10 cake_{x}\n and   leaves'
  figure = draw_timeline(
    [moment(query=query)], duration_s=30.0, path=tmp_path / 'x.png'
  )
  assert 'pays $5 for a $10 cake_{x} and leaves' in words(figure)


def test_a_very_long_query_is_cut_and_an_unknown_script_drawn(
  tmp_path, recwarn
):
  figure = draw_timeline(
    [moment(query='word ' * 2000), moment(query='一只狗跳过栅栏')],
    duration_s=30.0,
    path=tmp_path / 'x.png',
  )
  assert max(len(word) for word in words(figure)) <= 80
  assert not [w for w in recwarn if 'missing from font' in str(w.message)]


def test_long_videos_have_clock_ticks():
  figure = draw_timeline([moment()], duration_s=4000.0)
  figure.draw_without_rendering()
  labels = [t.get_text() for t in figure.axes[0].get_xticklabels()]
  assert '10:00' in labels and '1:00:00' in labels


def test_the_picture_grows_with_the_queries_and_is_not_blank(tmp_path):
  sizes = []
  for n in (1, 4):
    path = tmp_path / f'{n}.png'
    queries = [moment(query=f'query {i}') for i in range(n)]
    draw_timeline(queries, duration_s=30.0, path=path)
    image = np.asarray(Image.open(path).convert('RGB'))
    assert image.std() > 1
    sizes.append(image.shape[0])
  assert sizes[0] < sizes[1]


def test_no_answers_is_an_empty_timeline_not_an_error():
  assert bars(draw_timeline([], duration_s=30.0)) == []


@pytest.mark.parametrize('duration_s', [0.0, -1.0, float('nan'), float('inf')])
def test_a_duration_that_is_not_positive_is_refused(duration_s):
  with pytest.raises(ValueError, match='duration_s'):
    draw_timeline([], duration_s=duration_s)


def test_thumbnails_without_times_are_refused():
  with pytest.raises(ValueError, match='2 thumbnails but 0 times'):
    draw_timeline(
      [], duration_s=30.0, thumbnails=np.zeros((2, 9, 16, 3), np.uint8)
    )
