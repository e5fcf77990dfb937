"""`vtg answer`: questions about a video."""

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
  Video,
  carry_out,
  check_least,
  check_text,
  draws,
)


def answer(
  video: Video,
  questions: Annotated[
    list[str],
    typer.Argument(metavar='QUESTION', help='What to answer, in words.'),
  ],
  options: Annotated[
    list[str] | None,
    typer.Option(
      '--option',
      metavar='TEXT',
      help='A choice, without its letter; give each with --option.',
    ),
  ] = None,
  evidence: Annotated[
    bool, typer.Option('--evidence', help='Say also when it is to be seen.')
  ] = False,
  model: Model = None,
  as_json: Json = False,
  plot: Plot = None,
  mode: Annotated[
    Literal['score', 'letter', 'generate'] | None,
    typer.Option(
      help='Compare the options by their texts, by their letters, or write an '
      'answer.'
    ),
  ] = None,
  max_tokens: MaxTokens = None,
  temperature: Temperature = None,
  candidates: Candidates = None,
  seed: Seed = None,
  sampling: Sampling = None,
  resize: Resize = None,
) -> None:
  """Answer each QUESTION about VIDEO, freely or by choosing an --option."""
  for question in questions:
    check_text(question, 'question', 'ask something')
  for option in options or ():
    check_text(option, 'option', 'say what may be chosen')
  check_least(1, max_tokens=max_tokens)
  order = Order(
    method='answer',
    asked=questions,
    options={
      '--option': ('options', options or None),
      '--evidence': ('evidence', evidence or None),
      '--mode': ('mode', mode),
      '--max-tokens': ('max_tokens', max_tokens),
      **draws(temperature, candidates, seed),
      '--sampling': ('sampling', sampling),
    },
    key='answers',
    show=report.print_answers,
  )
  carry_out(
    order, video, model=model, resize=resize, as_json=as_json, plot=plot
  )
