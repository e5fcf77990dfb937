"""`vtg describe`: what happens in intervals of a video."""

import math
import re
from typing import Annotated

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
  draws,
)
from vtg_jax.errors import BadInput

# 12, 12.5, 0:12.5, 1:02:03, and '12.0 s' as the picture has it.
_TIME = r'((?:\d+:)?(?:\d+:)?\d+(?:\.\d+)?)\s*s?'
_SPAN = re.compile(rf'\s*{_TIME}\s*[-\u2013]\s*{_TIME}\s*', re.ASCII)


def describe(
  video: Video,
  spans: Annotated[
    list[str],
    typer.Argument(
      metavar='START-END',
      help='An interval, in seconds or by the clock: 12.5-30, 0:12-1:05.',
    ),
  ],
  model: Model = None,
  as_json: Json = False,
  plot: Plot = None,
  max_tokens: MaxTokens = None,
  temperature: Temperature = None,
  candidates: Candidates = None,
  seed: Seed = None,
  sampling: Sampling = None,
  resize: Resize = None,
) -> None:
  """Tell what happens in each interval START-END of VIDEO."""
  check_least(1, max_tokens=max_tokens)
  order = Order(
    method='describe',
    asked=[parse_span(span) for span in spans],
    options={
      '--max-tokens': ('max_tokens', max_tokens),
      **draws(temperature, candidates, seed),
      '--sampling': ('sampling', sampling),
    },
    key='captions',
    show=report.print_captions,
  )
  carry_out(
    order, video, model=model, resize=resize, as_json=as_json, plot=plot
  )


def parse_span(text: str) -> tuple[float, float]:
  """Reads an interval as a user types it: '0:12-1:05.5' -> (12.0, 65.5).

  Raises:
    BadInput: when it is none, or is empty.
  """
  found = _SPAN.fullmatch(text)
  times_s = [_seconds(time) for time in found.groups()] if found else [None]
  if None in times_s:
    raise BadInput(
      f'{text!r} is no interval; give START-END in seconds or by the clock, '
      'such as 12.5-30 or 0:12-1:05'
    )
  start_s, end_s = times_s
  if not start_s < end_s:
    raise BadInput(f'the interval {text!r} is empty; give its start first')
  return start_s, end_s


def _seconds(time: str) -> float | None:
  """'1:02:03.5' -> 3723.5; None where minutes or seconds exceed 59."""
  first, *others = (float(part) for part in time.split(':'))
  if any(part >= 60 for part in others):
    return None
  for part in others:
    first = first * 60 + part
  return first if math.isfinite(first) else None
