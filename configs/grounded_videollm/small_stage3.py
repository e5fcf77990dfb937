"""Stage 3 of the small Grounded-VideoLLM: all tasks, ours.

Paper: stage 3 of arXiv 2410.03290 trains what stage 2 does on a mixture of
  grounding, dense captions, referring and question answering. As there, the
  language model's own weights rest here, and adapters learn.
Data: none on disk; stories of the training split are drawn while it trains.
Command: vtg train grounded_videollm/small_stage2 --cpu-devices 2 &&
  vtg train grounded_videollm/small_stage3 --cpu-devices 2
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 18 minutes on 2 cores of an AMD EPYC that did a lot of other work.
Expected score: that of docs/grounded_videollm_small.
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
  config.steps = 1200
  config.optimiser.peak = 5e-4
  config.compute.remat = True  # also faster, on a CPU
  config.start.preset = None
  config.start.init_from = 'out/grounded_videollm/small_stage2/model'
  config.start.model = {'llm': {'lora': LORA}}
  config.trainable = (
    r'two_stream/(image|video)_projector/.*',
    r'llm/embed/.*',
    r'llm/lm_head/.*',
    r'.*/lora_[ab]',
  )
  config.save_dtype = 'float16'
  config.data.stories = (
    STORIES | {'n_grounding': 2, 'n_describe': 1, 'n_plain': 1, 'weight': 0.7},
    STORIES | {'n_grounding': 0, 'n_dense': 1, 'n_plain': 1, 'weight': 0.3},
  )
  return small_quicktest(config, arg)


LORA = {
  'rank': 8,
  'alpha': 16.0,
  'dropout': 0.0,
  'targets': ('qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj'),
}
