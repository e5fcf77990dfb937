"""Stage 2: words of time, adapters and projectors learn to tell when.

Paper: Grounded-VideoLLM, arXiv 2410.03290, temporal token alignment.
Data: the released mix_grounded.json and the videos it names (InternVid-G,
  VTimeLLM's stage 2, Moment-10M) below data/grounded_videollm.
Start: stage 1 of the same language model, to which the words of time, the
  head's bias and the adapters are added.
Command: vtg train grounded_videollm/stage2; stage2:llama3 for Llama-3
Hardware: the paper has 8 A100 of 80 GB with 16 samples each.
Wall time: not yet run.
Expected score: none is published for this stage.
"""

from ml_collections import ConfigDict

from configs.grounded_videollm_recipe import (
  output,
  quicktest,
  read_argument,
  recipe,
)


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'phi3', 'llama3', or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  llm, quick = read_argument(arg)
  config = recipe(llm, max_text_tokens=4096, mixture='mix_grounded')
  config.batch_size = 128  # 8 GPUs x 16
  config.epochs = 3.0
  config.start.init_from = output('stage1', arg)
  config.start.tuned = True
  return quicktest(config) if quick else config
