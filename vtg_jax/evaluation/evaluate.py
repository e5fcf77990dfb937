"""One benchmark, one model, one folder of results."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from vtg_jax.errors import BadInput
from vtg_jax.evaluation import (
  caption_summary,
  grounding_summary,
  highlight_summary,
  long_summary,
  question_summary,
  rows,
)
from vtg_jax.evaluation.asking import resolved
from vtg_jax.evaluation.benchmarks import Benchmark, benchmark, lacking
from vtg_jax.evaluation.caption_run import CaptionOptions, run_captions
from vtg_jax.evaluation.caption_summary import CaptionSummary
from vtg_jax.evaluation.grounding_run import GroundingOptions, run_grounding
from vtg_jax.evaluation.grounding_summary import GroundingSummary
from vtg_jax.evaluation.highlight_run import (
  HighlightOptions,
  run_highlights,
)
from vtg_jax.evaluation.highlight_summary import HighlightSummary
from vtg_jax.evaluation.items import (
  CaptionItem,
  GroundingItem,
  HighlightItem,
  LongItem,
  QuestionItem,
  digest,
)
from vtg_jax.evaluation.long_summary import LongSummary
from vtg_jax.evaluation.question_run import QuestionOptions, run_questions
from vtg_jax.evaluation.question_summary import QuestionSummary
from vtg_jax.evaluation.records import (
  SUMMARY,
  Records,
  as_json,
  without_nan,
  write_whole,
)
from vtg_jax.evaluation.reliability_picture import draw_reliability
from vtg_jax.evaluation.risk_coverage_picture import draw_risk_coverage
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.metrics.caption_scorers import check_tools
from vtg_jax.moments import calibration

# Table of the scores, and the pictures of the calibration and of what
# answering only when sure would save.
TABLE, PICTURE = 'table.md', 'reliability.png'
RISK_PICTURE = 'risk_coverage.png'
# Raised whenever the lines of a run come to mean something else.
FORMAT = 1
# Entries of a config that do not change the answers; of the protocol, what it
# stands for does and is kept.
AFTERWARDS = (
  'bootstrap',
  'cache',
  'calibration',
  'false_alarm_rate',
  'hit_iou',
  'protocol',
  'strict',
  'tuning_seeds',
  'words',
  'workers',
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
  """What a run found.

  Attributes:
    title: name of the benchmark.
    summary: its scores.
    document: what is in summary.json.
    head: columns of the table.
    body: its rows.
    remarks: what else is to be said, a line each.
    n_samples: lines of the run.
    n_failed: of them, those that failed.
    folder: where everything is written.
  """

  title: str
  summary: (
    GroundingSummary
    | LongSummary
    | QuestionSummary
    | CaptionSummary
    | HighlightSummary
  )
  document: Mapping[str, Any]
  head: Sequence[str]
  body: Sequence[Sequence[str]]
  remarks: Sequence[str]
  n_samples: int
  n_failed: int
  folder: Path


def evaluate(
  config: Mapping[str, Any],
  grounder,
  *,
  model: str,
  out: str | os.PathLike,
  on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
  """Runs a benchmark, or what is left of it, and scores it.

  Args:
    config: as the files of `configs/evaluate/` return it; what it leaves open
      of how to ask, the grounder fills in.
    grounder: the system to score.
    model: fingerprint of its parameters; see `model_fingerprint`.
    out: folder of the results; a run that was cut off is gone on with.
    on_progress: called with (samples done, samples).

  Returns:
    The scores, which are also written.

  Raises:
    BadInput: a config that does not fit, annotations that cannot be read, or
      a folder with another run's results.
  """
  config = resolved(config, grounder)
  bench = benchmark(config)
  kind = _KINDS[type(bench.items[0])]
  try:
    options = kind.options(config)
    bootstrap = _bootstrap(config)
  except KeyError as error:
    raise lacking(error, config['benchmark']) from error
  settings = {
    'format': FORMAT,
    # Which decides the numerics too.
    'backend': jax.default_backend(),
    'config': {k: v for k, v in config.items() if k not in AFTERWARDS},
    'items': digest(bench.items),
    'model': model,
    'videos': bench.videos_are,
  }
  with Records(out, settings) as records:
    left = dict.fromkeys(
      item.video for i, item in enumerate(bench.items) if i not in records.done
    )
    with bench.watched(list(left)) as videos:
      kind.run(
        grounder,
        bench.items,
        videos,
        records,
        options,
        on_progress=on_progress,
      )
    lines = [records.done[i] for i in range(len(bench.items))]
  return kind.write(bench, settings, lines, config, bootstrap, Path(out))


def model_fingerprint(folder: str | os.PathLike) -> str:
  """Returns a fingerprint of a checkpoint folder.

  Of the names of its files and of all that is in them, whatever their size:
  a few weights that differ in a large file are another model. They are read
  as a stream, once more than for loading. What its scores are worth does not
  count: the system's own are recorded.
  """
  folder, sha = Path(folder), hashlib.sha256()
  for path in sorted(folder.rglob('*')):
    if path.is_file() and path != folder / calibration.FILE:
      with path.open('rb') as file:
        content = hashlib.file_digest(file, 'sha256').hexdigest()
      sha.update(f'{path.relative_to(folder).as_posix()} {content}\n'.encode())
  return sha.hexdigest()[:16]


def _write_grounding(
  bench: Benchmark, settings, lines, config, bootstrap, out
) -> Evaluation:
  summary = grounding_summary.summarise_grounding(
    lines,
    max_rounds=config['search'].get('max_rounds'),
    tuning=bench.tuning,
    bootstrap=bootstrap,
    strict=config['strict'],
  )
  if any(one.n for one in summary.calibration):
    _draw(draw_reliability, summary.calibration, bench, out / PICTURE)
  body = [rows.cells(row) for row in summary.rows]
  remarks = grounding_summary.remarks(summary)
  if not config['strict']:
    remarks.append('An IoU that equals a threshold counts as reaching it.')
  return _written(bench, summary, rows.HEAD, body, remarks, settings, out)


def _write_long(
  bench: Benchmark, settings, lines, config, bootstrap, out
) -> Evaluation:
  summary = long_summary.summarise_long(
    lines,
    kind=config['calibration'],
    hit_iou=config['hit_iou'],
    false_alarm_rate=config['false_alarm_rate'],
    bootstrap=bootstrap,
    fitted_on=f'{bench.title}, seeds {config["calibration_seeds"]}',
  )
  if summary.calibration is not None:
    # For the checkpoint folder of the system that was asked.
    calibration.write_calibration(out, summary.calibration)
  if summary.reliability:
    _draw(draw_reliability, summary.reliability, bench, out / PICTURE)
  _draw(draw_risk_coverage, summary.risk, bench, out / RISK_PICTURE)
  body = [long_summary.cells(row) for row in summary.rows]
  remarks = long_summary.remarks(summary)
  head = long_summary.HEAD
  return _written(bench, summary, head, body, remarks, settings, out)


def _draw(draw: Callable[..., Any], what, bench: Benchmark, path: Path) -> None:
  """Draws beside the file first: no half picture is left of it."""
  partial = path.with_name(f'.partial-{path.name}')
  draw(what, title=bench.title, path=partial)
  os.replace(partial, path)


def _write_questions(
  bench: Benchmark, settings, lines, config, bootstrap, out
) -> Evaluation:
  del config  # decides nothing more
  summary = question_summary.summarise_questions(lines, bootstrap=bootstrap)
  body = [question_summary.task_cells(row) for row in summary.rows]
  remarks = question_summary.remarks(summary)
  head = question_summary.HEAD
  return _written(bench, summary, head, body, remarks, settings, out)


def _write_captions(
  bench: Benchmark, settings, lines, config, bootstrap, out
) -> Evaluation:
  summary = caption_summary.summarise_captions(
    lines, words=config['words'], bootstrap=bootstrap
  )
  head = caption_summary.head(summary)
  body = [caption_summary.cells(summary)]
  remarks = caption_summary.remarks(summary)
  return _written(bench, summary, head, body, remarks, settings, out)


def _write_highlights(
  bench: Benchmark, settings, lines, config, bootstrap, out
) -> Evaluation:
  del config  # decides nothing more
  summary = highlight_summary.summarise_highlights(lines, bootstrap=bootstrap)
  body = highlight_summary.body(summary)
  remarks = highlight_summary.remarks(summary)
  head = highlight_summary.HEAD
  return _written(bench, summary, head, body, remarks, settings, out)


def _written(bench, summary, head, body, remarks, settings, out) -> Evaluation:
  document = without_nan({'settings': settings, **summary.to_json()})
  table = rows.markdown(head, body, title=bench.title)
  write_whole(out / TABLE, '\n'.join([table, *remarks, '']))
  write_whole(out / SUMMARY, as_json(document))
  return Evaluation(
    title=bench.title,
    summary=summary,
    document=document,
    head=head,
    body=body,
    remarks=remarks,
    n_samples=len(bench.items),
    n_failed=summary.n_failed,
    folder=out,
  )


def _grounding(config) -> GroundingOptions:
  search = {k: v for k, v in config['search'].items() if v is not None}
  return GroundingOptions(
    seed=search.pop('seed', None),
    search=search,
    other_orders=config['other_orders'],
    resize=config['resize'],
  )


def _long(config) -> GroundingOptions:
  long_summary.check_options(config)
  return dataclasses.replace(_grounding(config), top_k=config['top_k'])


def _questions(config) -> QuestionOptions:
  answer = {k: v for k, v in config['answer'].items() if v is not None}
  return QuestionOptions(answer=answer, resize=config['resize'])


def _captions(config) -> CaptionOptions:
  caption_summary.check_words(config['words'])
  if config['words'] == 'published':
    check_tools()  # now, not when all videos are told
  tell = {k: v for k, v in config['tell'].items() if v is not None}
  return CaptionOptions(tell=tell, resize=config['resize'])


def _highlights(config) -> HighlightOptions:
  mark = {k: v for k, v in config['mark'].items() if v is not None}
  return HighlightOptions(mark=mark, resize=config['resize'])


def _bootstrap(config) -> Bootstrap:
  try:
    return Bootstrap(**config['bootstrap'])
  except ValueError as error:
    raise BadInput(f'the config cannot be used: {error}') from error


class _Kind(NamedTuple):
  """What is done with items of one type.

  Attributes:
    options: config -> how to ask.
    run: asks, a line an item.
    write: scores the lines and writes the scores.
  """

  options: Callable[[Mapping[str, Any]], Any]
  run: Callable[..., None]
  write: Callable[..., Evaluation]


_KINDS = {
  GroundingItem: _Kind(_grounding, run_grounding, _write_grounding),
  LongItem: _Kind(_long, run_grounding, _write_long),
  QuestionItem: _Kind(_questions, run_questions, _write_questions),
  CaptionItem: _Kind(_captions, run_captions, _write_captions),
  HighlightItem: _Kind(_highlights, run_highlights, _write_highlights),
}
