"""What `vtg ground` does with several models.

options as typed -> models -> one reading of the video -> what each says, and
how far they agree -> table, JSON, picture
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vtg_jax import report
from vtg_jax.commands.video_verb import (
  PICTURES,
  Order,
  draw,
  method_of,
  tell_cost,
  thumbnail_times_s,
)
from vtg_jax.errors import BadInput

if TYPE_CHECKING:
  from vtg_jax.moments import Absent, Moment
  from vtg_jax.moments.agreement import Agreement

# Options that are the same for all: of the answers, not of how one is found.
_OF_ANSWERS = ('top_k', 'absent_below', 'false_alarm_rate')


def carry_out_together(
  order: Order,
  video: Path,
  *,
  models: Sequence[str],
  resize: str | None,
  as_json: bool,
  plot: Path | None,
) -> None:
  """Loads the models, asks each, and shows what they say and agree on.

  Raises:
    BadInput: when the video, a model or the picture's place is no good, or a
      model cannot do what is asked.
  """
  if plot is not None:
    report.check_output(plot, PICTURES, keep=video)
  given = {o: at for o, at in order.options.items() if at[1] is not None}
  report.keep_compilations()
  from vtg_jax.systems.together import load_together

  together = load_together(models)
  own = {o: at for o, at in given.items() if at[0] not in _OF_ANSWERS}
  for member in together.members:
    try:
      method_of(member.grounder, order.method, own)
    except BadInput as error:
      raise BadInput(f'{member.name}: {error}') from error
  with report.progress('reading frames') as on_progress:
    opened = together.open_video(
      video,
      on_progress=on_progress,
      on_notice=report.notice,
      **({'resize': resize} if resize else {}),
    )
    if plot is not None and (times_s := thumbnail_times_s(opened.sharpest)):
      opened.sharpest.announce(opened.sharpest.frame_at(times_s))
    if not as_json:
      for member in together.members:
        frames = opened.views[member.name]
        tell_cost(member.grounder, frames, order.asked, own, member.name)
    said = together.ground(opened, order.asked, **dict(given.values()))
  notices = {
    member.name: member.grounder.notice
    for member in together.members
    if member.grounder.notice
  }
  for name, notice in notices.items():
    report.notice(f'{name}: {notice}')
  if lacking := together.lacks_confidence(opened, **dict(own.values())):
    report.notice(lacking)
  if as_json:
    report.print_json(
      {
        'video': str(video),
        'duration_s': float(opened.duration_s),
        'notices': notices,
        'agreements': [one.to_json() for one in said],
      }
    )
  else:
    print_agreements(said)
  if plot is not None:
    draw(said, opened.sharpest, video.name, '', plot)


def print_agreements(said: Sequence['Agreement']) -> None:
  """Each model's answers, what they have in common, how far they agree.

  query       start_s      end_s   score  model  IoU with the others
  a red ball     7.50      11.20  0.4100      a            0.93 0.00
                 7.50      11.00  0.8000      b            0.93 0.00
               not in      video  0.0700      c            0.00 0.00
              nothing  in common            all            mean 0.31
                   it    happens  0.7000
               surest if it does  0.8500      b

  The IoUs stand in the order of the models. The last two lines say how likely
  it is that the query happens at all, and if so whose best answer is likeliest
  right.
  """
  rows = []
  for one in said:
    query = report.one_line(one.query)
    for name, answers in one.answers.items():
      overlaps = [iou for pair, iou in one.ious.items() if name in pair]
      beside = ' '.join(f'{iou:.2f}' for iou in overlaps)
      for answer in answers:
        rows.append((query, *_when(answer), report.one_line(name), beside))
        query, beside = '', ''
    common = one.common
    span = ('nothing', 'in common') if common is None else _span(*common)
    rows.append(('', *span, '', 'all', f'mean {one.mean_iou:.2f}'))
    if (sure := one.confidence) is not None:
      told = f'{sure.right[sure.surest]:.4f}'
      rows.append(('', 'it', 'happens', f'{sure.happens:.4f}', '', ''))
      rows.append(('', 'surest', 'if it does', told, sure.surest, ''))
  head = ('query', 'start_s', 'end_s', 'score', 'model', 'IoU with the others')
  report.print_table(head, rows)
  answers = [x for one in said for some in one.answers.values() for x in some]
  if not all(answer.calibrated for answer in answers):
    report.notice(report.UNCALIBRATED)


def _when(answer: 'Moment | Absent') -> tuple[str, str, str]:
  document = answer.to_json()
  span = ('not in', 'video')
  if not document['absent']:
    span = _span(document['start_s'], document['end_s'])
  return *span, f'{answer.score:.4f}'


def _span(start_s: float, end_s: float) -> tuple[str, str]:
  return f'{start_s:.2f}', f'{end_s:.2f}'
