"""A small HawkEye on ShapeStories, from nothing, on a laptop CPU: ours.

Paper: none; the network is HawkEye's with small numbers, the data are drawn,
  and all of it trains, since there is nothing to start from.
Data: none on disk; stories of the training split are drawn while it trains.
Command: vtg train hawkeye/small
Hardware: 2 CPU cores, or any one accelerator.
Wall time: not yet run.
Expected score: not yet run.
"""

from ml_collections import ConfigDict

from configs.hawkeye_recipe import check_argument, recipe
from configs.quicktest import quicktest


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  check_argument(arg)
  config = recipe()
  config.batch_size = 32
  config.steps, config.epochs = 4000, None
  config.warmup_steps, config.warmup_epochs = 200.0, None
  config.log_every, config.checkpoint_every = 20, 500
  config.start.preset = 'small'
  config.trainable = ('.*',)
  config.compute = {'dtype': 'float32', 'attention': 'auto', 'remat': False}
  # Both as the evaluation has them.
  config.statistics = 'clip'
  config.first_slot = 'bos'
  config.save_dtype = 'float16'
  config.optimiser.peak = 1e-3
  config.optimiser.floor = 0.05
  config.optimiser.clip_norm = 1.0
  config.data.stories = (
    {'preset': 'standard', 'n_stories': 1_000_000, 'draw_size': 96},
  )
  config.data.n_frames = 12
  config.data.row_tokens = 320
  config.data.instruction_tokens = 64
  config.data.augment = {
    'size': 96,
    'crop': 'whole',
    'scale': (0.5, 1.0),
    'ratio': (3 / 4, 4 / 3),
    'flip': 'off',  # actions go left and right
  }
  config.data.clip.view_share = 0.5
  config.data.layout = 'evaluation'
  config.data.loader.n_workers = 2
  return quicktest(config) if arg else config
