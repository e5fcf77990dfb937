"""ShapeStories, told: all events of a generated video, when and in what words.

Our own benchmark, in no paper; the videos are those of `shape_stories`.
Command: vtg evaluate told_stories --model DIR
  vtg evaluate told_stories words=published
Data: made by the command, as with `shape_stories`.
Hardware: 2 cores of an AMD EPYC. Time: 2 minutes for seeds=2000000:2000200.
Score of the shipped Grounded-VideoLLM there: SODA_c by words 35.3, F1 46.6.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import captions_recipe, stories_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' watches two videos."""
  config = captions_recipe('ShapeStories, told', arg)
  config.benchmark = 'told_stories'
  stories_recipe(config, arg)
  config.protocol = 'best'
  # Needs neither an extra nor Java; the sentences are few and plain.
  config.words = 'overlap'
  return config
