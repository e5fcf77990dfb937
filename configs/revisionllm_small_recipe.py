"""What the stages of the small ReVisionLLM share, and what makes one quick.

The small model begins from nothing: a language model that has never read, and
features of a small dual encoder in place of CLIP's.
"""

from ml_collections import ConfigDict

from configs.quick_run import check_argument, make_quick
from configs.small_run import small_run

# What python -m vtg_jax.systems.revisionllm.write_chapters writes.
POOL = 'data/revisionllm/chapters'
# As wide as the small dual encoder's features.
SIZES = {
  'features_width': 96,
  'clip_encoder': {'width': 96, 'mlp_hidden': 384},
  'llm': {'lora': {'rank': 16, 'alpha': 32.0}},
  'n_frames': 24,
  'window_s': 24.0,
  'fps': 2.0,
}
DENSE = {'name': 'dense', 'lora': 'dense', 'n_windows': None}
SPARSE = {'name': 'sparse', 'lora': 'sparse', 'n_windows': 1}
LONG = tuple(
  {'name': f'long_{n}', 'lora': f'long_{n}', 'n_windows': n} for n in (33, 12)
)


def output(stage: str) -> str:
  """Where `vtg train` leaves the model of a stage."""
  return f'out/revisionllm/small_{stage}/model'


def small_recipe(levels: tuple[str, ...], *, steps: int) -> ConfigDict:
  """Returns what the stages of the small model share.

  Args:
    levels: Names of those that are trained.
    steps: How many.
  """
  return small_run(
    {
      'system': 'revisionllm',
      'task': 'hinted',
      'batch_size': 16,
      'steps': steps,
      'start': {
        'init_from': None,
        'preset': None,
        'model': {},
        'copied': (),
        'drawn': (),
        'tokenizer': None,
      },
      'levels': levels,
      'optimiser': {'groups': ()},
      'data': {
        'chapters': ({'folder': POOL, 'chapters_a_video': 8},),
        'hints': True,
        'negatives': {'share': 1.0, 'every': 0},
        'kinds': {
          'random': 1.0,
          'hard': 0.0,
          'same_scene': 0.0,
          'n_hardest': 5,
          'strides': 5,
          'frames_compared': 16,
        },
        'sequence': {
          'zoom': 1,
          'fewest': 1,
          'most': 5,
          'absent': True,
          'place': 'in_time',
        },
        'wording': 'as_written',
        'yes_no': False,
        'text_tokens': 64,
        'query_words': 16,
      },
    }
  )


def small_stage(config: ConfigDict, arg: str) -> ConfigDict:
  """Returns a stage, as quick as `arg` asks; what it has of its own stays.

  Raises:
    ValueError: another argument than '' or 'quicktest'.
  """
  check_argument(arg)
  if not arg:
    return config
  levels = tuple(
    {**level, 'n_windows': level['n_windows'] and min(level['n_windows'], n)}
    for n, level in enumerate(config.start.model.levels, start=5)
  )
  config.start = {
    'init_from': None,
    'preset': 'small',
    'model': {
      'levels': levels,
      'llm': {'n_layers': 2, 'lora': {'rank': 4, 'alpha': 8.0}},
      'n_frames': 8,
      'window_s': 16.0,
    },
    'copied': (),
    'drawn': (),
    'tokenizer': None,
  }
  # Features that no encoder has computed, of few chapters.
  made_up = {'folder': None, 'n_chapters': 24, 'n_items': 256}
  config.data.chapters = ({**made_up, 'chapters_a_video': 3},)
  config.data.sequence.most = 2
  make_quick(config)
  return config
