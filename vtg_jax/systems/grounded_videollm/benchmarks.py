"""How Grounded-VideoLLM is asked on benchmarks."""

import functools

from vtg_jax.systems.grounded_videollm.prompt import VIDEO
from vtg_jax.systems.grounded_videollm.question_answering import WAYS
from vtg_jax.systems.grounder import BenchmarkOptions
from vtg_jax.systems.writing import BENCHMARK_DRAWS, check_benchmark

_check = functools.partial(check_benchmark, video_slot=VIDEO)


def _options(sampling: str, mode: str) -> BenchmarkOptions:
  how = {'sampling': sampling, 'mode': mode, **BENCHMARK_DRAWS}
  return BenchmarkOptions(
    ground={**how, 'template': str},
    answer={**how, 'max_tokens': int},
    dense_caption={**how, 'prompt': str, 'max_tokens': int},
    # The figures of its paper count an IoU that equals the threshold.
    strict=False,
    checks={
      'ground': _check,
      'answer': functools.partial(_check, modes=WAYS),
      'dense_caption': _check,
    },
  )


BENCHMARK_OPTIONS = {
  'paper': _options('paper', 'generate'),
  'best': _options('timestamp', 'score'),
}
