"""`vtg caption`: every event of a video, with its times."""

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


def caption(
  video: Video,
  model: Model = None,
  as_json: Json = False,
  plot: Plot = None,
  prompt: Annotated[
    str | None,
    typer.Option(metavar='TEXT', help="Ask in your words, not the system's."),
  ] = None,
  mode: Annotated[
    Literal['score', 'generate'] | None,
    typer.Option(help='Well-formed times, or text as the model writes it.'),
  ] = None,
  max_tokens: MaxTokens = None,
  temperature: Temperature = None,
  candidates: Candidates = None,
  top_p: TopP = None,
  seed: Seed = None,
  sampling: Sampling = None,
  resize: Resize = None,
) -> None:
  """Tell every event of VIDEO, and when it happens."""
  if prompt is not None:
    check_text(prompt, 'prompt', 'say what to tell')
  check_least(1, max_tokens=max_tokens)
  order = Order(
    method='dense_caption',
    options={
      '--prompt': ('prompt', prompt),
      '--mode': ('mode', mode),
      '--max-tokens': ('max_tokens', max_tokens),
      **draws(temperature, candidates, seed, top_p),
      '--sampling': ('sampling', sampling),
    },
    key='captions',
    show=report.print_captions,
  )
  carry_out(
    order, video, model=model, resize=resize, as_json=as_json, plot=plot
  )
