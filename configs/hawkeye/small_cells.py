"""The small HawkEye's video encoder learns what is where: ours.

Paper: none; the paper starts from a pretrained video encoder. Here the encoder
  names colour, shape and action in each patch of drawn frames, which is known
  of them; see `vtg_jax.systems.hawkeye.cell_warmup`.
Data: none on disk; stories of the training split are drawn while it trains.
Command: vtg train hawkeye/small_cells --cpu-devices 2
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 12 minutes on 2 cores of an AMD EPYC that did other work, too.
Expected score: of the patches with an object it names 1.6 % of the actions,
  0.6 % of the colours and 3.9 % of the shapes wrongly, in training.
"""

from ml_collections import ConfigDict

from configs.hawkeye_recipe import recipe
from configs.quick_run import check_argument
from configs.quicktest import quicktest


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  check_argument(arg)
  config = small_recipe()
  config.task = 'cells'
  config.steps = 5000
  config.trainable = (r'encoder/.*', r'vision_norm/.*')
  config.data.stories = (
    {'preset': 'standard', 'n_stories': 1_000_000, 'draw_size': 32},
  )
  config.data.clip.crop = 'whole_video'
  config.data.label_grid = 4
  return small_quicktest(config) if arg else config


def small_recipe() -> ConfigDict:
  """Returns what the stages of the small HawkEye share."""
  config = recipe()
  config.batch_size = 8
  config.epochs, config.warmup_epochs = None, None
  config.warmup_steps = 200.0
  config.log_every, config.checkpoint_every = 100, 1000
  config.start.preset = 'small'
  config.compute = {'dtype': 'float32', 'attention': 'auto', 'remat': False}
  config.statistics = 'clip'  # as the evaluation has it
  config.optimiser.peak = 1e-3
  config.optimiser.floor = 0.02
  config.optimiser.clip_norm = 1.0
  config.data.n_frames = 12
  config.data.row_tokens = 296
  config.data.instruction_tokens = 64
  config.data.augment = {
    'size': 32,
    'crop': 'whole',
    'scale': (0.5, 1.0),
    'ratio': (3 / 4, 4 / 3),
    'flip': 'swap_words',  # actions go left and right
  }
  config.data.layout = 'evaluation'
  config.data.loader.n_workers = 1
  return config


def small_quicktest(config: ConfigDict) -> ConfigDict:
  """Makes any of its stages quick, with four video tokens a frame as ever."""
  config = quicktest(config)
  config.start.model.qformer = {
    'n_layers': 2,
    'n_queries': 8,
    'n_extra_queries': 8,
  }
  return config
