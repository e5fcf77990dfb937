"""`vtg highlight`: the moments of a video that stand out for a sentence."""

from typing import Annotated, Literal

import typer

from vtg_jax import report
from vtg_jax.commands.json_option import Json
from vtg_jax.commands.video_verb import (
  Candidates,
  MaxTokens,
  Model,
  Order,
  Plot,
  Resize,
  Sampling,
  Seed,
  Temperature,
  TopP,
  Video,
  carry_out,
  check_least,
  check_text,
  draws,
)


def highlight(
  video: Video,
  queries: Annotated[
    list[str],
    typer.Argument(metavar='QUERY', help='What stands out, in words.'),
  ],
  model: Model = None,
  as_json: Json = False,
  plot: Plot = None,
  mode: Annotated[
    Literal['score', 'generate'] | None,
    typer.Option(help='Well-formed lists, or text as the model writes it.'),
  ] = None,
  max_tokens: MaxTokens = None,
  temperature: Temperature = None,
  candidates: Candidates = None,
  top_p: TopP = None,
  seed: Seed = None,
  sampling: Sampling = None,
  resize: Resize = None,
) -> None:
  """Say which moments of VIDEO stand out for each QUERY, and how much."""
  for query in queries:
    check_text(query, 'query', 'say what stands out')
  check_least(1, max_tokens=max_tokens)
  order = Order(
    method='highlights',
    asked=queries,
    options={
      '--mode': ('mode', mode),
      '--max-tokens': ('max_tokens', max_tokens),
      **draws(temperature, candidates, seed, top_p),
      '--sampling': ('sampling', sampling),
    },
    key='highlights',
    show=report.print_highlights,
  )
  carry_out(
    order, video, model=model, resize=resize, as_json=as_json, plot=plot
  )
