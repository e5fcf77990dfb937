"""Stage 2 of the small Grounded-VideoLLM: it learns to tell when, ours.

Paper: stage 2 of arXiv 2410.03290 trains projectors, words, head and LoRA on
  grounding, dense captions and referring. The language model has not read
  before, so all of it trains, with hints; see
  `vtg_jax.systems.grounded_videollm.row_hints`. Several questions stand side
  by side after one video, each as if it were alone.
Data: none on disk; stories of the training split are drawn while it trains.
Command: vtg train grounded_videollm/small_stage1 --cpu-devices 2 &&
  vtg train grounded_videollm/small_stage2 --cpu-devices 2
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 89 minutes on 2 cores of an AMD EPYC that did a lot of other work.
Expected score: mean IoU of the likeliest moment 0.878 in training, the right
  end given the true start.
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
  config.task = 'hinted_answers'
  config.steps = 5000
  config.compute.remat = True  # also faster, on a CPU
  config.start.preset = None
  config.start.init_from = 'out/grounded_videollm/small_stage1/model'
  config.trainable = (r'two_stream/.*', r'llm/.*')
  config.data.stories = (
    STORIES | {'n_grounding': 3, 'n_describe': 1, 'weight': 0.8},
    STORIES | {'n_grounding': 1, 'n_dense': 1, 'weight': 0.2},
  )
  config.data.row_tokens = 480
  config.data.max_asked = 4
  config.data.label_grid = 2
  return small_quicktest(config, arg)
