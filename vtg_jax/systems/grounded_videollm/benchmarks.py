"""How Grounded-VideoLLM is asked on benchmarks."""

from vtg_jax.systems.grounder import BenchmarkOptions

# Temperature 0 takes the most probable token. Deviates: the paper's own runs
# draw at 0.2, so that no two are the same.
_DRAWS = {'temperature': 0.0, 'n_candidates': 50, 'seed': 0}


def _options(sampling: str, mode: str) -> BenchmarkOptions:
  how = {'sampling': sampling, 'mode': mode, **_DRAWS}
  return BenchmarkOptions(
    ground={**how, 'template': None},
    answer={**how, 'max_tokens': None},
    dense_caption={**how, 'prompt': None, 'max_tokens': None},
    # The figures of its paper count an IoU that equals the threshold.
    strict=False,
  )


BENCHMARK_OPTIONS = {
  'paper': _options('paper', 'generate'),
  'best': _options('timestamp', 'score'),
}
