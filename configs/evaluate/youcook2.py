"""YouCook2, told: all steps of a recipe, when and in what words.

Paper: TimeChat (arXiv 2312.02051), zero-shot and fine-tuned: SODA_c 1.2 and
  3.4, CIDEr 3.4 and 11.0, F1 12.6 and 19.5. Seq2Time (arXiv 2411.16932), its
  own zero-shot baseline and with all of it: SODA_c 1.0 and 1.3, CIDEr 2.9 and
  4.2, F1 12.7 and 16.2. The papers' figures, not ours; their F1 is the mean
  over videos.
Command: vtg evaluate youcook2 annotations=youcookii_annotations_trainval.json \
  videos=YouCook2 --model DIR
Data: the released annotation file, or the one of TimeChat's evaluation, and
  the videos. METEOR and CIDEr need the extra `captions` and Java.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import captions_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' has the first 8 videos told."""
  config = captions_recipe('YouCook2, told', arg)
  config.benchmark = 'youcook2'
  config.annotations = ''
  config.videos = ''
  # Of the released file, which has 'training' as well.
  config.subset = 'validation'
  return config
