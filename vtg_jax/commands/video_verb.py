"""What the verbs share that ask a model about a video.

options as typed -> model -> frames -> what it says -> table, JSON, picture
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import vtg_jax
from vtg_jax import report
from vtg_jax.errors import BadInput

PICTURES = ('.png', '.svg', '.pdf')
THUMBNAILS = 10

Video = Annotated[
  Path,
  typer.Argument(
    metavar='VIDEO',
    help='A video file, a folder of frames or, where a model sees these, a '
    'file of features: what vtg index made, FILE.npy, FILE.h5/NAME or '
    'FILE.lmdb/NAME.',
  ),
]
Model = Annotated[
  str | None,
  typer.Option(
    metavar='DIR|NAME',
    help='A checkpoint folder, or a shipped one by name, such as '
    'grounded_videollm_small; hawkeye_small when left out.',
  ),
]
Models = Annotated[
  list[str] | None,
  typer.Option(
    '--model',
    metavar='DIR|NAME',
    help='A checkpoint folder, or a shipped one by name, such as '
    'grounded_videollm_small; hawkeye_small when left out. Given several '
    'times, all are asked.',
  ),
]
Plot = Annotated[
  Path | None,
  typer.Option(metavar='FILE', help='Draw a timeline: .png, .svg or .pdf.'),
]
Sampling = Annotated[
  Literal['timestamp', 'paper'] | None,
  typer.Option(help="Frames by time, or by the paper's index arithmetic."),
]
Resize = Annotated[
  Literal['pil', 'swscale'] | None,
  typer.Option(help='Exact resizing, or the fast one.'),
]
MaxTokens = Annotated[
  int | None, typer.Option(help='Write at most so many tokens.')
]
Temperature = Annotated[
  float | None,
  typer.Option(
    help='Draw the tokens of written text; 0, or nothing given, takes the '
    'most probable ones.'
  ),
]
Candidates = Annotated[
  int | None,
  typer.Option(help='Draw from so many of the most probable tokens.'),
]
TopP = Annotated[
  float | None,
  typer.Option(
    '--top-p',
    metavar='P',
    help='Of these only the first ones that reach so much probability.',
  ),
]
Seed = Annotated[int | None, typer.Option(help='Seed of the draws.')]

# What a grounder may lack, by the name of its method.
_ABILITIES = {
  'ground': 'cannot find moments',
  'dense_caption': 'cannot tell the events of a video',
  'describe': 'cannot describe an interval',
  'answer': 'cannot answer questions',
  'highlights': 'cannot find highlights',
}

# What an option needs that any system's checkpoint may have.
_NEEDS = {
  'false_alarm_rate': 'needs a checkpoint folder with a calibration.json',
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
  """One command about one video.

  Attributes:
    method: of the grounder.
    asked: what the method is asked after the video, if anything.
    options: '--rounds' -> ('max_rounds', 3): as the user gives an option, as
      the method calls it, and its value, None where it was not given.
    key: of the answers in the JSON document.
    show: prints the answers as a table.
  """

  method: str
  asked: Sequence[Any] | None = None
  options: Mapping[str, tuple[str, Any]]
  key: str
  show: Callable[[Sequence[Any]], None]


def carry_out(
  order: Order,
  video: Path,
  *,
  model: str | None,
  resize: str | None,
  as_json: bool,
  plot: Path | None,
) -> None:
  """Loads the model, asks it, and shows what it says.

  Raises:
    BadInput: when the video, the model or the picture's place is no good, or
      the model cannot do what is asked.
  """
  if plot is not None:
    report.check_output(plot, PICTURES, keep=video)
  # What is not given is the system's to decide.
  given = {o: at for o, at in order.options.items() if at[1] is not None}
  report.keep_compilations()
  grounder = vtg_jax.load(*([] if model is None else [model]))
  method = method_of(grounder, order.method, given)
  with report.progress('reading frames') as on_progress:
    frames = grounder.open_video(
      video,
      on_progress=on_progress,
      **({'resize': resize} if resize else {}),
      **_hears_notices(grounder.open_video),
    )
    if order.method == 'ground' and not as_json:
      tell_cost(grounder, frames, order.asked, given)
    asked = () if order.asked is None else (order.asked,)
    said = method(frames, *asked, **dict(given.values()))
  if grounder.notice:
    report.notice(grounder.notice)
  if as_json:
    report.print_json(
      {
        'video': str(video),
        'duration_s': float(frames.duration_s),
        'notice': grounder.notice,
        order.key: [one.to_json() for one in said],
      }
    )
  else:
    order.show(said)
  if plot is not None:
    draw(said, frames, video.name, grounder.notice, plot)


def method_of(grounder, name: str, given: Mapping[str, tuple[str, Any]]):
  """A method that takes all options given.

  Raises:
    BadInput: when the system lacks it, or it lacks an option.
  """
  method = getattr(grounder, name, None)
  if method is None:
    raise BadInput(
      f'this model is of the system {grounder.system!r}, which '
      f'{_ABILITIES[name]}; give --model one of another system'
    )
  parameters = inspect.signature(method).parameters
  if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
    return method
  for option, (keyword, _) in given.items():
    if keyword not in parameters and keyword in _NEEDS:
      raise BadInput(f'{option} {_NEEDS[keyword]}, which this model has not')
    if keyword not in parameters:
      raise BadInput(
        f'this model is of the system {grounder.system!r}, which does not '
        f'know {option} here; leave it out'
      )
  return method


def _hears_notices(method) -> dict[str, Callable[[str], None]]:
  """What tells the user what happens to an index, of a system that has one."""
  if 'on_notice' not in inspect.signature(method).parameters:
    return {}
  return {'on_notice': report.notice}


def tell_cost(
  grounder, frames, queries: Sequence[str], given, name: str = ''
) -> None:
  """Says what a search will cost, where a system knows before it runs.

  Args:
    grounder: the system.
    frames: the opened video.
    queries: what will be asked.
    given: options; see `Order`.
    name: of the model, where there are several.
  """
  quote = getattr(grounder, 'quote', None)
  if quote is None:
    return
  options = {name: x for name, x in given.values() if name not in _NEEDS}
  cost = quote(frames, max(queries, key=len), **options)
  less = ', less where its budget ends it' if 'budget' in options else ''
  whose = f'{name}: ' if name else ''
  report.notice(f'{whose}a query costs {cost}{less}')


def draws(
  temperature: float | None,
  candidates: int | None,
  seed: int | None,
  top_p: float | None = None,
) -> dict[str, tuple[str, Any]]:
  """How tokens are drawn, as options of an `Order`.

  Raises:
    BadInput: when one is out of range.
  """
  check_least(0, temperature=temperature, seed=seed)
  check_least(1, candidates=candidates)
  return {
    '--temperature': ('temperature', temperature),
    '--candidates': ('n_candidates', candidates),
    '--top-p': ('top_p', top_p),
    '--seed': ('seed', seed),
  }


def check_text(text: str, what: str, remedy: str) -> None:
  """Refuses text that cannot be asked.

  Raises:
    BadInput: when it is empty, or its bytes were no text.
  """
  if not text.strip():
    raise BadInput(f'the {what} {text!r} is empty; {remedy}')
  try:
    text.encode()
  except UnicodeEncodeError:
    raise BadInput(
      f'the {what} {text!r} is not valid UTF-8; type it in a UTF-8 terminal'
    ) from None


def check_least(least: int, **options: float | None) -> None:
  """Raises BadInput for an option that is given and lower than `least`."""
  for name, value in options.items():
    if value is not None and value < least:
      option = name.replace('_', '-')
      raise BadInput(f'--{option} is {value}; give a number from {least} up')


def thumbnail_times_s(frames) -> list[float]:
  """Even times of a video; none where there are features and no frames."""
  from input_pipeline.frame_store import FrameStore

  if not isinstance(frames, FrameStore):
    return []
  n = min(THUMBNAILS, frames.n_frames)
  return [(i + 0.5) * frames.duration_s / n for i in range(n)]


def draw(said, frames, title: str, notice: str, path: Path) -> None:
  """Writes the timeline, with thumbnails at even times of the video."""
  from vtg_jax.timeline import draw_timeline

  thumbnails, times_s = None, thumbnail_times_s(frames)
  if times_s:
    thumbnails = frames.get(frames.frame_at(times_s))
  with report.written_whole(path) as partial:
    draw_timeline(
      said,
      duration_s=frames.duration_s,
      thumbnails=thumbnails,
      thumbnail_times_s=times_s,
      title=title,
      notice=notice,
      path=partial,
    )
