"""MVBench: twenty tasks of multiple-choice questions about short videos.

Paper: HawkEye (arXiv 2403.10228), zero-shot: accuracy 47.55, the mean over
  the tasks; VideoChat2 51.1. The papers' figures, not ours.
Command: vtg evaluate mvbench annotations=MVBench/json videos=MVBench/video \
  --model DIR
Data: one JSON file a task, and the folders of videos that the tasks come from.
Hardware, time, our score: not yet run.
"""

import ml_collections


def get_config(arg: str = '') -> ml_collections.ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 questions."""
  quick = arg == 'quicktest'
  config = ml_collections.ConfigDict()
  config.benchmark = 'mvbench'
  config.title = 'MVBench'
  config.annotations = ''
  config.videos = ''
  # Names as in 'Action Sequence'; all twenty when empty.
  config.tasks = []
  config.first = 8 if quick else None
  config.resize = 'pil'
  # 'paper' or 'best': what the model's system takes where nothing is said.
  config.protocol = 'paper'
  # Options of the model's `answer`, whatever they are: answer.mode=score.
  config.answer = {}
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}
  return config
