"""NExT-GQA: which parts of a video answer a question.

Paper: HawkEye (arXiv 2403.10228), zero-shot: mIoU 25.7, R@1 0.3/0.5 of
  37.0/19.5. The paper's figures, not ours.
Command: vtg evaluate next_gqa annotations=nextgqa.json videos=nextqa \
  --model DIR
Data: a list of {"video", "question", "answer": [[start, end], ...], "qid"},
  and NExT-QA's videos. The best of several true spans counts.
Hardware, time, our score: not yet run.
"""

import ml_collections


def get_config(arg: str = '') -> ml_collections.ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 sentences."""
  quick = arg == 'quicktest'
  config = ml_collections.ConfigDict()
  config.benchmark = 'grounding'
  config.title = 'NExT-GQA'
  config.format = 'json'
  config.annotations = ''
  config.videos = ''
  config.first = 8 if quick else None
  config.resize = 'pil'
  config.search = {
    'sampling': 'paper',
    'mode': 'generate',
    'max_rounds': 4,
    'n_orders': 1,
    'beam_width': None,
    'prefetch': False,
    'seed': 0,
  }
  config.other_orders = 0
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}
  return config
