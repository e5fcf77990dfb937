"""How Grounded-VideoLLM is asked on benchmarks."""

from collections.abc import Mapping
from typing import Any

from vtg_jax.moments.coarse import fill_template
from vtg_jax.systems.checks import (
  MODES,
  SAMPLINGS,
  check_known,
  checked_queries,
)
from vtg_jax.systems.grounded_videollm.prompt import VIDEO
from vtg_jax.systems.grounded_videollm.question_answering import WAYS
from vtg_jax.systems.grounder import BenchmarkOptions
from vtg_jax.systems.writing import Draws, check_max_tokens

# Temperature 0 takes the most probable token. Deviates: the paper's own runs
# draw at 0.2, so that no two are the same.
_DRAWS = {'temperature': 0.0, 'n_candidates': 50, 'seed': 0}


def _check(options: Mapping[str, Any]) -> None:
  """Checks what all methods have, and of the others what is there."""
  check_known('sampling', options['sampling'], SAMPLINGS)
  Draws(*(options[name] for name in _DRAWS)).check()
  if options.get('template') is not None:
    fill_template(options['template'], '')
  if options.get('prompt') is not None:
    checked_queries(options['prompt'], VIDEO, what='prompt')
  if options.get('max_tokens') is not None:
    check_max_tokens(options['max_tokens'])


def _check_timed(options: Mapping[str, Any]) -> None:
  check_known('mode', options['mode'], MODES)
  _check(options)


def _check_answer(options: Mapping[str, Any]) -> None:
  check_known('mode', options['mode'], WAYS)
  _check(options)


def _options(sampling: str, mode: str) -> BenchmarkOptions:
  how = {'sampling': sampling, 'mode': mode, **_DRAWS}
  return BenchmarkOptions(
    ground={**how, 'template': str},
    answer={**how, 'max_tokens': int},
    dense_caption={**how, 'prompt': str, 'max_tokens': int},
    # The figures of its paper count an IoU that equals the threshold.
    strict=False,
    checks={
      'ground': _check_timed,
      'answer': _check_answer,
      'dense_caption': _check_timed,
    },
  )


BENCHMARK_OPTIONS = {
  'paper': _options('paper', 'generate'),
  'best': _options('timestamp', 'score'),
}
