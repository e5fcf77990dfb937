"""`vtg ground`: when each query happens in a video."""

from pathlib import Path
from typing import Annotated, Literal

import typer

import vtg_jax
from vtg_jax import report
from vtg_jax.commands.json_option import Json
from vtg_jax.errors import BadInput

PICTURES = ('.png', '.svg', '.pdf')
THUMBNAILS = 10


def ground(
  video: Annotated[
    Path,
    typer.Argument(metavar='VIDEO', help='A video file or folder of frames.'),
  ],
  queries: Annotated[
    list[str],
    typer.Argument(metavar='QUERY', help='What to look for, in words.'),
  ],
  model: Annotated[
    str | None,
    typer.Option(
      metavar='DIR',
      help='A checkpoint folder; the small shipped one when left out.',
    ),
  ] = None,
  top_k: Annotated[
    int | None, typer.Option(help='Moments a query, best first.')
  ] = None,
  as_json: Json = False,
  plot: Annotated[
    Path | None,
    typer.Option(metavar='FILE', help='Draw a timeline: .png, .svg or .pdf.'),
  ] = None,
  sampling: Annotated[
    Literal['timestamp', 'paper'] | None,
    typer.Option(help="Frames by time, or by the paper's index arithmetic."),
  ] = None,
  resize: Annotated[
    Literal['pil', 'swscale'] | None,
    typer.Option(help='Exact resizing, or the fast one.'),
  ] = None,
  mode: Annotated[
    Literal['score', 'generate'] | None,
    typer.Option(help='Score the choices, or parse generated text.'),
  ] = None,
  rounds: Annotated[
    int | None, typer.Option(help='At most so many search rounds.')
  ] = None,
  orders: Annotated[
    int | None,
    typer.Option(help='Average scores over so many option orders.'),
  ] = None,
  beam: Annotated[
    int | None, typer.Option(help='Intervals kept in each round.')
  ] = None,
  absent_below: Annotated[
    float | None,
    typer.Option(
      metavar='P',
      help='Answer "not in this video" below this score. Off by default; '
      'scores are uncalibrated, so choose P on your own videos.',
    ),
  ] = None,
  seed: Annotated[
    int | None, typer.Option(help='Seed of the option orders.')
  ] = None,
) -> None:
  """Say when each QUERY happens in VIDEO, and how sure that is."""
  for query in queries:
    _check_query(query)
  if absent_below is not None and not 0 <= absent_below <= 1:
    raise BadInput(
      f'--absent-below is {absent_below}, which is no probability; give a '
      'number from 0 to 1'
    )
  _check_least(1, top_k=top_k, rounds=rounds, orders=orders, beam=beam)
  _check_least(0, seed=seed)
  if plot is not None:
    report.check_output(plot, PICTURES, keep=video)
  options = {
    'top_k': top_k,
    'sampling': sampling,
    'mode': mode,
    'max_rounds': rounds,
    'n_orders': orders,
    'beam_width': beam,
    'absent_below': absent_below,
    'seed': seed,
  }
  # What is not given is the system's to decide.
  given = {key: value for key, value in options.items() if value is not None}
  report.keep_compilations()
  grounder = vtg_jax.load(*([] if model is None else [model]))
  with report.progress('reading frames') as on_progress:
    frames = grounder.open_video(
      video, on_progress=on_progress, **({'resize': resize} if resize else {})
    )
    answers = grounder.ground(frames, queries, **given)
  if grounder.notice:
    report.notice(grounder.notice)
  if as_json:
    report.print_json(
      {
        'video': str(video),
        'duration_s': float(frames.duration_s),
        'notice': grounder.notice,
        'moments': [answer.to_json() for answer in answers],
      }
    )
  else:
    report.print_moments(answers)
  if plot is not None:
    _plot(answers, frames, video.name, grounder.notice, plot)


def _check_query(query: str) -> None:
  if not query.strip():
    raise BadInput(f'the query {query!r} is empty; say what to look for')
  try:
    query.encode()
  except UnicodeEncodeError:
    raise BadInput(
      f'the query {query!r} is not valid UTF-8; type it in a UTF-8 terminal'
    ) from None


def _check_least(least: int, **options: int | None) -> None:
  for name, value in options.items():
    if value is not None and value < least:
      option = name.replace('_', '-')
      raise BadInput(f'--{option} is {value}; give a number from {least} up')


def _plot(answers, frames, title: str, notice: str, path: Path) -> None:
  """Writes the timeline, with thumbnails at even times of the video."""
  from vtg_jax.timeline import draw_timeline

  n = min(THUMBNAILS, frames.n_frames)
  times_s = [(i + 0.5) * frames.duration_s / n for i in range(n)]
  thumbnails = frames.get(frames.frame_at(times_s))
  with report.written_whole(path) as partial:
    draw_timeline(
      answers,
      duration_s=frames.duration_s,
      thumbnails=thumbnails,
      thumbnail_times_s=times_s,
      title=title,
      notice=notice,
      path=partial,
    )
