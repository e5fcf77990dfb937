"""What the command line shows: tables, progress, files written whole."""

import contextlib
import json
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vtg_jax.errors import BadInput

if TYPE_CHECKING:
  from rich.console import Console
  from rich.table import Table

  from vtg_jax.convert.from_release import ConversionReport
  from vtg_jax.moments import Absent, Answer, Caption, Highlights, Moment
  from vtg_jax.systems.replay.comparison import Comparison

UNCALIBRATED = 'scores are uncalibrated: they order answers, they are no odds'


def console() -> 'Console':
  """Standard output; wide and bare where nobody watches a terminal."""
  from rich.console import Console

  return Console(
    highlight=False, width=None if sys.stdout.isatty() else 200, markup=False
  )


def notice(said: str) -> None:
  """One line beside the results, so on standard error."""
  print(f'vtg: note: {one_line(said)}', file=sys.stderr)


def keep_compilations() -> None:
  """Keeps compiled programs between runs, unless the user says where or not.

  A cold `vtg ground` spends most of its time compiling. jax's own variables
  come first: JAX_COMPILATION_CACHE_DIR, JAX_ENABLE_COMPILATION_CACHE=false.
  """
  import jax

  if jax.config.jax_compilation_cache_dir is None:
    home = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    folder = Path(home) / 'vtg_jax' / 'compiled'
    with contextlib.suppress(OSError):
      folder.mkdir(parents=True, exist_ok=True)
    if os.access(folder, os.W_OK):
      jax.config.update('jax_compilation_cache_dir', str(folder))


def print_json(document: Any) -> None:
  """Prints one JSON document; NaN, which JSON lacks, is a fault."""
  print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def print_moments(answers: Sequence['Moment | Absent']) -> None:
  """A line an answer: when, how sure, what was asked.

  start_s  end_s  score  query
      7.5   11.2  0.410  a red ball rolls across the table
  not in video    0.070  a giraffe waters the plants

  Where the system says how sure it is of each end, two more columns:

  start_s  end_s  start in 90%  end in 90%  score  query
      7.5   11.2      7.0-9.25   10.5-11.5  0.410  a red ball rolls across ...
  """
  levels = {getattr(answer, 'range_level', None) for answer in answers}
  levels = sorted(levels - {None})
  # One level a system; were there more, each range would have to name its own.
  told = f' in {levels[0]:.0%}' if len(levels) == 1 else ' range'
  ranges = (f'>start{told}', f'>end{told}') if levels else ()
  table = _table(
    '>start_s', '>end_s', *ranges, '>score', 'query', fold=('query',)
  )
  for answer in answers:
    document = answer.to_json()
    when = (
      ('not in', 'video')
      if document['absent']
      else (f'{document["start_s"]:.2f}', f'{document["end_s"]:.2f}')
    )
    if levels:
      bounds = (document.get(f'{end}_range_s') for end in ('start', 'end'))
      when += tuple(_span(*bound) if bound else '-' for bound in bounds)
    asked = one_line(answer.query)
    seen = document.get('looked_at')
    if seen is not None and (document['absent'] or seen < 1):
      asked += f' (looked at {document["looked_at"]:.0%} of the video)'
    table.add_row(*when, f'{answer.score:.4f}', asked)
  console().print(table)
  if not all(answer.calibrated for answer in answers):
    notice(UNCALIBRATED)


def print_captions(captions: Sequence['Caption']) -> None:
  """A line an event: when, how sure, what happens.

  start_s  end_s   score  text
     7.50  11.20  0.4100  a red ball rolls across the table
  """
  table = _table('>start_s', '>end_s', '>score', 'text', fold=('text',))
  for caption in captions:
    table.add_row(
      f'{caption.start_s:.2f}',
      f'{caption.end_s:.2f}',
      f'{caption.score:.4f}',
      one_line(caption.text) or '-',
    )
  console().print(table)
  if captions:
    notice(UNCALIBRATED)
  else:
    notice('the model told no event')


def print_highlights(highlights: Sequence['Highlights']) -> None:
  """A line a moment: when, how salient, for what.

  time_s  saliency  query
   82.00      1.30  a dog runs
  """
  table = _table('>time_s', '>saliency', 'query', fold=('query',))
  for found in highlights:
    for time_s, saliency in zip(found.times_s, found.saliency, strict=True):
      table.add_row(f'{time_s:.2f}', f'{saliency:.2f}', one_line(found.query))
    if not found.times_s:
      table.add_row('-', '-', one_line(found.query))
  console().print(table)


def print_answers(answers: Sequence['Answer']) -> None:
  """A line an answer: how sure, where it is seen if asked, what was asked.

   score  answer          evidence_s             question
  0.7500  (B) a red ball  7.50-11.20, 20.0-22.5  what rolls over the table?
  """
  seen = any(answer.evidence for answer in answers)
  columns = ('evidence_s', 'question') if seen else ('question',)
  table = _table('>score', 'answer', *columns, fold=('answer', *columns))
  for answer in answers:
    spans = (_span(moment.start_s, moment.end_s) for moment in answer.evidence)
    where = (', '.join(spans) or '-',) if seen else ()
    table.add_row(
      f'{answer.score:.4f}',
      one_line(answer.text) or '-',
      *where,
      one_line(answer.question),
    )
  console().print(table)
  notice(UNCALIBRATED)


def _span(start_s: float, end_s: float) -> str:
  return f'{start_s:.2f}-{end_s:.2f}'


def one_line(said: str) -> str:
  """Text without line ends, and without what would steer a terminal."""
  said = ' '.join(said.split())
  return ''.join(x for x in said if unicodedata.category(x) != 'Cc')


