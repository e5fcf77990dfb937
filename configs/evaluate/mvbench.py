"""MVBench: twenty tasks of multiple-choice questions about short videos.

Paper: HawkEye (arXiv 2403.10228), zero-shot: accuracy 47.55, the mean over
  the tasks; VideoChat2 51.1. Grounded-VideoLLM (arXiv 2410.03290), README:
  59.4, and 60.0 with grounding data of the benchmarks in its training. The
  papers' figures, not ours.
Command: vtg evaluate mvbench annotations=MVBench/json videos=MVBench/video \
  --model DIR
Data: one JSON file a task, and the folders of videos that the tasks come from.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import questions_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 questions."""
  config = questions_recipe('mvbench', 'MVBench', arg)
  # Names as in 'Action Sequence'; all twenty when empty.
  config.tasks = []
  return config
