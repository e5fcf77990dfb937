"""`vtg ground`: when each query happens in a video."""

from typing import Annotated, Literal

import typer

from vtg_jax import report
from vtg_jax.commands.ground_together import carry_out_together
from vtg_jax.commands.json_option import Json
from vtg_jax.commands.video_verb import (
  Candidates,
  Models,
  Order,
  Plot,
  Resize,
  Sampling,
  Temperature,
  TopP,
  Video,
  carry_out,
  check_least,
  check_text,
  draws,
)
from vtg_jax.errors import BadInput


def ground(
  video: Video,
  queries: Annotated[
    list[str],
    typer.Argument(metavar='QUERY', help='What to look for, in words.'),
  ],
  model: Models = None,
  top_k: Annotated[
    int | None, typer.Option(help='Moments a query, best first.')
  ] = None,
  as_json: Json = False,
  plot: Plot = None,
  sampling: Sampling = None,
  resize: Resize = None,
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
  search: Annotated[
    Literal['top_down', 'compiled', 'released', 'dense', 'sparse', 'likeness']
    | None,
    typer.Option(
      help='From coarse to fine, or all of it, of a system that has several '
      'levels.',
    ),
  ] = None,
  rank: Annotated[
    Literal['both', 'confidence'] | None,
    typer.Option(
      help='Rank moments by how alike frames and sentence are, too, or by how '
      'sure the language model is alone.',
    ),
  ] = None,
  quirks: Annotated[
    Literal['clean', 'released'] | None,
    typer.Option(help='Do what a release does wrong as it does, or right.'),
  ] = None,
  levels: Annotated[
    int | None, typer.Option(help='Levels of the search.')
  ] = None,
  budget: Annotated[
    str | None,
    typer.Option(
      metavar='NAME=N',
      help='Most to spend on a query: frames=500, calls=40 or seconds=3, or '
      'several with commas.',
    ),
  ] = None,
  absent_below: Annotated[
    float | None,
    typer.Option(
      metavar='P',
      help='Answer "not in this video" below this score. Off by default; '
      'without a calibration choose P on your own videos.',
    ),
  ] = None,
  false_alarm_rate: Annotated[
    float | None,
    typer.Option(
      metavar='R',
      help='Answer "not in this video" so that of what does not happen at '
      'most this share gets a moment; needs a calibrated checkpoint.',
    ),
  ] = None,
  seed: Annotated[
    int | None,
    typer.Option(help='Seed of the option orders, or of the draws.'),
  ] = None,
  temperature: Temperature = None,
  candidates: Candidates = None,
  top_p: TopP = None,
) -> None:
  """Say when each QUERY happens in VIDEO, and how sure that is."""
  for query in queries:
    check_text(query, 'query', 'say what to look for')
  if absent_below is not None and not 0 <= absent_below <= 1:
    raise BadInput(
      f'--absent-below is {absent_below}, which is no probability; give a '
      'number from 0 to 1'
    )
  check_least(1, top_k=top_k, rounds=rounds, orders=orders, beam=beam)
  check_least(0, levels=levels)
  order = Order(
    method='ground',
    asked=queries,
    options={
      '--top-k': ('top_k', top_k),
      '--sampling': ('sampling', sampling),
      '--mode': ('mode', mode),
      '--rounds': ('max_rounds', rounds),
      '--orders': ('n_orders', orders),
      '--beam': ('beam_width', beam),
      '--search': ('search', search),
      '--rank': ('rank', rank),
      '--quirks': ('quirks', quirks),
      '--levels': ('levels', levels),
      '--budget': ('budget', budget),
      '--absent-below': ('absent_below', absent_below),
      '--false-alarm-rate': ('false_alarm_rate', false_alarm_rate),
      **draws(temperature, candidates, seed, top_p),
    },
    key='moments',
    show=report.print_moments,
  )
  how = {'resize': resize, 'as_json': as_json, 'plot': plot}
  match model or [None]:
    case [one]:
      carry_out(order, video, model=one, **how)
    case models:
      carry_out_together(order, video, models=models, **how)
