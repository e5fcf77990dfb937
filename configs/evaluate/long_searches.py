"""Long ShapeStories, searched in several ways: one table of scores and costs.

Our own benchmark, in no paper. Everything is asked with each search; a video's
frames are encoded once, whatever the number of searches, and no search profits
from windows that another has encoded.
Command: vtg evaluate long_searches --model DIR
  vtg evaluate long_searches most_asked=8 seeds=9800000:9800016 asks more, for
  narrower intervals: the time goes with hours of video and with sentences.
Data: frames are drawn when a system asks for them.
Hardware, time, our score: 7 minutes on two busy cores of an AMD EPYC; the table
  is in docs/revisionllm_small.
"""

import ml_collections

from configs.evaluate import long_stories


def get_config(arg: str = '') -> ml_collections.ConfigDict:
  """Returns the config; 'quicktest' watches two videos of two minutes."""
  config = long_stories.get_config(arg)
  config.title = 'Searches of Long ShapeStories'
  if arg != 'quicktest':
    config.seeds = '9800000:9800008'
    config.calibration_seeds = '9700000:9700003'
    config.most_asked = 3
  config.unseen_seeds, config.other_seeds = '', ''
  config.other_difficulty = ''
  # The first one is compared with each of the others. Options of the model's
  # `ground`, on top of those in `search`.
  config.searches = {
    'top_down': {'search': 'top_down'},
    'released': {'search': 'released'},
    'dense': {'search': 'dense'},
    'likeness': {'search': 'likeness'},
  }
  return config
