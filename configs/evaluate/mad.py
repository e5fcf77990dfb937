"""MAD: when a sentence of an audio description happens in a whole film.

Paper: ReVisionLLM (arXiv 2411.14901), MAD test: R1@.1/.3/.5 of 15.0/11.0/5.8,
  R5 of 25.1/18.8/10.5; the order of the released passes, which protocol=paper
  runs: 17.3/12.7/6.7 and 31.4/23.5/13.1. The papers' figures, not ours.
Command: vtg evaluate mad annotations=MAD_test.json \
  features=CLIP_L14_frames_features_5fps.h5 --model DIR
  protocol=best search.search=top_down searches the paper's way.
Data: MAD_test.json and the features of frames, H5 or LMDB; the films are not
  released. Sentences are encoded by the model's own CLIP ViT-L/14.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import long_moments_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 sentences."""
  return long_moments_recipe('MAD', 'moments', 5.0, arg)
