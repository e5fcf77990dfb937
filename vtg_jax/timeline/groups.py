"""What a system says, group by group, as rows of the picture."""

import dataclasses
import itertools
from collections.abc import Sequence

from vtg_jax.moments import Absent, Answer, Caption, Highlights, Moment
from vtg_jax.moments.agreement import Agreement
from vtg_jax.timeline.rows import (
  FAINT,
  EventBar,
  Gap,
  Heading,
  MomentBar,
  NotThere,
  Row,
  SearchRound,
  Shared,
  Text,
  score,
  times_width_in,
)
from vtg_jax.timeline.saliency import SaliencyCurve
from vtg_jax.timeline.scale import Scale
from vtg_jax.timeline.text_fit import ELLIPSIS, bound_in, width_in, wrapped

Said = Moment | Absent | Caption | Answer | Highlights | Agreement

_BETWEEN = Gap(0.18)
_HEADING_PT = 11.0
_ASIDE_PT = 10.0
_TEXT_PT = 9.5
_ANSWER_PT = 10.5
# So many lines of a text are drawn, then an ellipsis.
_QUERY_LINES, _EVENT_LINES, _ANSWER_LINES = 2, 3, 6
# Text beside a bar needs this much room to be read.
_NARROWEST_IN = 1.3


@dataclasses.dataclass(frozen=True)
class Group:
  """Rows that share a colour.

  Attributes:
    rows: from top to bottom.
    framed: what is framed on the thumbnails.
  """

  rows: Sequence[Row]
  framed: Sequence[Moment] = ()

  @property
  def height_in(self) -> float:
    return sum(row.height_in for row in self.rows)


def groups(said: Sequence[Said], scale: Scale) -> list[Group]:
  """A group a query, a question, or run of told events."""

  def together(one: Said):
    match one:
      case Caption():
        return Caption
      case Answer() | Highlights() | Agreement():
        return id(one)
    return one.query

  made = []
  for _, some in itertools.groupby(said, key=together):
    some = list(some)
    match some[0]:
      case Caption():
        made.append(_told(some, scale))
      case Answer():
        made.append(_answered(some[0], scale))
      case Highlights():
        made.append(_highlighted(some[0], scale))
      case Agreement():
        made.append(_agreed(some[0], scale))
      case _:
        made.append(_grounded(some, scale))
  return made


def _grounded(answers: list[Moment | Absent], scale: Scale) -> Group:
  """A query: the rounds of its best answer, then its moments."""
  best = answers[0]
  rows = [_heading(best.query or '(no query)', _summary(best), scale)]
  last = max(len(best.rounds) - 1, 1)
  rows += [
    SearchRound(number + 1, one, 0.16 + 0.34 * number / last)
    for number, one in enumerate(best.rounds)
  ]
  moments = [answer for answer in answers if isinstance(answer, Moment)]
  rows += _moment_bars(moments) if moments else [NotThere()]
  framed = moments[:1] if isinstance(best, Moment) else []
  return Group([*rows, _BETWEEN], framed)


def _told(captions: list[Caption], scale: Scale) -> Group:
  """Events in the order given, each with its words where there is room."""
  rows = [_heading('what happens', '', scale)]
  rows += [_event(caption, scale) for caption in captions]
  return Group([*rows, _BETWEEN])


def _answered(answer: Answer, scale: Scale) -> Group:
  """A question, the answer, how sure of which option, and the evidence."""
  aside = f'score {score(answer.score)} (uncalibrated)'
  aside += _soft_ends(answer.evidence)
  lines = wrapped(
    answer.text, scale.width_in, _ANSWER_PT, most_lines=_ANSWER_LINES
  )
  rows = [
    _heading(answer.question, aside, scale),
    Text(lines or ['(no answer)'], _ANSWER_PT),
  ]
  if answer.probabilities:
    said = ' \u00b7 '.join(
      f'{chr(ord("A") + i)} {p:.2f}' for i, p in enumerate(answer.probabilities)
    )
    lines = wrapped(said, scale.width_in, 9.0, most_lines=2)
    rows.append(Text(lines, 9.0, FAINT))
  rows += _moment_bars(answer.evidence, called='evidence')
  return Group([*rows, _BETWEEN], answer.evidence)


