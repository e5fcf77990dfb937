"""TimeChat: fine-tuning on QVHighlights.

Paper: TimeChat, arXiv 2312.02051, the fine-tuned row of video highlights.
Data: instruct_vhd_6.9k_qvhighlights.json of TimeIT and the videos it names, as
  for timechat/charades_sta.
Start: as for timechat/charades_sta.
Command: vtg train timechat/qvhighlights
Hardware: as for timechat/charades_sta.
Wall time: not yet run.
Expected score (mAP / HIT@1, as commonly quoted): 21.7/37.9. Not yet run here.
"""

from ml_collections import ConfigDict

from configs.timechat_recipe import fine_tuning, videos

FILES = videos('QVHighlights', 'instruct_vhd_6.9k_qvhighlights.json')


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  return fine_tuning(arg, FILES, micro_batches=1714)
