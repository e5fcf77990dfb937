"""The ShapeStory in which something happens, among a hundred of them.

Our own benchmark, in no paper, after text-to-video retrieval on MSR-VTT: each
sentence is true of one of the videos. They are ranked by their best frames
alone, and by looking at the best of them closely, as `vtg search` does.
Command: vtg evaluate story_retrieval --model DIR
Data: frames are drawn when a system asks for them, at `size`, which must be
  that of the model's frames.
Hardware, time, our score: not yet run.
"""

import ml_collections

from configs.evaluate_recipe import retrieval_recipe, stories_recipe


def get_config(arg: str = '') -> ml_collections.ConfigDict:
  """Returns the config; 'quicktest' looks among four videos."""
  quick = arg == 'quicktest'
  config = ml_collections.ConfigDict()
  config.benchmark = 'story_retrieval'
  config.title = 'ShapeStories, text to video'
  stories_recipe(config, arg)
  config.seeds = '2000000:2000004' if quick else '2000000:2000100'
  config.files = False
  config.size = 32
  retrieval_recipe(config)
  if quick:
    config.closely = 2
  return config
