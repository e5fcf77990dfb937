"""What a checkpoint's scores are worth, learnt on a benchmark's own part."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.asking import resolved
from vtg_jax.evaluation.benchmarks import Benchmark, benchmark
from vtg_jax.evaluation.evaluate import answered
from vtg_jax.evaluation.items import CALIBRATION
from vtg_jax.evaluation.long_summary import check_options
from vtg_jax.evaluation.writing import fitted_on
from vtg_jax.moments.calibration import Calibration, fit_calibration
from vtg_jax.systems.calibrated import other_scores


def calibrate(
  config: Mapping[str, Any],
  grounder,
  *,
  model: str,
  out: str | os.PathLike,
  on_progress: Callable[[int, int], None] | None = None,
) -> Calibration:
  """Asks about the videos to calibrate on, or what is left of them.

  Args:
    config: of a benchmark that has such a part; nothing else of it is asked.
    grounder: the system, with scores of its own.
    model: fingerprint of its parameters.
    out: folder of the answers; a run that was cut off is gone on with.
    on_progress: called with (samples done, samples).

  Returns:
    What its scores are worth; nothing of it is written.

  Raises:
    BadInput: the benchmark has no such part, or see `evaluate` and
      `fit_calibration`.
  """
  bench, config, lines = held_out(
    config, grounder, model=model, out=out, on_progress=on_progress
  )
  lines = [line for line in lines if line['error'] is None]
  return fit_calibration(
    [line['score'] for line in lines],
    [line['iou'] for line in lines],
    kind=config['calibration'],
    hit_iou=config['hit_iou'],
    fitted_on=fitted_on(bench, config),
  )


def held_out(
  config: Mapping[str, Any],
  grounder,
  *,
  model: str,
  out: str | os.PathLike,
  on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Benchmark, dict[str, Any], list[dict[str, Any]]]:
  """Asks about the videos to calibrate on, or what is left of them.

  Args:
    config: see `calibrate`, as with the others.
    grounder: the system.
    model: fingerprint of its parameters.
    out: folder of the answers.
    on_progress: called with (samples done, samples).

  Returns:
    The benchmark, its config with what it left open filled in, and a line a
    sentence.

  Raises:
    BadInput: the benchmark has no such part, it is asked in a way that makes
      scores of another kind, or see `evaluate`.
  """
  config = resolved({**config, 'searches': {}}, grounder)
  if others := other_scores(grounder, config.get('search') or {}):
    raise BadInput(
      'a calibration is of scores as vtg ground gives them when nothing is '
      f'said, and search.{others[0]}={config["search"][others[0]]} makes '
      'others; leave out search.NAME, and protocol=paper'
    )
  bench = benchmark(config)
  items = [
    item for item in bench.items if getattr(item, 'part', '') == CALIBRATION
  ]
  if not items:
    raise BadInput(
      f'{bench.title} has nothing to calibrate on; use long_stories, and set '
      'calibration_seeds'
    )
  check_options(config)
  _, lines = answered(
    config,
    dataclasses.replace(bench, items=items),
    grounder,
    model=model,
    out=out,
    on_progress=on_progress,
  )
  return bench, config, lines
