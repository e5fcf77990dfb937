"""Answers read strictly, and as released where the record has no example."""

import pytest

from vtg_jax.systems.timechat.answers import (
  read_clip_scores,
  read_events,
  read_highlights,
  read_span,
)


@pytest.mark.parametrize(
  ('text', 'span'),
  [
    ('The given query happens in 24.3 - 30.4 seconds.', (24.3, 30.4)),
    ('It is at 9 - 3 seconds, or 3-9 seconds', (3.0, 9.0)),
    ('The event happens in the 3 - 1.5.', None),
    ('2024 - 12 frames', None),
    ('starts at 5 seconds and ends at 9 seconds', None),
    ('1..5 - 2 seconds', None),
    ('', None),
  ],
)
def test_a_span_is_read_strictly(text, span):
  assert read_span(text) == span


def test_a_number_with_two_dots_is_no_error():
  assert read_span('1..5 - 2 seconds', released=True) is None
  assert read_events('1..5 - 2, he\nsits', released=True) == []


def test_a_number_that_never_stops_is_no_time():
  endless = '9' * 400
  for text in (endless, f'0 - {endless} seconds, he sits. It happens'):
    for released in (False, True):
      assert read_span(text, released=released) is None
      assert read_events(text, released=released) == []
  starts = f'It starts at 1!\nIt ends at {endless}!'
  assert read_span(starts, released=True) is None


def test_events_are_read_strictly():
  told = 'Here: 0 - 5 seconds, cut it. 9 - 5 seconds, no. 6.5-9 seconds, stir.'
  assert read_events(told) == [
    ((0.0, 5.0), 'cut it.'),
    ((6.5, 9.0), 'stir.'),
  ]
  # As released, what stands before the first span goes with it.
  found = read_events('A preamble: 0 - 5 seconds, cut it.', released=True)
  assert found == [((0.0, 5.0), 'a preamble:')]
  assert read_events('0 - 5 seconds, ') == []


HIGHLIGHTS = (
  'There are 3 highlight moments in the 2, 4, 5.5 second. Their saliency '
  'scores are 1.0, 2.5, 4.'
)


@pytest.mark.parametrize(
  'end', ['', ' 1', ' 14.', ' 14.0', ' 14.0 -', ' 14.0 - 2', ' 14.0 - 20.5 sec']
)
def test_what_breaks_off_in_a_time_leaves_it_out(end):
  text = f'1.0 - 2.0 seconds, stir in 3 eggs. 4.0 - 5.5 seconds, serve.{end}'
  events = [((1.0, 2.0), 'stir in 3 eggs.'), ((4.0, 5.5), 'serve.')]
  assert read_events(text, cut=True) == events
  # An answer that was ended says what it says.
  assert read_events(f'{text} So', cut=True)[1][1].endswith('So')
  assert read_events('1.0 - 2.0 seconds, count to 3')[0][1] == 'count to 3'


def test_highlights_are_read_strictly():
  assert read_highlights(HIGHLIGHTS) == [(2, 1.0), (4, 2.5), (5.5, 4.0)]
  assert read_clip_scores(HIGHLIGHTS, 8.0) == [1.0, 2.5, 4.0, 0.0]
  one_short = HIGHLIGHTS.replace('1.0, ', '')
  assert read_highlights(one_short) == []
  assert read_highlights(one_short, released=True) != []
  assert read_highlights(HIGHLIGHTS.replace('5.5', '5.5.5')) == []


def test_one_highlight_counts_for_its_clip_but_is_no_answer():
  text = 'The highlight is at 3 second, its score is 2.5'
  assert read_highlights(text, released=True) == []
  assert read_clip_scores(text, 6.0, released=True) == [0.0, 2.5, 0.0]


@pytest.mark.parametrize(
  ('text', 'events'),
  [
    ('At 1:15 seconds, he waves', [((55.0, 95.0), 'he waves.')]),
    ('At a: 1:2:3 seconds, he waves', []),
    ('5 seconds, she runs home', [((5.0, 45.0), 'she runs home.')]),
    ('1 2 3 seconds, she runs home', []),
  ],
)
def test_lines_are_made_to_tell_a_time_as_released(text, events):
  assert read_events(text, released=True) == events
