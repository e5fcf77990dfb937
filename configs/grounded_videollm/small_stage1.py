"""Stage 1 of the small Grounded-VideoLLM: its projectors learn, ours.

Paper: stage 1 of arXiv 2410.03290 trains both projectors on captions of a
  million clips, with a language model that can read. There is none here: every
  video row names colour, shape and action of what it shows instead; see
  `vtg_jax.systems.grounded_videollm.row_hints`.
Data: none on disk; stories of the training split are drawn while it trains.
Command: vtg train grounded_videollm/small_cells --cpu-devices 2 &&
  vtg train grounded_videollm/small_stage1 --cpu-devices 2
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 1 minute on 2 cores of an AMD EPYC that did other work, too.
Expected score: of the rows with an object it names 0.8 % of the actions, none
  of the colours and 3.0 % of the shapes wrongly, in training.
"""

from ml_collections import ConfigDict

from configs.grounded_videollm.small_cells import (
  STORIES,
  small_quicktest,
  small_recipe,
)


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  config = small_recipe()
  config.task = 'rows'
  config.steps, config.warmup_steps = 300, 50.0
  config.start.preset = None
  config.start.init_from = 'out/grounded_videollm/small_cells/model'
  config.trainable = (r'two_stream/(image|video)_projector/.*',)
  config.data.stories = (STORIES | {'n_grounding': 1},)
  config.data.label_grid = 2
  return small_quicktest(config, arg)
