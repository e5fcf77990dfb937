"""Stage 3: instruction tuning on all tasks.

Paper: Grounded-VideoLLM, arXiv 2410.03290, multi-task instruction tuning.
Data: the released mix_sft.json and the videos it names below
  data/grounded_videollm.
Start: stage 2 of the same language model.
Command: vtg train grounded_videollm/stage3; stage3:llama3 for Llama-3
Hardware: the paper has 8 A100 of 80 GB with 12 samples each.
Wall time: not yet run.
Expected score (Phi-3.5, R@1 at IoU 0.3/0.5/0.7, mIoU), the released figures:
  Charades-STA 54.2/36.4/19.7, 36.8; ActivityNet-Captions 46.2/30.3/19.0,
  36.1; NExT-GQA Acc@GQA 26.7. Not yet run here; for Llama-3 none are
  published.
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
  config = recipe(llm, max_text_tokens=2048, mixture='mix_sft')
  config.batch_size = 96  # 8 GPUs x 12
  config.epochs = 1.0
  config.start.init_from = output('stage2', arg)
  config.start.tuned = True
  return quicktest(config) if quick else config
