"""What the stages of the small TimeChat share, and what makes one quick.

The small model begins with the image encoder of the small dual encoder, which
stands in for EVA-CLIP, and with a language model that has never read.
"""

from ml_collections import ConfigDict

from configs.quick_run import make_quick
from configs.small_run import small_run

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
  return small_run(
    {
      'system': 'timechat',
      'task': 'hinted',
      'batch_size': 8,
      'steps': 6_000,
      'start': {
        'init_from': None,
        'preset': 'small',
        'model': {'n_frames': _N_FRAMES},
        'tokenizers': None,
        'image_encoder': None,
        'drawn': (),
      },
      'trainable': (r'.*',),
      'save_dtype': 'float16',
      'optimiser': {'groups': ()},
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
      },
    }
  )


def small_quicktest(config: ConfigDict) -> ConfigDict:
  """Makes it quick: a few steps of a tiny network on short sequences."""
  config.start.preset, config.start.init_from = 'small', None
  config.start.image_encoder = None
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
  config.data.row_tokens = 480
  make_quick(config)
  return config
