"""A list of multiple-choice questions in one JSON file: NExT-QA, STAR, TVQA.

Paper: HawkEye (arXiv 2403.10228), zero-shot: accuracy 67.93 on NExT-QA, 56.59
  on STAR, 41.10 on TVQA. The paper's figures, not ours.
Command: vtg evaluate video_qa title=NExTQA annotations=nextqa-test.json \
  videos=nextqa --model DIR
Data: a list of {"video", "question", "candidates", "answer"}; "start" and
  "end" choose a clip (TVQA) where `clip` is true, and a hidden answer (null)
  leaves predictions only.
Hardware, time, our score: not yet run.
"""

import ml_collections


def get_config(arg: str = '') -> ml_collections.ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 questions."""
  quick = arg == 'quicktest'
  config = ml_collections.ConfigDict()
  config.benchmark = 'questions'
  config.title = 'video QA'
  config.annotations = ''
  config.videos = ''
  # Whether items with 'start' and 'end' are asked about that clip only.
  config.clip = True
  config.first = 8 if quick else None
  config.resize = 'pil'
  # 'paper' or 'best': what the model's system takes where nothing is said.
  config.protocol = 'paper'
  # Options of the model's `answer`, whatever they are: answer.mode=score.
  config.answer = {}
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}
  return config
