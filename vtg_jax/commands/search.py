"""`vtg search`: the right video of a folder, then the moment in it."""

from pathlib import Path
from typing import Annotated

import typer

import vtg_jax
from vtg_jax import report
from vtg_jax.commands.json_option import Json
from vtg_jax.commands.video_verb import check_least, check_text

# The shipped one that can search.
SHIPPED = 'revisionllm_small'


def search(
  folder: Annotated[
    Path,
    typer.Argument(metavar='FOLDER', help='Videos that vtg index has seen.'),
  ],
  query: Annotated[
    str, typer.Argument(metavar='QUERY', help='What to look for, in words.')
  ],
  model: Annotated[
    str,
    typer.Option(
      metavar='DIR|NAME', help='A checkpoint folder, or a shipped one by name.'
    ),
  ] = SHIPPED,
  top_k: Annotated[
    int, typer.Option(help='Videos of the answer, best first.')
  ] = 5,
  videos: Annotated[
    int,
    typer.Option(
      help='Videos that are looked at closely: those whose frames are most '
      'like the QUERY.'
    ),
  ] = 10,
  budget: Annotated[
    str | None,
    typer.Option(
      metavar='NAME=N', help='Most to spend on a video, as for vtg ground.'
    ),
  ] = None,
  as_json: Json = False,
) -> None:
  """Say in which videos of FOLDER the QUERY happens, and when."""
  from input_pipeline.feature_index import find_indexes
  from vtg_jax.moments import Absent
  from vtg_jax.systems.video_search import Among, search_videos

  check_text(query, 'query', 'say what to look for')
  check_least(1, top_k=top_k, videos=videos)
  indexes = find_indexes(folder)
  report.keep_compilations()
  grounder = vtg_jax.load(model)
  with report.progress('searching') as on_progress:
    found = search_videos(
      grounder,
      indexes,
      query,
      among=Among(top_k=top_k, videos=max(videos, top_k)),
      on_notice=report.notice,
      on_progress=on_progress,
      **({} if budget is None else {'budget': budget}),
    )
  if grounder.notice:
    report.notice(grounder.notice)
  if as_json:
    report.print_json(
      {
        'folder': str(folder),
        'query': query,
        'notice': grounder.notice,
        'found': [one.to_json() for one in found],
      }
    )
    return
  rows = []
  for one in found:
    absent = isinstance(one.answer, Absent)
    when = ('not in', 'video')
    if not absent:
      when = (f'{one.answer.start_s:.2f}', f'{one.answer.end_s:.2f}')
    score, cosine = f'{one.answer.score:.4f}', f'{one.cosine:.4f}'
    rows.append((report.one_line(one.video), *when, score, cosine))
  report.print_table(('video', 'start_s', 'end_s', 'score', 'cosine'), rows)
  if not all(one.answer.calibrated for one in found):
    report.notice(report.UNCALIBRATED)
