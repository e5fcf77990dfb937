"""What a run found, written: scores, table and pictures of every kind."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vtg_jax.evaluation import (
  caption_summary,
  grounding_summary,
  highlight_summary,
  long_summary,
  question_summary,
  retrieval_summary,
  rows,
  search_comparison,
)
from vtg_jax.evaluation.benchmarks import Benchmark
from vtg_jax.evaluation.caption_summary import CaptionSummary
from vtg_jax.evaluation.grounding_summary import GroundingSummary
from vtg_jax.evaluation.highlight_summary import HighlightSummary
from vtg_jax.evaluation.long_summary import LongSummary
from vtg_jax.evaluation.question_summary import QuestionSummary
from vtg_jax.evaluation.records import (
  SUMMARY,
  as_json,
  without_nan,
  write_whole,
)
from vtg_jax.evaluation.reliability_picture import draw_reliability
from vtg_jax.evaluation.retrieval_summary import RetrievalSummary
from vtg_jax.evaluation.risk_coverage_picture import draw_risk_coverage
from vtg_jax.evaluation.search_comparison import SearchComparison
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.moments import calibration
from vtg_jax.moments.calibration import Calibration

# Table of the scores, and the pictures of the calibration and of what
# answering only when sure would save.
TABLE, PICTURE = 'table.md', 'reliability.png'
RISK_PICTURE = 'risk_coverage.png'


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
    | SearchComparison
    | QuestionSummary
    | CaptionSummary
    | HighlightSummary
    | RetrievalSummary
  )
  document: Mapping[str, Any]
  head: Sequence[str]
  body: Sequence[Sequence[str]]
  remarks: Sequence[str]
  n_samples: int
  n_failed: int
  folder: Path


class Run(NamedTuple):
  """A run whose items are all answered.

  Attributes:
    bench: what was asked.
    settings: what decides the answers.
    lines: one an item.
    config: with what it left open filled in.
    bootstrap: how intervals are resampled.
    out: folder of the results.
    stored: see `evaluate`.
  """

  bench: Benchmark
  settings: Mapping[str, Any]
  lines: Sequence[Mapping[str, Any]]
  config: Mapping[str, Any]
  bootstrap: Bootstrap
  out: Path
  stored: Calibration | None


def write_grounding(run: Run) -> Evaluation:
  """Scores sentences by their one best moment."""
  config = run.config
  summary = grounding_summary.summarise_grounding(
    run.lines,
    max_rounds=config['search'].get('max_rounds'),
    tuning=run.bench.tuning,
    bootstrap=run.bootstrap,
    strict=config['strict'],
  )
  if any(one.n for one in summary.calibration):
    _draw(draw_reliability, summary.calibration, run, PICTURE)
  body = [rows.cells(row) for row in summary.rows]
  remarks = grounding_summary.remarks(summary)
  if not config['strict']:
    remarks.append('An IoU that equals a threshold counts as reaching it.')
  return _written(run, summary, rows.HEAD, body, remarks)


def write_long(run: Run) -> Evaluation:
  """Scores sentences of hours of video, by one search or by several."""
  config = run.config
  options = {
    'kind': config['calibration'],
    'hit_iou': config['hit_iou'],
    'false_alarm_rate': config['false_alarm_rate'],
    'bootstrap': run.bootstrap,
    'fitted_on': fitted_on(run.bench, config),
  }
  if config.get('searches'):
    return _write_searches(run, options)
  summary = long_summary.summarise_long(run.lines, **options, stored=run.stored)
  if summary.calibration is not None:
    # For the checkpoint folder of the system that was asked.
    calibration.write_calibration(run.out, summary.calibration)
  if summary.reliability:
    _draw(draw_reliability, summary.reliability, run, PICTURE)
  _draw(draw_risk_coverage, summary.risk, run, RISK_PICTURE)
  body = [long_summary.cells(row) for row in summary.rows]
  remarks = long_summary.remarks(summary)
  return _written(run, summary, long_summary.HEAD, body, remarks)


def _write_searches(run: Run, options: Mapping[str, Any]) -> Evaluation:
  found = search_comparison.compare_searches(run.lines, **options)
  first, *_ = found.summaries.values()
  if first.reliability:
    _draw(draw_reliability, first.reliability, run, PICTURE)
  curves = {name: one.risk['happens'] for name, one in found.summaries.items()}
  _draw(draw_risk_coverage, curves, run, RISK_PICTURE)
  body = [search_comparison.cells(name, found) for name in found.summaries]
  remarks = search_comparison.remarks(found)
  return _written(run, found, search_comparison.HEAD, body, remarks)


def fitted_on(bench: Benchmark, config: Mapping[str, Any]) -> str:
  """What a calibration is learnt on, in words."""
  return f'{bench.title}, seeds {config.get("calibration_seeds", "none")}'


def _draw(draw: Callable[..., Any], what, run: Run, name: str) -> None:
  """Draws beside the file first: no half picture is left of it."""
  path = run.out / name
  partial = path.with_name(f'.partial-{name}')
  draw(what, title=run.bench.title, path=partial)
  os.replace(partial, path)


def write_questions(run: Run) -> Evaluation:
  """Scores answers to questions."""
  summary = question_summary.summarise_questions(
    run.lines, bootstrap=run.bootstrap
  )
  body = [question_summary.task_cells(row) for row in summary.rows]
  remarks = question_summary.remarks(summary)
  return _written(run, summary, question_summary.HEAD, body, remarks)


def write_captions(run: Run) -> Evaluation:
  """Scores told events."""
  summary = caption_summary.summarise_captions(
    run.lines, words=run.config['words'], bootstrap=run.bootstrap
  )
  head = caption_summary.head(summary)
  body = [caption_summary.cells(summary)]
  return _written(run, summary, head, body, caption_summary.remarks(summary))


def write_highlights(run: Run) -> Evaluation:
  """Scores how well what stands out is told from the rest."""
  summary = highlight_summary.summarise_highlights(
    run.lines, bootstrap=run.bootstrap
  )
  body = highlight_summary.body(summary)
  remarks = highlight_summary.remarks(summary)
  return _written(run, summary, highlight_summary.HEAD, body, remarks)


def write_retrieval(run: Run) -> Evaluation:
  """Scores how early the right videos come."""
  summary = retrieval_summary.summarise_retrieval(
    run.lines, run.bench.items, bootstrap=run.bootstrap
  )
  body = [retrieval_summary.cells(row) for row in summary.rows]
  remarks = retrieval_summary.remarks(summary)
  return _written(run, summary, retrieval_summary.HEAD, body, remarks)


def _written(run: Run, summary, head, body, remarks) -> Evaluation:
  document = without_nan({'settings': run.settings, **summary.to_json()})
  table = rows.markdown(head, body, title=run.bench.title)
  write_whole(run.out / TABLE, '\n'.join([table, *remarks, '']))
  write_whole(run.out / SUMMARY, as_json(document))
  return Evaluation(
    title=run.bench.title,
    summary=summary,
    document=document,
    head=head,
    body=body,
    remarks=remarks,
    n_samples=len(run.bench.items),
    n_failed=summary.n_failed,
    folder=run.out,
  )
