import dataclasses

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from vtg_jax.moments import (
  Absent,
  Answer,
  Caption,
  Highlights,
  Moment,
  Round,
)
from vtg_jax.moments.agreement import Agreement, Confidence
from vtg_jax.timeline import draw_timeline
from vtg_jax.timeline.text_fit import quiet

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


def boxes(figure):
  """Where each text stands in the drawn picture, in pixels."""
  renderer = FigureCanvasAgg(figure).get_renderer()
  with quiet():
    return {
      text.get_text(): text.get_window_extent(renderer)
      for text in figure.findobj(Text)
      if text.get_text() and text.axes is not None
    }


def assert_readable(figure):
  """No text leaves the picture's sides, or lies on another text."""
  found = list(boxes(figure).items())
  width = figure.get_figwidth() * figure.dpi
  for i, (said, box) in enumerate(found):
    assert box.x0 >= 0 and box.x1 <= width, said
    for other, behind in found[:i]:
      apart = (
        box.x0 >= behind.x1
        or behind.x0 >= box.x1
        or box.y0 >= behind.y1
        or behind.y0 >= box.y1
      )
      assert apart, (said, other)


@pytest.mark.parametrize(
  'query', ['word ' * 2000, 'x' * 2000, '一只狗跳过栅栏' * 300]
)
def test_a_very_long_query_is_cut_in_any_script(tmp_path, recwarn, query):
  figure = draw_timeline(
    [moment(query=query)], duration_s=30.0, path=tmp_path / 'x.png'
  )
  assert_readable(figure)
  assert any(word.endswith('…') for word in words(figure))
  assert not [w for w in recwarn if 'missing from font' in str(w.message)]


# Events at both ends, over all of it, of no length, one upon the other.
SPANS = ((0, 30), (0, 3), (2, 28), (9, 22), (14, 14), (28, 30), (30, 30))


@pytest.mark.parametrize('duration_s', [0.04, 36_000.0])
def test_told_events_never_overlap_however_long_they_are(duration_s):
  captions = [
    Caption(
      start_s=start * duration_s / 30,
      end_s=end * duration_s / 30,
      text=f'{i} ' + 'a man opens the door ' * n,
      score=0.1,
    )
    for n in (1, 40)
    for i, (start, end) in enumerate(SPANS)
  ]
  figure = draw_timeline(captions, duration_s=duration_s, title='x' * 99)
  assert_readable(figure)
  said = words(figure)
  assert sum(word.endswith('…') for word in said) >= len(SPANS)
  starts = [start_s for start_s, _ in bars(figure, minimum=0)]
  assert starts[0] == 0 and len(starts) >= len(captions)


def test_an_event_is_told_whole_beside_its_times():
  text = 'a man opens a door and walks in'
  figure = draw_timeline(
    [Caption(start_s=20, end_s=22, text=text, score=0.1)], duration_s=30.0
  )
  assert {'what happens', '20.0–22.0 s', text} <= set(words(figure))


def test_an_answer_stands_under_its_question_with_its_evidence():
  answer = Answer(
    question='what rolls?',
    text='(B) a ball',
    choice=1,
    probabilities=(0.25, 0.75),
    evidence=(moment(score=0.3), moment(20, 22, score=0.2)),
    score=0.75,
  )
  figure = draw_timeline([answer], duration_s=30.0)
  assert bars(figure) == [(5, 2.5), (20, 2)]
  said = words(figure)
  assert {'what rolls?', '(B) a ball', 'A 0.25 · B 0.75'} <= set(said)
  assert any('evidence 5.0–7.5 s   0.30' in word for word in said)
  assert_readable(figure)


def test_one_picture_holds_every_kind_of_answer(tmp_path):
  said = [
    Answer(question='why? ' * 200, text='so ' * 900, score=3e-12),
    Answer(question='why?', text='', score=0.5),
    moment(score=0.5),
    Absent(query='a giraffe', score=0.07, threshold=0.2),
    Caption(start_s=1, end_s=2, text='', score=0.1),
  ]
  figure = draw_timeline(said, duration_s=30.0, path=tmp_path / 'x.svg')
  assert_readable(figure)
  seen = ' '.join(words(figure))
  assert '(no answer)' in seen and '3e-12' in seen and '1.0–2.0 s' in seen


