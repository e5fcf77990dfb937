"""HawkEye's coarse time language: four categories for where a moment lies.

An interval is answered with one of four texts, then the search goes on inside
the named part:

    |----------------- interval -----------------|
    |----- beginning -----|-------- end ---------|
               |------- middle -------|
    |---------------- throughout ----------------|   (the search stops)

All arithmetic is float64 (Python floats) in the reference's order of
operations, so that a path of categories gives the same interval bit for bit.

Source: HawkEye (arXiv 2403.10228) section 3.2 and its evaluation script.
"""

from collections.abc import Iterable, Sequence

from vtg_jax.errors import BadInput
from vtg_jax.moments.options import lettered, with_options

CATEGORIES = ('beginning', 'middle', 'end', 'throughout')

TEXTS = {
  'beginning': 'At the beginning of the video.',
  'middle': 'In the middle of the video.',
  'end': 'At the end of the video.',
  'throughout': 'Throughout the entire video.',
}

# The order the papers' shuffles start from; seeded shuffles depend on it.
SHUFFLE_BASE = ('middle', 'end', 'throughout', 'beginning')

GROUNDING_QUESTION = "Question: During which part of the video does '%s' occur?"


def label_span(
  start_s: float, end_s: float, clip_start_s: float, clip_end_s: float
) -> str:
  """Names the part of a clip in which a span lies.

  The rules are strict inequalities tried in order, so a span that ends
  exactly in the middle is 'throughout', and a short one across the middle is
  'middle' wherever its centre is.

  Args:
    start_s: start of the span, seconds.
    end_s: end of the span, seconds.
    clip_start_s: start of the clip, seconds.
    clip_end_s: end of the clip, seconds.

  Returns:
    One of CATEGORIES.
  """
  middle_s = (clip_start_s + clip_end_s) / 2
  if end_s < middle_s:
    return 'beginning'
  if start_s > middle_s:
    return 'end'
  if (end_s - start_s) < (clip_end_s - clip_start_s) / 2:
    return 'middle'
  return 'throughout'


def narrow(start_s: float, end_s: float, category: str) -> tuple[float, float]:
  """Returns the part of an interval that a category names, seconds.

  Every category but 'throughout' halves the interval: narrow(0, 8, 'middle')
  is (2.0, 6.0).

  Raises:
    ValueError: `category` is none of CATEGORIES.
  """
  middle_s = (start_s + end_s) / 2
  if category == 'throughout':
    return start_s, end_s
  if category == 'beginning':
    return start_s, middle_s
  if category == 'end':
    return middle_s, end_s
  if category == 'middle':
    quarter_s = (end_s - start_s) / 4
    return middle_s - quarter_s, middle_s + quarter_s
  raise ValueError(f'{category=} is unknown; use one of {CATEGORIES}')


def span_of_path(duration_s: float, path: Iterable[str]) -> tuple[float, float]:
  """Decodes a path of categories: the interval left of [0, duration_s].

  A path is what the rounds of a search answered, first round first; what
  follows a 'throughout' is not looked at.
  """
  start_s, end_s = 0.0, duration_s
  for category in path:
    if category == 'throughout':
      break
    start_s, end_s = narrow(start_s, end_s, category)
  return start_s, end_s


def path_of_span(
  start_s: float, end_s: float, duration_s: float, *, max_rounds: int
) -> tuple[str, ...]:
  """Encodes a span as the answers of an oracle, round after round.

  The decoded interval always holds the centre of the span, and it is at most
  twice as long as the span or duration_s / 2**max_rounds.

  Args:
    start_s: start of the span, seconds, 0 <= start_s <= end_s.
    end_s: end of the span, seconds, <= duration_s.
    duration_s: length of the video, seconds.
    max_rounds: most categories to answer with.

  Returns:
    Categories, ending with the first 'throughout' or after `max_rounds`.
  """
  path = []
  low_s, high_s = 0.0, duration_s
  for _ in range(max_rounds):
    category = label_span(start_s, end_s, low_s, high_s)
    path.append(category)
    if category == 'throughout':
      break
    low_s, high_s = narrow(low_s, high_s, category)
  return tuple(path)


def option_lines(order: Sequence[str]) -> list[str]:
  """Returns the option texts of categories as displayed, with letters.

  option_lines(['end', ...])[0] == '(A) At the end of the video.'
  """
  return lettered(TEXTS[category] for category in order)


def grounding_question(
  query: str, order: Sequence[str], *, template: str = GROUNDING_QUESTION
) -> str:
  """Returns the question of one search round with its lettered options.

  Args:
    query: the sentence to find.
    order: categories in the order displayed.
    template: question with one %s for the sentence.
  """
  return with_options(fill_template(template, query), option_lines(order))


def format_answer(category: str, order: Sequence[str]) -> str:
  """Returns the full text of one displayed option: '(C) At the end ...'."""
  return option_lines(order)[list(order).index(category)]


def parse_answer(text: str, order: Sequence[str]) -> str:
  """Reads a category from a generated reply.

  The first displayed option whose whole text (letter included) begins the
  reply wins, whatever the case; any other reply means 'throughout', which
  ends the search.

  Args:
    text: reply of the model, beginning with the letter's parenthesis.
    order: categories in the order displayed.

  Returns:
    A category of `order`, or 'throughout'.
  """
  reply = text.strip().lower()
  for category, line in zip(order, option_lines(order), strict=True):
    if reply.startswith(line.strip().lower()):
      return category
  return 'throughout'


def fill_template(template: str, query: str) -> str:
  """Returns a question template with its one %s replaced by the sentence.

  Raises:
    BadInput: the template has no %s.
  """
  # Not `template % query`: a stray percent sign must not be a conversion.
  before, slot, after = template.partition('%s')
  if not slot:
    raise BadInput(f'{template=} has no %s; mark the place of the sentence')
  return before + query + after
