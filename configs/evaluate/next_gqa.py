"""NExT-GQA: which parts of a video answer a question.

Paper: HawkEye (arXiv 2403.10228), zero-shot: mIoU 25.7, R@1 0.3/0.5 of
  37.0/19.5. The paper's figures, not ours.
Command: vtg evaluate next_gqa annotations=nextgqa.json videos=nextqa \
  --model DIR
Data: a list of {"video", "question", "answer": [[start, end], ...], "qid"},
  and NExT-QA's videos. The best of several true spans counts.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import grounding_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 sentences."""
  return grounding_recipe('NExT-GQA', 'json', arg)
