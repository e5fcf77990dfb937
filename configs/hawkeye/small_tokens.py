"""The small HawkEye's video tokens learn to tell of a frame each: ours.

Paper: none; the paper starts from a pretrained Q-Former. Here every video token
  names colour, shape and action in a quarter of one frame; see
  `vtg_jax.systems.hawkeye.cell_warmup`. The video encoder is frozen.
Data: none on disk; stories of the training split are drawn while it trains,
  as the search would show them.
Command: vtg train hawkeye/small_cells && vtg train hawkeye/small_tokens
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 8 minutes on 2 cores of an AMD EPYC that did other work, too.
Expected score: the tokens name 3.1 % of the actions, 2.3 % of the colours and
  4.7 % of the shapes wrongly, in training.
"""

from ml_collections import ConfigDict

from configs.hawkeye.small_cells import small_quicktest, small_recipe
from configs.quick_run import check_argument


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  check_argument(arg)
  config = small_recipe()
  config.task = 'tokens'
  config.steps = 6000
  config.start.preset = None
  config.start.init_from = 'out/hawkeye/small_cells/model'
  config.trainable = (r'qformer/.*', r'projector/.*')
  config.data.stories = (
    {'preset': 'standard', 'n_stories': 1_000_000, 'draw_size': 32},
  )
  config.data.clip.view_share = 0.7
  config.data.clip.frame_choice = 'timestamp'
  config.data.label_grid = 2
  return small_quicktest(config) if arg else config
