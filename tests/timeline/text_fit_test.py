import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.timeline.text_fit import ELLIPSIS, plain, width_in, wrapped

TEXTS = st.text(st.characters(codec='utf-8', max_codepoint=0x9FFF), max_size=40)


@settings(max_examples=20, deadline=None)
@given(TEXTS, st.floats(0.8, 4), st.integers(1, 4))
def test_lines_fit_and_hold_the_text(text, room_in, most_lines):
  lines = wrapped(text, room_in, 9.5, most_lines=most_lines)
  assert len(lines) <= most_lines
  for line in lines:
    assert width_in(line, 9.5) <= room_in * 1.001
  whole = plain(text).replace(' ', '')
  told = ''.join(lines).replace(' ', '')
  if told != whole:
    assert len(lines) == most_lines and told.endswith(ELLIPSIS)
    assert whole.startswith(told[: -len(ELLIPSIS)])


def test_the_first_line_leaves_room_for_what_stands_there():
  text = 'a dog jumps over the fence'
  room_in = 1.1 * width_in(text, 9.5)  # lines are judged with some reserve
  assert wrapped(text, room_in, 9.5, most_lines=3) == [text]
  lines = wrapped(text, room_in, 9.5, most_lines=3, taken_in=room_in)
  assert lines == ['', text]


def test_scripts_without_spaces_are_broken_between_letters():
  room_in = width_in('跳' * 8, 9.5) + 0.01
  lines = wrapped('一只狗跳过栅栏。' * 2, room_in, 9.5, most_lines=9)
  assert [len(line) for line in lines] == [8, 8]


@pytest.mark.parametrize('text', ['', '  ', '\n\t', '\x00\x1b', '\udcff'])
def test_what_cannot_be_seen_has_no_lines(text):
  assert wrapped(text, 1.0, 9.5, most_lines=2) == []


@pytest.mark.parametrize('letter', ['x', '!'])
def test_a_word_wider_than_a_line_is_broken_and_cut(letter):
  first, second = wrapped(letter * 9999, 1.0, 9.5, most_lines=2)
  assert set(first) == {letter}
  assert second.endswith(ELLIPSIS)
  for line in first, second:
    assert 0.8 < width_in(line, 9.5) <= 1.0
