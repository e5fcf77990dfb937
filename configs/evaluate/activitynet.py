"""ActivityNet-Captions: when a sentence happens in a video of activities.

Paper: HawkEye (arXiv 2403.10228), zero-shot and fine-tuned rows of its main
  table: mIoU 32.7 and 39.1, R@1 0.3/0.5/0.7 of 49.1/29.3/10.7 and
  55.9/34.7/17.9. The paper's figures, not ours.
Command: vtg evaluate activitynet annotations=val_2.json videos=frames_fps3 \
  --model DIR
Data: the annotation file, and folders of frames at 3 a second (or videos).
Hardware, time, our score: not yet run.
"""

import ml_collections


def get_config(arg: str = '') -> ml_collections.ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 sentences."""
  quick = arg == 'quicktest'
  config = ml_collections.ConfigDict()
  config.benchmark = 'grounding'
  config.title = 'ActivityNet-Captions'
  config.format = 'activitynet'
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
