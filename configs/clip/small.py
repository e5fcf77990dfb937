"""The small dual encoder learns frames and the sentences true of them: ours.

Paper: none; CLIP (arXiv 2103.00020) learns from pairs of the web, with the same
  loss. Here each frame also tells colour, shape and action in each of its
  quarters, and each sentence its own; see `vtg_jax.systems.clip.training`.
Data: none on disk; stories of the training split are drawn while it trains.
Command: vtg train clip/small --cpu-devices 2
  The trained folder, out/clip/small/model, is what vtg index --model takes,
  and what a ReVisionLLM's folder holds as frame_encoder.
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 28 minutes on two busy cores of an AMD EPYC.
Expected score: in training, 93 % of the frames find their sentence among 96.
"""

from ml_collections import ConfigDict

# As the chapters of long stories: every event is long enough to be asked for.
STORIES = {
  'preset': 'standard',
  'knobs': {
    'duration_s': (30.0, 60.0),
    'fps': 4.0,
    'n_events': (5, 9),
    'event_frac': (0.07, 0.25),
  },
  'n_stories': 1_000_000,
}


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  if arg not in ('', 'quicktest'):
    raise ValueError(
      f'get_config knows no argument {arg!r}; leave it out or use quicktest'
    )
  config = ConfigDict(
    {
      'system': 'clip',
      'task': 'hinted',
      'seed': 42,
      'batch_size': 16,
      'accumulate': 1,
      'steps': 6_000,
      'epochs': None,
      'warmup_steps': 300.0,
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
        'tokenizer': None,
      },
      'trainable': (r'.*',),
      'compute': {'dtype': 'float32', 'attention': 'auto', 'remat': False},
      'save_dtype': 'float32',
      'notice': '',
      'optimiser': {
        'peak': 1.5e-3,
        'floor': 0.02,
        'betas': (0.9, 0.98),
        'epsilon': 1e-8,
        'weight_decay': 0.02,
        'clip_norm': 1.0,
      },
      'data': {
        'stories': (STORIES,),
        'n_pairs': 6,
        'n_others': 2,
        # The longest sentence of the stories has 13.
        'text_tokens': 16,
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
  return _quicktest(config) if arg else config


def _quicktest(config: ConfigDict) -> ConfigDict:
  config.batch_size, config.steps, config.warmup_steps = 4, 4, 1.0
  config.log_every, config.checkpoint_every = 1, 2
  config.start.model = {
    'image': {'n_layers': 1, 'image_size': 16},
    'text': {'n_layers': 1},
  }
  config.data.stories = ({'preset': 'easy', 'n_stories': 64},)
  config.data.n_pairs, config.data.n_others = 2, 1
  config.data.loader.n_workers = 0
  config.notice = 'a few steps of a tiny model: its answers mean nothing'
  return config
