"""ActivityNet-Captions: when a sentence happens in a video of activities.

Paper: HawkEye (arXiv 2403.10228), zero-shot and fine-tuned rows of its main
  table: mIoU 32.7 and 39.1, R@1 0.3/0.5/0.7 of 49.1/29.3/10.7 and
  55.9/34.7/17.9. Grounded-VideoLLM (arXiv 2410.03290), README: mIoU 36.1, R@1
  46.2/30.3/19.0, an IoU equal to the threshold counted; 47.2 and
  64.9/47.8/30.4 with the benchmark's training set. The papers' figures, not
  ours.
Command: vtg evaluate activitynet annotations=val_2.json videos=frames_fps3 \
  --model DIR
Data: the annotation file, and folders of frames at 3 a second (or videos).
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import grounding_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 sentences."""
  return grounding_recipe('ActivityNet-Captions', 'activitynet', arg)
