"""Text in inches: how wide it is, and how it is broken and cut to fit."""

import contextlib
import functools
import re
import unicodedata
import warnings
from collections.abc import Iterator

from matplotlib import font_manager
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.textpath import text_to_path

# For letters that matplotlib's own font lacks, where a machine has them.
_FALLBACKS = (
  'Noto Sans',
  'Noto Sans CJK SC',
  'Noto Sans CJK JP',
  'Noto Sans SC',
  'PingFang SC',
  'Hiragino Sans',
  'Apple SD Gothic Neo',
  'Microsoft YaHei',
  'Yu Gothic',
  'Malgun Gothic',
  'WenQuanYi Zen Hei',
  'Droid Sans Fallback',
  'Noto Sans Devanagari',
  'Noto Sans Bengali',
  'Noto Sans Tamil',
  'Noto Sans Thai',
  'Nirmala UI',
  'Leelawadee UI',
  'Arial Unicode MS',
  'Noto Emoji',
  'Symbola',
)
# Pixels an inch of a picture; letters are fitted to them.
DPI = 150
ELLIPSIS = '\u2026'


@functools.cache
def families() -> list[str]:
  """The fonts to write with: the first that has a letter draws it."""
  known = {font.name for font in font_manager.fontManager.ttflist}
  return ['DejaVu Sans', *(name for name in _FALLBACKS if name in known)]


def width_in(text: str, size: float, *, weight: str = 'normal') -> float:
  """Width in inches of one line as it is drawn, `size` in points."""
  properties = font_manager.FontProperties(
    family=families(), size=size, weight=weight
  )
  with quiet():
    pixels, _, _ = _grid().get_text_width_height_descent(
      text, properties, ismath=False
    )
    points, _, _ = text_to_path.get_text_width_height_descent(
      text, properties, ismath=False
    )
  # Letters stand on the grid of the pixels, or off it in .svg and .pdf.
  return max(pixels / DPI, points / 72)


def bound_in(text: str, size: float, weight: str = 'normal') -> float:
  """Inches that a line is no wider than: cheaper than what it truly takes."""
  return sum(_letter_in(letter, size, weight) for letter in text)


def plain(text: str) -> str:
  """One line of what can be drawn: no line ends, nothing invisible."""
  seen = (
    ' ' if letter.isspace() else letter
    for letter in text
    if letter.isspace() or unicodedata.category(letter) not in ('Cc', 'Cs')
  )
  return ' '.join(''.join(seen).split())


def one_line(
  text: str, room_in: float, size: float, *, weight: str = 'normal'
) -> str:
  """Text of one line, cut with an ellipsis where it is too wide."""
  lines = wrapped(text, room_in, size, most_lines=1, weight=weight)
  return lines[0] if lines else ''


def wrapped(
  text: str,
  room_in: float,
  size: float,
  *,
  most_lines: int,
  weight: str = 'normal',
  taken_in: float = 0.0,
) -> list[str]:
  """Breaks text into lines that fit.

  wrapped('a dog jumps over it', ...) -> ['a dog jumps', 'over it']

  Args:
    text: any text; runs of white space count as one space.
    room_in: width of a line, inches.
    size: of the letters, points.
    most_lines: the last one ends in an ellipsis where text is left over.
    weight: 'normal' or 'bold'.
    taken_in: inches of the first line that are in use; the first line is
      empty where nothing fits beside that.

  Returns:
    No lines for no text.
  """
  pieces = list(_pieces(plain(text), room_in, size, weight))
  lines, line, left_in = [], '', room_in - taken_in
  for position, piece in enumerate(pieces):
    wide_in = bound_in((line + piece).rstrip(), size, weight)
    if wide_in <= left_in:
      line += piece
      continue
    lines.append(line.rstrip())
    if len(lines) == most_lines:
      rest = ''.join([line, *pieces[position:]])
      lines[-1] = _cut(rest, left_in, size, weight)
      return lines
    line, left_in = piece.lstrip(), room_in
  return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(
  text: str, room_in: float, size: float, weight: str
) -> Iterator[str]:
  """What a line may be broken between.

  'a dog 跳过' -> 'a', ' dog', ' ', '跳', '过'; the letters of a word that is
  wider than a line, one by one.
  """
  for word in re.findall(r' ?[^ ]+', text):
    too_wide = bound_in(word, size, weight) > room_in
    piece = ''
    for letter in word:
      breaks = too_wide or _is_wide(letter) or _is_wide(piece[-1:])
      # A mark stays with its letter, a stop with the word before it.
      stays = 'M' if too_wide else 'MP'
      if piece and breaks and unicodedata.category(letter)[0] not in stays:
        yield piece
        piece = ''
      piece += letter
    yield piece


def _is_wide(letter: str) -> bool:
  """Whether it is of a script that is written without spaces."""
  return letter != '' and unicodedata.east_asian_width(letter) in 'WF'


def _cut(text: str, room_in: float, size: float, weight: str) -> str:
  """As much of a text as fits together with an ellipsis."""
  room_in -= width_in(ELLIPSIS, size, weight=weight)
  end, wide_in = 0, 0.0
  for letter in text:
    wide_in += _letter_in(letter, size, weight)
    if wide_in > room_in:
      break
    end += 1
  return text[:end].rstrip(' ,;:.') + ELLIPSIS


@functools.lru_cache(maxsize=8192)
def _letter_in(letter: str, size: float, weight: str) -> float:
  return width_in(letter, size, weight=weight)


@functools.cache
def _grid() -> RendererAgg:
  return RendererAgg(1, 1, DPI)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
  """Silences what is said of letters that no font has: boxes, not noise."""
  with warnings.catch_warnings():
    warnings.filterwarnings('ignore', message='.*missing from font.*')
    warnings.filterwarnings('ignore', message='.*does not support.*natively.*')
    yield
