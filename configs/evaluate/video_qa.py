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

from ml_collections import ConfigDict

from configs.evaluate_recipe import questions_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 questions."""
  config = questions_recipe('questions', 'video QA', arg)
  # Whether items with 'start' and 'end' are asked about that clip only.
  config.clip = True
  return config
