"""Seq2Time, stage 2: videos only.

Paper: Seq2Time, arXiv 2411.16932, three passes over TimeIT and Valley.
Data: as for timechat/instruction_tuning, every sample once a pass.
Start: stage 1 of the same variant, with a new schedule and new moments.
Command: vtg train timechat/seq2time_stage2, or with a variant of stage 1
  timechat/seq2time_stage2:baseline   without stage 1, in seconds
Hardware: the paper has 8 samples a step; not yet run here.
Wall time: not yet run.
Expected score (YouCook2 SODA_c/CIDEr/F1, Charades-STA R@1 at 0.5/0.7), the
  paper's figures as others quote them: 1.3/4.2/16.2, 31.2/13.7; plain
  1.2/3.7/15.7, 29.3/12.8; baseline 1.0/2.9/12.7, 27.2/11.7. Not yet run here.
"""

from ml_collections import ConfigDict

from configs.timechat.seq2time_stage1 import VARIANTS as OF_STAGE1
from configs.timechat_recipe import (
  output,
  quicktest,
  read_argument,
  recipe,
  tell_places_in_digits,
)

BASELINE = 'baseline'
VARIANTS = (*OF_STAGE1, BASELINE)


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or one of VARIANTS, and 'quicktest' or 'quicktest-plain' for what
      is tried quickly.

  Raises:
    ValueError: another argument.
  """
  variant, quick = read_argument(arg, VARIANTS)
  config = recipe()
  config.epochs, config.warmup_epochs = 3.0, 0.6
  if variant != BASELINE:
    config.start.init_from = output('seq2time_stage1', variant)
  if variant not in ('plain', BASELINE):
    tell_places_in_digits(config)
  return quicktest(config) if quick else config
