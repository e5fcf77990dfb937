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

from configs.quick_run import check_argument, make_quick
from configs.small_run import small_run

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
  check_argument(arg)
  config = small_run(
    {
      'system': 'clip',
      'task': 'hinted',
      'batch_size': 16,
      'steps': 6_000,
      'warmup_steps': 300.0,
      'start': {
        'init_from': None,
        'preset': 'small',
        'model': {},
        'tokenizer': None,
      },
      'trainable': (r'.*',),
      'optimiser': {'peak': 1.5e-3, 'betas': (0.9, 0.98)},
      'data': {
        'stories': (STORIES,),
        'n_pairs': 6,
        'n_others': 2,
        # The longest sentence of the stories has 13.
        'text_tokens': 16,
      },
    }
  )
  return _quicktest(config) if arg else config


def _quicktest(config: ConfigDict) -> ConfigDict:
  config.start.model = {
    'image': {'n_layers': 1, 'image_size': 16},
    'text': {'n_layers': 1},
  }
  config.data.stories = ({'preset': 'easy', 'n_stories': 64},)
  config.data.n_pairs, config.data.n_others = 2, 1
  make_quick(config)
  return config
