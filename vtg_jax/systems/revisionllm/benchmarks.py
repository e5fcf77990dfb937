"""How ReVisionLLM is asked on benchmarks."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.systems.grounder import BenchmarkOptions
from vtg_jax.systems.revisionllm.options import SearchOptions


def _check_ground(options: Mapping[str, Any]) -> None:
  SearchOptions(**options)


def _options(
  search: str, mode: str, rank: str, quirks: str
) -> BenchmarkOptions:
  return BenchmarkOptions(
    ground={
      'search': search,
      'mode': mode,
      'rank': rank,
      'quirks': quirks,
      'levels': int,
      'budget': None,
      'seed': 0,
    },
    # An IoU must exceed the threshold. Source: spec section 7.
    strict=True,
    checks={'ground': _check_ground},
  )


BENCHMARK_OPTIONS = {
  # What the release runs, and the published numbers come from.
  'paper': _options('released', 'generate', 'confidence', 'released'),
  'best': _options('top_down', 'score', 'both', 'clean'),
}
