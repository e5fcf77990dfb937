"""A small TimeChat learns time from sequences, as Seq2Time does: ours.

Paper: arXiv 2411.16932, in miniature. The network is TimeChat's with small
  numbers. It has nothing to start from, so all of it trains.
Data: none on disk; stories, sequences of their frames and sequences of their
  events are drawn while it trains. Every variant takes as many steps of as many
  samples; what is left out gives its share to the rest.
Command: vtg train timechat/small --cpu-devices 2
  timechat/small:baseline     videos only, plain numbers
  timechat/small:images       videos and image sequences
  timechat/small:plain        all data, plain numbers
  timechat/small:no_iig       without image index grounding; no_iic, no_alr
Hardware: 2 CPU cores, or any one accelerator.
Wall time: not yet run.
Expected score: not yet run.
"""

from ml_collections import ConfigDict

# One thing at a time, so that a caption says all that is to be seen.
_KNOBS = {'max_concurrent': 1, 'n_events': (1, 2)}
_N_STORIES = 1_000_000
# Samples of each kind that an epoch is put together from.
_N = 100_000
VARIANTS = ('', 'baseline', 'images', 'plain', 'no_iig', 'no_iic', 'no_alr')


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: one of VARIANTS, or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  if arg not in (*VARIANTS, 'quicktest'):
    raise ValueError(
      f'{arg!r} is no variant; use one of {", ".join(VARIANTS[1:])}, quicktest'
    )
  config = _recipe()
  if arg in ('baseline', 'images'):
    config.data.drawn_clips = ()
  if arg == 'baseline':
    config.data.drawn_images = ()
  if arg in ('baseline', 'plain'):
    config.data.places = 'plain'
    config.data.qformer_time_format = 'seconds'
  if arg.startswith('no_'):
    (images,) = config.data.drawn_images
    rule = dict(images['rule'])
    for name in ('n_iig', 'n_iic', 'n_alr'):
      rule[name] = 0 if name == f'n_{arg[3:]}' else _N * 3 // 2
    config.data.drawn_images = ({**images, 'rule': rule},)
  return _quicktest(config) if arg == 'quicktest' else config


def _recipe() -> ConfigDict:
  return ConfigDict(
    {
      'system': 'timechat',
      'task': 'answers',
      'seed': 42,
      'batch_size': 16,
      'accumulate': 1,
      'steps': 15_000,
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
        'model': {},
        'tokenizers': None,
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
            'n_grounding': 3,
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
              'n_iig': _N,
              'n_iic': _N,
              'n_alr': _N,
              'n_images': 32,
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
              'n_grounding': _N,
              'n_dense': _N,
              'n_frames': 32,
              'n_clips': (2, 6),
            },
            'weight': 0.25,
          },
        ),
        'row_tokens': 960,
        'time_tokens': 20,
        'places': 'codes',
        'qformer_time_format': 'relative_text',
        'time_tokenizer': 'own',
        'sampling': 'rand',
        'random_crop': False,
        'max_asked': 0,
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


def _quicktest(config: ConfigDict) -> ConfigDict:
  """Makes it quick: a few steps of a tiny network on short sequences."""
  config.batch_size = 4
  config.steps, config.warmup_steps = 4, 1.0
  config.log_every, config.checkpoint_every = 1, 2
  config.start.model = {
    'encoder': {'n_layers': 2},
    'qformer': {'n_layers': 2},
    'llm': {'n_layers': 2},
    'n_frames': 8,
  }
  (images,), (clips,) = config.data.drawn_images, config.data.drawn_clips
  config.data.drawn_images = (
    {**images, 'rule': {**images['rule'], 'n_images': 8}},
  )
  config.data.drawn_clips = (
    {**clips, 'rule': {**clips['rule'], 'n_frames': 8, 'n_clips': (2, 2)}},
  )
  config.data.row_tokens = 640
  config.data.loader.n_workers = 0
  config.notice = 'a few steps of a tiny model: its answers mean nothing'
  return config
