"""How TimeChat is asked on benchmarks."""

import functools

from vtg_jax.systems.grounder import BenchmarkOptions
from vtg_jax.systems.timechat import chat, questions
from vtg_jax.systems.writing import BENCHMARK_DRAWS, check_benchmark

_check = functools.partial(check_benchmark, video_slot=chat.PLACEHOLDER)


def benchmark_options(prompts: str) -> dict[str, BenchmarkOptions]:
  """What a model is asked with, by protocol.

  As the paper asks, a released model is asked the questions of its zero-shot
  evaluation: of Charades-STA, YouCook2 and QVHighlights. The first names its
  data set; on another one give search.template. What was trained here is asked
  as in its training.

  Args:
    prompts: of the model's config.
  """
  zero_shot = {}
  if prompts == 'released':
    zero_shot = {
      task: questions.question(task, '%s', way=questions.ZERO_SHOT)
      for task in (questions.GROUNDING, questions.DENSE_CAPTIONS)
    }
  return {
    'paper': _options('paper', 'generate', zero_shot),
    'best': _options('timestamp', 'score', {}),
  }


def _options(sampling: str, mode: str, asked) -> BenchmarkOptions:
  how = {'sampling': sampling, 'mode': mode, **BENCHMARK_DRAWS, 'top_p': 1.0}
  return BenchmarkOptions(
    ground={**how, 'template': asked.get(questions.GROUNDING, str)},
    dense_caption={
      **how,
      'prompt': asked.get(questions.DENSE_CAPTIONS, str),
      'max_tokens': int,
    },
    highlights={**how, 'template': str, 'max_tokens': int},
    # The figures of its paper count an IoU that equals the threshold.
    strict=False,
    checks=dict.fromkeys(('ground', 'dense_caption', 'highlights'), _check),
  )
