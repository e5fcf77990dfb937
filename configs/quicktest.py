"""Makes an experiment small enough to try anywhere, without any file."""

from ml_collections import ConfigDict

from configs.quick_run import make_quick


def quicktest(config: ConfigDict) -> ConfigDict:
  """Returns the config with few steps, a tiny network and drawn data.

  What a stage has of its own stays: what trains, the optimiser, the crops.
  """
  make_quick(config)
  config.epochs, config.warmup_epochs = None, None
  config.keep_every = None
  config.start = {
    'init_from': None,
    'preset': 'small',
    'tokenizers': None,
    'reinit_projector': False,
    'model': {
      'encoder': {'n_layers': 2, 'image_size': 32},
      'qformer': {'n_layers': 2},
      'llm': {'n_layers': 2},
      'n_frames': 4,
    },
  }
  config.compute = {'dtype': 'float32', 'attention': 'auto', 'remat': True}
  config.data.files = ()
  config.data.stories = ({'preset': 'easy', 'n_stories': 64, 'draw_size': 32},)
  config.data.n_frames = 4
  config.data.augment.size = 32
  config.data.row_tokens = 320
  config.data.instruction_tokens = 64
  return config
