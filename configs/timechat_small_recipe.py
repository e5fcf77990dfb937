"""What the stages of the small TimeChat share, and what makes one quick.

The small model begins with the image encoder of the small dual encoder, which
stands in for EVA-CLIP, and with a language model that has never read.
"""

from ml_collections import ConfigDict

# One thing at a time, so that a caption says all that is to be seen.
_KNOBS = {'max_concurrent': 1, 'n_events': (1, 2)}
_N_STORIES = 1_000_000
# There are positions for more; so many keep rows short.
_N_FRAMES = 24
# Questions of a sequence: many fill its row.
_MOST_ROUNDS = 8
# Samples of each kind that an epoch is put together from.
N_SAMPLES = 100_000


def small_recipe() -> ConfigDict:
  """Returns what the stages of the small model share: all data there are."""
  return ConfigDict(
    {
      'system': 'timechat',
      'task': 'hinted',
      'seed': 42,
      'batch_size': 8,
      'accumulate': 1,
      'steps': 6_000,
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
        'model': {'n_frames': _N_FRAMES},
        'tokenizers': None,
        'image_encoder': None,
        'drawn': (),
      },
      'trainable': (r'.*',),
      'compute': {'dtype': 'float32', 'attention': 'auto', 'remat': False},
      'save_dtype': 'float16',
      'notice': '',
      'optimiser': {
        'peak': 1e-3,
        'floor': 0.02,
        'betas': (0.9, 0.999),
        'epsilon': 1e-8,
        'weight_decay': 0.02,
        'clip_norm': 1.0,
        'groups': (),
      },
      'data': {
        'drawn_videos': (
          {
            'preset': 'standard',
            'n_stories': _N_STORIES,
            'n_grounding': 4,
            'n_dense': 1,
            'weight': 1.0,
          },
        ),
        'drawn_images': (
          {
            'preset': 'standard',
            'knobs': _KNOBS,
            'n_stories': _N_STORIES,
            'rule': {
              'n_iig': N_SAMPLES,
              'n_iic': N_SAMPLES,
              'n_alr': N_SAMPLES,
              'n_images': _N_FRAMES,
              'most_rounds': _MOST_ROUNDS,
            },
            'weight': 0.75,
          },
        ),
        'drawn_clips': (
          {
            'preset': 'standard',
            'knobs': _KNOBS,
            'n_stories': _N_STORIES,
            'rule': {
              'n_grounding': N_SAMPLES,
              'n_dense': N_SAMPLES,
              'n_frames': _N_FRAMES,
              'most_rounds': _MOST_ROUNDS,
              'n_clips': (2, 6),
            },
            'weight': 0.25,
          },
        ),
        'row_tokens': 576,
        'time_tokens': 16,
        'places': 'codes',
        'qformer_time_format': 'relative_text',
        'time_tokenizer': 'own',
        'sampling': 'even',
        'random_crop': False,
        'max_asked': 10,
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


def small_quicktest(config: ConfigDict) -> ConfigDict:
  """Makes it quick: a few steps of a tiny network on short sequences."""
  config.start.preset, config.start.init_from = 'small', None
  config.start.image_encoder = None
  config.batch_size = 4
  config.steps, config.warmup_steps = 4, 1.0
  config.log_every, config.checkpoint_every = 1, 2
  config.start.model = {
    'encoder': {'n_layers': 2},
    'llm': {'n_layers': 2},
    'n_frames': 8,
  }
  config.data.drawn_images = tuple(
    {**images, 'rule': {**images['rule'], 'n_images': 8}}
    for images in config.data.drawn_images
  )
  config.data.drawn_clips = tuple(
    {**clips, 'rule': {**clips['rule'], 'n_frames': 8, 'n_clips': (2, 2)}}
    for clips in config.data.drawn_clips
  )
  config.data.row_tokens = 400
  config.data.loader.n_workers = 0
  config.notice = 'a few steps of a tiny model: its answers mean nothing'
  return config
