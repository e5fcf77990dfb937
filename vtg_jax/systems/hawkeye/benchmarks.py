"""How HawkEye is asked on benchmarks."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.systems.checks import MODES, SAMPLINGS, check_known
from vtg_jax.systems.grounder import BenchmarkOptions
from vtg_jax.systems.hawkeye.options import SearchOptions, default_beam

_SEARCH = {'max_rounds': 4, 'n_orders': 1, 'beam_width': int, 'seed': 0}


def _check_ground(options: Mapping[str, Any]) -> None:
  asked = {k: v for k, v in options.items() if k != 'prefetch'}
  if asked['beam_width'] is None:
    asked['beam_width'] = default_beam(1)
  SearchOptions(top_k=1, absent_below=None, **asked)


def _check_answer(options: Mapping[str, Any]) -> None:
  check_known('mode', options['mode'], MODES)
  check_known('sampling', options['sampling'], SAMPLINGS)


_CHECKS = {'ground': _check_ground, 'answer': _check_answer}

BENCHMARK_OPTIONS = {
  # Source: HawkEye `tasks/test.py`.
  'paper': BenchmarkOptions(
    ground={
      'sampling': 'paper',
      'mode': 'generate',
      'prefetch': False,
      **_SEARCH,
    },
    answer={'mode': 'generate', 'sampling': 'paper'},
    other_orders=0,
    checks=_CHECKS,
  ),
  'best': BenchmarkOptions(
    ground={
      'sampling': 'timestamp',
      'mode': 'score',
      # Many sentences are asked about each video.
      'prefetch': True,
      **_SEARCH,
    },
    answer={'mode': 'score', 'sampling': 'timestamp'},
    other_orders=2,
    checks=_CHECKS,
  ),
}
