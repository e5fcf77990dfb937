"""The small Grounded-VideoLLM's encoders learn what is where: ours.

Paper: none; the paper starts from pretrained encoders. Here both name colour,
  shape and action in each quarter of drawn frames, which is known of them; see
  `vtg_jax.systems.grounded_videollm.vision_warmup`.
Data: none on disk; stories of the training split are drawn while it trains.
Command: vtg train grounded_videollm/small_cells --cpu-devices 2
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 48 minutes on 2 cores of an AMD EPYC that did a lot of other work.
Expected score: of the quarters with an object, the image encoder names 0.3 % of
  the actions, none of the colours and 1.2 % of the shapes wrongly in training,
  the video encoder 0.7 %, 0.0 % and 3.5 %.
"""

from ml_collections import ConfigDict

# Stories of the training split, drawn at the network's size.
STORIES = {
  'preset': 'standard',
  'n_stories': 1_000_000,
  'draw_size': 32,
}


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  config = small_recipe()
  config.task = 'cells'
  config.steps = 6000
  config.trainable = (r'image_encoder/.*', r'video_encoder/.*')
  config.data.stories = (STORIES | {'n_grounding': 1},)
  config.data.label_grid = 2
  config.data.n_shown_segments = 2
  config.optimiser.peak = 1.5e-3
  return small_quicktest(config, arg)


def small_recipe() -> ConfigDict:
  """Returns what the stages of the small model share."""
  return ConfigDict(
    {
      'system': 'grounded_videollm',
      'task': 'answers',
      'seed': 42,
      'batch_size': 8,
      'accumulate': 1,
      'steps': None,
      'epochs': None,
      'warmup_steps': 200.0,
      'warmup_epochs': None,
      'log_every': 100,
      'checkpoint_every': 1000,
      'keep_last': 2,
      'keep_every': None,
      'max_skipped': 50,
      'mesh': {'data': -1, 'fsdp': 1, 'tensor': 1},
      'start': {
        'init_from': None,
        'preset': 'small',
        'model': None,
        'tokenizer': None,
      },
      'trainable': (),
      'compute': {'dtype': 'float32', 'attention': 'auto', 'remat': False},
      'drop_path': False,
      'save_dtype': 'float32',
      'notice': '',
      'optimiser': {
        'peak': 1e-3,
        'floor': 0.02,
        'betas': (0.9, 0.999),
        'epsilon': 1e-8,
        'weight_decay': 0.02,
        'clip_norm': 1.0,
      },
      'data': {
        'stories': (),
        'row_tokens': 512,
        'layout': 'side_by_side',
        'sampling': 'timestamp',  # as the evaluation has it
        'with_times': True,
        'max_asked': 0,
        'label_grid': 0,
        'n_shown_segments': None,
        'loader': {
          'n_workers': 1,
          'n_threads': 0,
          'n_buffered': 2,
          'shuffle': True,
          'max_bad_share': 0.1,
          'bad_window': 256,
        },
      },
    }
  )


def small_quicktest(config: ConfigDict, arg: str) -> ConfigDict:
  """Makes a stage as quick as `arg` asks; what it has of its own stays.

  Raises:
    ValueError: another argument than '' or 'quicktest'.
  """
  if arg not in ('', 'quicktest'):
    raise ValueError(
      f'get_config knows no argument {arg!r}; leave it out or use quicktest'
    )
  if not arg:
    return config
  config.batch_size, config.steps, config.warmup_steps = 4, 4, 1.0
  config.log_every, config.checkpoint_every = 1, 2
  layers, given = {'n_layers': 2}, config.start.model or {}
  config.start = {
    'init_from': None,
    'preset': 'small',
    'tokenizer': None,
    'model': {
      'image_encoder': layers,
      'video_encoder': layers,
      'llm': {**given.get('llm', {}), **layers},
      'n_segments': 2,
      'n_frames': 4,
    },
  }
  stories = [
    {**dict(one), 'preset': 'easy', 'n_stories': 64}
    for one in config.data.stories
  ]
  config.data.stories = tuple(stories)
  if config.data.n_shown_segments is not None:
    config.data.n_shown_segments = 1
  config.data.loader.n_workers = 0
  config.notice = 'a few steps of a tiny model: its answers mean nothing'
  return config
