"""Makes an experiment small enough to try anywhere, without any file."""

from ml_collections import ConfigDict


def quicktest(config: ConfigDict) -> ConfigDict:
  """Returns the config with few steps, a tiny network and drawn data.

  What a stage has of its own stays: what trains, the optimiser, the crops.
  """
  config.batch_size = 4
  config.steps, config.epochs = 4, None
  config.warmup_steps, config.warmup_epochs = 1.0, None
  config.log_every, config.checkpoint_every = 1, 2
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
  config.data.loader.n_workers = 0
  config.notice = 'a few steps of a tiny model: its answers mean nothing'
  return config
