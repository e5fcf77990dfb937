"""Long ShapeStories by searches of 0 to 4 levels, or of one kind of level.

Our own benchmark, in no paper. `python -m ablations revisionllm` asks it.
Command: vtg evaluate long_levels --model DIR
Data: frames are drawn when a system asks for them.
Hardware, time, our score: not yet run.
"""

import ml_collections

from configs.evaluate import long_searches


def get_config(arg: str = '') -> ml_collections.ConfigDict:
  """Returns the config; 'quicktest' watches two videos of two minutes."""
  config = long_searches.get_config(arg)
  config.title = 'Levels of searches of Long ShapeStories'
  if arg != 'quicktest':
    config.seeds = '9800000:9800006'
  config.searches = {
    # As many as suit the length of the video.
    'top_down': {'search': 'top_down'},
    # As the paper ranks what it finds.
    'confidence': {'search': 'top_down', 'rank': 'confidence'},
    'levels_0': {'search': 'top_down', 'levels': 0},
    'levels_1': {'search': 'dense'},
    'levels_2': {'search': 'top_down', 'levels': 2},
    'levels_3': {'search': 'top_down', 'levels': 3},
    'levels_4': {'search': 'top_down', 'levels': 4},
    'sparse': {'search': 'sparse'},
  }
  return config
