"""A small HawkEye learns to ground in ShapeStories: ours, on a laptop CPU.

Paper: none; the network is HawkEye's with small numbers. As in the paper the
  video encoder is frozen; the rest has nothing to start from, so all of it
  trains.
Data: none on disk; stories of the training split are drawn while it trains.
  Declared deviations: most samples show an interval of the search that right
  answers lead to, with the search's own frames and prompt; a share asks for
  the sentence; hints tell what is asked, where it is seen and when
  (`vtg_jax.systems.hawkeye.frame_hints`).
Command: vtg train hawkeye/small_cells &&
  vtg train hawkeye/small_tokens && vtg train hawkeye/small
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 55 minutes on 2 cores of an AMD EPYC that did other work, too.
Expected score: `vtg evaluate shape_stories`: mIoU 61.6 (61.0 to 62.3), R@1 at
  IoU 0.3/0.5/0.7 of 97.3/81.2/29.3; see docs/hawkeye_small.
"""

from ml_collections import ConfigDict

from configs.hawkeye.small_cells import small_quicktest, small_recipe
from configs.quick_run import check_argument


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  check_argument(arg)
  config = small_recipe()
  config.task = 'hinted_answers'
  config.steps = 12_000
  config.compute.remat = True  # also faster, on a CPU
  config.start.preset = None
  config.start.init_from = 'out/hawkeye/small_tokens/model'
  config.trainable = (r'qformer/.*', r'projector/.*', r'llm/.*')
  # As the evaluation has it.
  config.first_slot = 'bos'
  config.save_dtype = 'float16'
  config.data.stories = (
    {
      'preset': 'standard',
      'n_stories': 1_000_000,
      'draw_size': 32,
      'caption_share': 0.2,
    },
  )
  config.data.label_grid = 2
  config.data.clip.view_share = 0.7
  config.data.clip.frame_choice = 'timestamp'
  config.data.clip.shuffle = 'every_time'
  return small_quicktest(config) if arg else config
