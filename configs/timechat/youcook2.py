"""TimeChat: fine-tuning on YouCook2, told whole.

Paper: TimeChat, arXiv 2312.02051, the fine-tuned row of dense captions.
Data: instruct_dvc_1.2k_youcook2.json of TimeIT, in data/timechat/instructions,
  and the videos it names, below data/timechat/YouCook2-BB. The release has made
  them smaller first, 6 frames a second and 224 pixels; without that its scores
  are lower, its authors say.
Start: as for timechat/charades_sta.
Command: vtg train timechat/youcook2
Hardware: the release has 2 samples at a time, 8 a step; how many GPUs shared
  them it does not say.
Wall time: not yet run.
Expected score (SODA_c / CIDEr / F1, as commonly quoted): 3.4/11.0/19.5. Not yet
  run here.
"""

from ml_collections import ConfigDict

from configs.timechat_recipe import DATA, fine_tuning, videos

FILES = {
  **videos('YouCook2', 'instruct_dvc_1.2k_youcook2.json'),
  'videos': f'{DATA}/YouCook2-BB',
}


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  return fine_tuning(arg, FILES, micro_batches=1192, micro_size=2, accumulate=4)
