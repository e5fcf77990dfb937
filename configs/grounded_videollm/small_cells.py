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

from configs.quick_run import check_argument, make_quick
from configs.small_run import small_run

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
  return small_run(
    {
      'system': 'grounded_videollm',
      'task': 'answers',
      'batch_size': 8,
      'start': {
        'init_from': None,
        'preset': 'small',
        'model': None,
        'tokenizer': None,
      },
      'drop_path': False,
      'data': {
        'stories': (),
        'row_tokens': 512,
        'layout': 'side_by_side',
        'sampling': 'timestamp',  # as the evaluation has it
        'with_times': True,
        'max_asked': 0,
        'label_grid': 0,
        'n_shown_segments': None,
      },
    }
  )


def small_quicktest(config: ConfigDict, arg: str) -> ConfigDict:
  """Makes a stage as quick as `arg` asks; what it has of its own stays.

  Raises:
    ValueError: another argument than '' or 'quicktest'.
  """
  check_argument(arg)
  if not arg:
    return config
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
  make_quick(config)
  return config
