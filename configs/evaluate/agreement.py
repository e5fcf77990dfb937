"""ShapeStories for several models: each alone, and what they say together.

Our own benchmark, in no paper. The scored videos are those of shape_stories;
how sure one may be of answers is learnt on other ones, of the seeds to
validate on.
Command: vtg evaluate agreement --model hawkeye_small \
    --model grounded_videollm_small --model revisionllm_small
  vtg calibrate agreement --model DIR --model DIR
Data: made by the command, as for shape_stories.
Hardware, time, score: docs/agreement.md has those of the shipped models.
"""

import ml_collections

from configs.evaluate import shape_stories


def get_config(arg: str = '') -> ml_collections.ConfigDict:
  """Returns the config; 'quicktest' watches two videos, and learns on two."""
  quick = arg == 'quicktest'
  config = shape_stories.get_config(arg)
  config.calibration_seeds = '1000000:1000002' if quick else '1000000:1000200'
  config.unseen_seeds = ''
  # Every sentence is asked once, so that seconds can be compared.
  config.other_orders = 0
  config.top_k = 1
  # Of a single model: 'isotonic' or 'temperature', and of absent sentences the
  # share that is to be answered with a moment at most.
  config.calibration = 'temperature'
  config.false_alarm_rate = 0.1
  # What the IoU of a right moment exceeds.
  config.hit_iou = 0.5
  return config
