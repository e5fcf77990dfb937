"""Long ShapeStories: a few seconds to find in half an hour to two hours.

Our own benchmark, in no paper. The test videos are the seeds from 9,800,000
on; scores are calibrated on seeds from 9,700,000 on, which are scored nowhere.
Command: vtg evaluate long_stories --model DIR
  vtg evaluate long_stories difficulty=hard minutes=30:40
Data: frames are drawn when a system asks for them, at `size`, which must be
  that of the model's frames; files=true reads MP4 files, which the command
  makes and keeps in `cache`.
Hardware, time, our score: docs/revisionllm_small has those of 16 of the videos,
  on two cores of an AMD EPYC; unseen combinations and difficulty not yet run.
"""

import ml_collections

from configs.evaluate_recipe import long_recipe, stories_recipe


def get_config(arg: str = '') -> ml_collections.ConfigDict:
  """Returns the config; 'quicktest' watches two videos of two minutes."""
  quick = arg == 'quicktest'
  config = ml_collections.ConfigDict()
  config.benchmark = 'long_stories'
  config.title = 'Long ShapeStories'
  stories_recipe(config, arg)
  config.seeds = '9800000:9800001' if quick else '9800000:9800020'
  # Shortest and longest video, LEAST:MOST; '' keeps half an hour to two hours.
  config.minutes = '2:2' if quick else ''
  config.files = False
  config.size = 32
  # Scores are calibrated on these; '' leaves it out.
  config.calibration_seeds = '9700000:9700001' if quick else '9700000:9700020'
  # Further videos, asked about objects in actions that training never shows
  # them in; '' leaves them out.
  config.unseen_seeds = '' if quick else '9800000:9800010'
  # Further videos of another difficulty, a domain of its own; '' leaves them
  # out.
  config.other_difficulty = '' if quick else 'hard'
  config.other_seeds = '' if quick else '9800000:9800010'
  # Ask also for what does not happen.
  config.absent = True
  # Most sentences of a video that happen, and most that do not; null for all.
  config.most_asked = None
  config.first = None
  long_recipe(config)
  return config