def test_the_ends_of_a_doubtful_moment_fade_over_their_ranges():
  found = Moment(
    start_s=10, end_s=20, score=0.4, query=QUERY,
    start_range_s=(8, 12), end_range_s=(19, 25), range_level=0.9,
  )  # fmt: skip
  figure = draw_timeline([found], duration_s=30.0)
  (image,) = [image for axes in figure.axes for image in axes.images]
  left, right, _, _ = image.get_extent()
  assert (left, right) == (8, 25)
  density = image.get_array()[0, :, 3]
  times_s = left + (right - left) * (np.arange(len(density)) + 0.5) / len(
    density
  )
  assert np.all(np.diff(density[times_s < 12]) > 0)
  assert np.all(density[(times_s > 12) & (times_s < 19)] == 1)
  assert np.all(np.diff(density[times_s > 19]) < 0)
  assert any('90%' in word for word in words(figure))


def test_ranges_beyond_the_video_are_drawn_within_it():
  found = Moment(
    start_s=0, end_s=30, score=0.4,
    start_range_s=(-3, 2), end_range_s=(29, 44), range_level=0.9,
  )  # fmt: skip
  figure = draw_timeline([found], duration_s=30.0)
  assert figure.axes[0].get_xlim() == (0, 30)
  (image,) = figure.axes[0].images
  assert image.get_extent()[:2] == [0, 30]
  assert_readable(figure)


def test_a_picture_of_very_many_queries_stays_drawable():
  queries = [moment(query=f'query {i}') for i in range(250)]
  figure = draw_timeline(queries, duration_s=30.0)
  assert figure.get_figheight() * figure.dpi == pytest.approx(30_000)


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


def test_several_systems_have_a_row_each_and_one_of_what_they_share():
  said = Agreement(
    query=QUERY,
    answers={
      'a': (moment(),),
      'b': (moment(start_s=6, end_s=9),),
      'c': (Absent(query=QUERY, score=0.1, threshold=0.2),),
    },
  )
  again = dataclasses.replace(said)
  told = words(draw_timeline([said, again], duration_s=30.0))
  assert told.count(QUERY) == 2
  assert 'c not in this video' in told and 'nothing in common' in told
  assert f'mean IoU {said.mean_iou:.2f}' in told
  both = Agreement(
    query=QUERY,
    answers={name: said.answers[name] for name in 'ab'},
    confidence=Confidence(right={'a': 0.2, 'b': 0.9}, happens=1, hit_iou=0.5),
  )
  figure = draw_timeline([both], duration_s=30.0)
  assert bars(figure) == [(5, 2.5), (6, 3), (6, 1.5)]
  assert 'happens 1.00; if so b right 0.90' in words(figure)


def test_highlights_are_a_curve_of_saliency(tmp_path):
  found = Highlights(
    query=QUERY, times_s=(20.0, 4.0), saliency=(1.5, 3.0), score=0.4
  )
  none = Highlights(query='a cat', times_s=(), saliency=(), score=0.4)
  figure = draw_timeline([found, none], duration_s=30.0)
  told = words(figure)
  assert '3.00 at 4 s' in told and 'nothing stands out' in told
  (line,) = figure.axes[0].lines
  times_s, heights_in = line.get_data()
  assert list(times_s) == [4, 20]
  low = heights_in[0] - heights_in[1]
  assert low > 0 and heights_in[1] > low / 2


def test_highlights_far_apart_are_not_joined():
  found = Highlights(
    query=QUERY, times_s=(2, 4, 6, 20), saliency=(1, 2, 1, 3), score=0.4
  )
  lines = draw_timeline([found], duration_s=30.0).axes[0].lines
  assert [list(line.get_xdata()) for line in lines] == [[2, 4, 6], [20]]