def print_comparisons(
  comparisons: Sequence['Comparison'], *, verbose: bool
) -> None:
  """A line an array or group of entries, failures always one by one.

  name             max diff  tolerance  result  note
  vit_out          1.57e-05    2.0e-05  pass
  grad_norms (121) 6.09e-07    1.0e-04  pass
  iou[3]                  -    0.0e+00  FAIL    0.5, wanted 0.25

  A group shows its member that comes closest to its tolerance.

  Args:
    comparisons: what was replayed.
    verbose: also a line for every entry that passed.
  """
  table = _table(
    'name', '>max diff', '>tolerance', 'result', 'note', fold=('name', 'note')
  )
  for name, members in _groups(comparisons, verbose=verbose):
    worst = max(members, key=_closeness)
    diff = worst.max_abs_diff
    table.add_row(
      name if len(members) == 1 else f'{name} ({len(members)})',
      '-' if diff is None else f'{diff:.2e}',
      f'{worst.tolerance:.1e}',
      'pass' if worst.passed else 'FAIL',
      '' if worst.passed else worst.note,
    )
  console().print(table)
  n_passed = sum(c.passed for c in comparisons)
  print(f'{n_passed} of {len(comparisons)} replayed within tolerance')


def _closeness(one: 'Comparison') -> float:
  """How much of its tolerance an entry uses; 0 where it is exact."""
  if not one.max_abs_diff:
    return 0.0
  return one.max_abs_diff / one.tolerance if one.tolerance else float('inf')


def print_table(head: Sequence[str], body: Iterable[Sequence[str]]) -> None:
  """Rows of texts under their names; the first column is the rows' own."""
  first, *others = head
  table = _table(first, *(f'>{name}' for name in others), fold=(first,))
  for texts in body:
    table.add_row(*texts)
  console().print(table)


def print_conversion(done: 'ConversionReport') -> None:
  """What was converted, and every tensor that no parameter holds."""
  print(
    f'{done.folder}: {done.n_values / 1e6:,.1f} M numbers, '
    f'{done.n_bytes / 1e9:.2f} GB'
  )
  for source, key, reason in done.ignored:
    notice(f'{source}: {key} fills no parameter: {reason}')
  for source, key, later in done.overridden:
    notice(f'{source}: {key} was replaced by the one in {later}')
  for source, key in done.trimmed:
    notice(f'{source}: {key} has more rows than the network; they are kept')


def _groups(
  comparisons: Iterable['Comparison'], *, verbose: bool
) -> list[tuple[str, list['Comparison']]]:
  """What passed and shares a first word: iou[0], iou[1]; losses.train, ..."""
  groups: dict[str, list[Comparison]] = {}
  for one in comparisons:
    together = one.passed and not verbose
    name = re.split(r'\[|\.|::| ', one.name)[0] if together else one.name
    groups.setdefault(name, []).append(one)
  return list(groups.items())


def _table(*columns: str, fold: Sequence[str]) -> 'Table':
  """A bare table; '>name' is right-aligned, long texts of `fold` wrap."""
  from rich.table import Table

  table = Table(box=None, pad_edge=False, header_style='bold')
  for column in columns:
    name = column.removeprefix('>')
    table.add_column(
      name,
      justify='left' if name == column else 'right',
      overflow='fold',
      no_wrap=name not in fold,
    )
  return table


@contextlib.contextmanager
def progress(label: str) -> Iterator[Callable[..., None]]:
  """A bar on standard error, if that is a terminal.

  Yields:
    A callback whose last two arguments are how much is done, and of how much.
  """
  from rich.console import Console
  from rich.progress import Progress

  bar = Progress(
    console=Console(stderr=True),
    transient=True,
    disable=not sys.stderr.isatty(),
  )
  with bar:
    task = bar.add_task(label, total=None)
    yield lambda *told: bar.update(task, completed=told[-2], total=told[-1])


def check_output(path: Path, suffixes: Sequence[str], *, keep: Path) -> None:
  """Refuses a file that could not be written, before the work starts.

  Args:
    path: the file to write.
    suffixes: what it may end with.
    keep: what is read, a file or folder that must stay as it is.

  Raises:
    BadInput: on another suffix, a missing folder, a folder in the way, or a
      place inside what is read.
  """
  if path.resolve() == keep.resolve():
    raise BadInput(f'{str(path)!r} is what is read; write elsewhere')
  if path.resolve().is_relative_to(keep.resolve()):
    raise BadInput(
      f'{str(path)!r} lies in {str(keep)!r}, which is only read; write '
      'elsewhere'
    )
  if path.suffix.lower() not in suffixes:
    raise BadInput(
      f'{str(path)!r} has no suffix that can be written; use one of '
      f'{", ".join(suffixes)}'
    )
  if path.is_dir():
    raise BadInput(f'{str(path)!r} is a folder; name a file in it')
  if not path.parent.is_dir():
    raise BadInput(
      f'the folder {str(path.parent)!r} does not exist; create it first'
    )
  if not os.access(path.parent, os.W_OK):
    raise BadInput(
      f'the folder {str(path.parent)!r} cannot be written to; use another'
    )


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
  """Gives a file its name only once it is complete.

  Yields:
    Where to write; the same folder and the same suffix. An older file at
    `path` stays as it was if the block raises.
  """
  handle, partial = tempfile.mkstemp(
    prefix=f'.{path.stem}-', suffix=path.suffix, dir=path.parent
  )
  os.close(handle)
  try:
    yield Path(partial)
    os.chmod(partial, 0o666 & ~_umask())
    os.replace(partial, path)
  except BaseException:
    os.unlink(partial)
    raise


def _umask() -> int:
  mask = os.umask(0)
  os.umask(mask)
  return mask
