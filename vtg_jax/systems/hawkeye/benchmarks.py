"""How HawkEye is asked on benchmarks."""

from vtg_jax.systems.grounder import BenchmarkOptions

_SEARCH = {'max_rounds': 4, 'n_orders': 1, 'beam_width': None, 'seed': 0}

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
  ),
}
