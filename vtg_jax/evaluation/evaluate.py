"""One benchmark, one model, one folder of results."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from vtg_jax.errors import BadInput
from vtg_jax.evaluation import caption_summary, long_summary
from vtg_jax.evaluation.asking import resolved
from vtg_jax.evaluation.benchmarks import Benchmark, benchmark, lacking
from vtg_jax.evaluation.caption_run import CaptionOptions, run_captions
from vtg_jax.evaluation.grounding_run import GroundingOptions, run_grounding
from vtg_jax.evaluation.highlight_run import (
  HighlightOptions,
  run_highlights,
)
from vtg_jax.evaluation.items import (
  CaptionItem,
  GroundingItem,
  HighlightItem,
  LongItem,
  QuestionItem,
  RetrievalItem,
  digest,
)
from vtg_jax.evaluation.question_run import QuestionOptions, run_questions
from vtg_jax.evaluation.records import Records
from vtg_jax.evaluation.retrieval_run import RetrievalOptions, run_retrieval
from vtg_jax.evaluation.writing import (
  Evaluation,
  Run,
  write_captions,
  write_grounding,
  write_highlights,
  write_long,
  write_questions,
  write_retrieval,
)
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.metrics.caption_scorers import check_tools
from vtg_jax.moments.calibration import Calibration

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


def evaluate(
  config: Mapping[str, Any],
  grounder,
  *,
  model: str,
  out: str | os.PathLike,
  stored: Calibration | None = None,
  on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
  """Runs a benchmark, or what is left of it, and scores it.

  Args:
    config: as the files of `configs/evaluate/` return it; what it leaves open
      of how to ask, the grounder fills in.
    grounder: the system to score.
    model: fingerprint of its parameters; see `systems.fingerprint`.
    out: folder of the results; a run that was cut off is gone on with.
    stored: what the checkpoint says that its scores are worth; counts where
      the benchmark calibrates on nothing of its own.
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
    bootstrap = _bootstrap(config)
  except KeyError as error:
    raise lacking(error, config['benchmark']) from error
  settings, lines = answered(
    config, bench, grounder, model=model, out=out, on_progress=on_progress
  )
  run = Run(bench, settings, lines, config, bootstrap, Path(out), stored)
  return kind.write(run)


def answered(
  config: Mapping[str, Any],
  bench: Benchmark,
  grounder,
  *,
  model: str,
  out: str | os.PathLike,
  on_progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
  """Asks what is not answered yet.

  Args:
    config: with what it leaves open filled in.
    bench: what to ask.
    grounder: the system to ask; see `evaluate`, as with the others.
    model: fingerprint of its parameters.
    out: folder of the results.
    on_progress: called with (samples done, samples).

  Returns:
    What decides the answers, and a line an item.

  Raises:
    BadInput: see `evaluate`.
  """
  kind = _KINDS[type(bench.items[0])]
  try:
    options = kind.options(config)
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
    return settings, [records.done[i] for i in range(len(bench.items))]


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
  searches = {
    name: {k: v for k, v in given.items() if v is not None and k != 'seed'}
    for name, given in (config.get('searches') or {}).items()
  }
  return dataclasses.replace(
    _grounding(config), top_k=config['top_k'], searches=searches
  )


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


def _retrieval(config) -> RetrievalOptions:
  search = {k: v for k, v in config['search'].items() if v is not None}
  return RetrievalOptions(search=search, closely=config['closely'])


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
  write: Callable[[Run], Evaluation]


_KINDS = {
  GroundingItem: _Kind(_grounding, run_grounding, write_grounding),
  LongItem: _Kind(_long, run_grounding, write_long),
  QuestionItem: _Kind(_questions, run_questions, write_questions),
  CaptionItem: _Kind(_captions, run_captions, write_captions),
  HighlightItem: _Kind(_highlights, run_highlights, write_highlights),
  RetrievalItem: _Kind(_retrieval, run_retrieval, write_retrieval),
}
