"""Charades-STA: when a sentence happens in a video of a home.

Paper: HawkEye (arXiv 2403.10228), zero-shot and fine-tuned rows of its main
  table: mIoU 33.7 and 49.3, R@1 0.3/0.5/0.7 of 50.6/31.4/14.5 and
  72.5/58.3/28.8. Grounded-VideoLLM (arXiv 2410.03290), README: mIoU 36.8, R@1
  54.2/36.4/19.7, an IoU equal to the threshold counted; 49.4 and
  70.2/55.9/33.2 with the benchmark's training set. TimeChat (arXiv 2312.02051),
  zero-shot and fine-tuned: R@1 0.5/0.7 of 32.2/13.4 and 46.7/23.7. Seq2Time
  (arXiv 2411.16932), its own zero-shot baseline and with all of it: 27.2/11.7
  and 31.2/13.7. The papers' figures, not ours.
Command: vtg evaluate charades_sta annotations=charades_sta_test.txt \
  videos=Charades_v1_480 --model DIR
  A released TimeChat is asked its zero-shot question; search.template= another.
Data: charades_sta_test.txt (3720 sentences) and the 480p videos.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import grounding_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 sentences."""
  return grounding_recipe('Charades-STA', 'charades_sta', arg)
