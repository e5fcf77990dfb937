"""What a checkpoint's scores are worth, learnt on a benchmark's own part."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.asking import resolved
from vtg_jax.evaluation.benchmarks import benchmark
from vtg_jax.evaluation.evaluate import answered
from vtg_jax.evaluation.items import CALIBRATION
from vtg_jax.evaluation.long_summary import check_options
from vtg_jax.evaluation.writing import fitted_on
from vtg_jax.moments.calibration import Calibration, fit_calibration


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
  config = resolved({**config, 'searches': {}}, grounder)
  bench = benchmark(config)
  held_out = [
    item for item in bench.items if getattr(item, 'part', '') == CALIBRATION
  ]
  if not held_out:
    raise BadInput(
      f'{bench.title} has nothing to calibrate on; use long_stories, and set '
      'calibration_seeds'
    )
  check_options(config)
  _, lines = answered(
    config,
    dataclasses.replace(bench, items=held_out),
    grounder,
    model=model,
    out=out,
    on_progress=on_progress,
  )
  lines = [line for line in lines if line['error'] is None]
  return fit_calibration(
    [line['score'] for line in lines],
    [line['iou'] for line in lines],
    kind=config['calibration'],
    hit_iou=config['hit_iou'],
    fitted_on=fitted_on(bench, config),
  )