def _highlighted(found: Highlights, scale: Scale) -> Group:
  """A query and how salient its moments are over time."""
  aside = f'score {score(found.score)} (uncalibrated)'
  curve = SaliencyCurve(found.times_s, found.saliency)
  return Group([_heading(found.query, aside, scale), curve, _BETWEEN])


def _agreed(said: Agreement, scale: Scale) -> Group:
  """A query: each system's answers, then what all of them share."""
  if (sure := said.confidence) is None:
    aside = f'mean IoU {said.mean_iou:.2f}'
  else:
    right = sure.right[sure.surest]
    aside = f'happens {sure.happens:.2f}; if so {sure.surest} right {right:.2f}'
  rows = [_heading(said.query, aside, scale)]
  for name, answers in said.answers.items():
    moments = [answer for answer in answers if isinstance(answer, Moment)]
    rows += _moment_bars(moments, called=name)
    if not moments:
      rows.append(NotThere(name))
  rows.append(Shared(said.common))
  best = [one for one in said.best.values() if isinstance(one, Moment)]
  if sure is not None:
    best = [x for x in [said.best[sure.surest]] if isinstance(x, Moment)]
  return Group([*rows, _BETWEEN], best[:1])


def _heading(text: str, aside: str, scale: Scale) -> Heading:
  room_in = scale.width_in - bound_in(aside, _ASIDE_PT) - 0.3
  lines = wrapped(
    text, room_in, _HEADING_PT, most_lines=_QUERY_LINES, weight='bold'
  )
  return Heading(lines, aside, _HEADING_PT)


def _moment_bars(
  moments: Sequence[Moment], *, called: str = ''
) -> list[MomentBar]:
  """The first in full colour, the others paler by their score."""
  top_score = max((moment.score for moment in moments), default=0.0)

  def strength(rank: int, moment: Moment) -> float:
    if rank == 0:
      return 1.0
    share = moment.score / top_score if top_score > 0 else 1.0
    return 0.35 + 0.45 * min(max(share, 0.0), 1.0)

  return [
    MomentBar(moment, strength(rank, moment), called)
    for rank, moment in enumerate(moments)
  ]


def _event(caption: Caption, scale: Scale) -> EventBar:
  """Puts the words right of the bar, left of it or into it: fewest lines."""
  times = scale.span(caption.start_s, caption.end_s)
  start_s, wide_s = scale.visible(caption.start_s, caption.end_s)
  start_in, gap_in = scale.inches(start_s), 0.08
  end_in = scale.inches(start_s + wide_s)
  times_in = times_width_in(times)

  def laid_out(left_in, room_in, *, inside=False, to_right=False) -> EventBar:
    lines = wrapped(
      caption.text,
      room_in,
      _TEXT_PT,
      most_lines=_EVENT_LINES,
      taken_in=times_in,
    )
    if to_right:  # the text ends at the bar
      widths = [width_in(line, _TEXT_PT) for line in lines]
      widths[:1] = [times_in + sum(widths[:1])]
      left_in += room_in - max(widths)
    return EventBar(
      caption.start_s, caption.end_s, times, lines, left_in, inside
    )

  places = [
    laid_out(end_in + gap_in, scale.width_in - end_in - gap_in),
    laid_out(0.0, start_in - gap_in, to_right=True),
    laid_out(start_in + gap_in, end_in - start_in - 2 * gap_in, inside=True),
  ]
  rooms_in = (scale.width_in - end_in, start_in, end_in - start_in)
  readable = [
    place
    for place, room_in in zip(places, rooms_in, strict=True)
    if room_in >= max(_NARROWEST_IN, times_in + 2 * gap_in)
  ]
  # Of equals the first: right of the bar.
  return min(readable, key=_cost)


def _cost(place: EventBar) -> tuple[bool, int]:
  cut = bool(place.lines) and place.lines[-1].endswith(ELLIPSIS)
  return cut, len(place.lines)


def _summary(best: Moment | Absent) -> str:
  doubt = '' if best.calibrated else ' (uncalibrated)'
  if isinstance(best, Absent):
    return f'best score {best.score:.2f} < {best.threshold:.2f}{doubt}'
  return f'score {score(best.score)}{doubt}{_soft_ends([best])}'


def _soft_ends(moments: Sequence[Moment]) -> str:
  """What the fading ends of the first moment's bar mean, if they fade."""
  level = moments[0].range_level if moments else None
  return '' if level is None else f'; soft ends: {level:.0%} ranges'
