"""ActivityNet-Captions, told: all events of a video, when and in what words.

Paper: Grounded-VideoLLM (arXiv 2410.03290), README: SODA_c 6.0 and METEOR 6.8,
  6.6 and 6.5 with ActivityNet among the training data. The paper's figures,
  not ours.
Command: vtg evaluate activitynet_captions videos=ActivityNet --model DIR \
  annotations='["val_1.json", "val_2.json"]'
Data: the annotation files, of which each is another person's, and the videos
  or folders of frames. METEOR and CIDEr need the extra `captions` and Java.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import captions_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' has the first 8 videos told."""
  config = captions_recipe('ActivityNet-Captions, told', arg)
  config.benchmark = 'captions'
  # A file, or a list with one for each person who told the videos.
  config.annotations = None
  config.videos = ''
  return config
