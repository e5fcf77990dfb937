"""VidChapters-7M: where the chapter of a title is in a long video.

Paper: ReVisionLLM (arXiv 2411.14901), VidChapters-7M: R1@.3/.5/.7/.9 of
  33.8/27.4/21.8/15.2. The paper's figures, not ours.
Command: vtg evaluate vidchapters annotations=chapters_test.json \
  features=clip_features --model DIR
  format=chapters annotations=chapters_vmr_test.jsonl reads the lines.
Data: chapters_test.json, and a folder with the features of each video as .npy;
  or videos=DIR.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import long_moments_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 sentences."""
  return long_moments_recipe('VidChapters-7M', 'moments', 2.0, arg)
