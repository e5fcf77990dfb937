"""Fine-tuning on Charades-STA.

Paper: HawkEye, arXiv 2403.10228, the fine-tuned rows of its grounding table.
Data: data/HawkEye-IT as released, data/videos/charades. The
  released config reads charades_sta_grounding-choice, the released tree says
  charades_sta_grounding; this is the tree's.
Start: vtg convert hawkeye vicuna-7b-v0/ hawkeye.pth
  --tokenizer bert-base-uncased/vocab.txt --out checkpoints/hawkeye
Command: vtg train hawkeye/charades_sta
Hardware: the paper has 2 GPUs of 80 GB with 1 sample each.
Wall time: not yet run.
Expected score (mIoU / R@1 at 0.3 / 0.5 / 0.7), the paper's figures:
  49.3/72.5/58.3/28.8. Not yet run here.
"""

from ml_collections import ConfigDict

from configs.hawkeye_recipe import DATA, recipe
from configs.quick_run import check_argument
from configs.quicktest import quicktest


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  check_argument(arg)
  config = recipe()
  config.batch_size = 2  # 2 GPUs x 1
  config.epochs = 10.0
  config.keep_every = 1000  # the paper keeps every 1000 steps
  config.start.init_from = 'checkpoints/hawkeye'
  config.data.files = (
    {
      'name': 'charades_sta_grounding',
      'kind': 'items',
      'annotations': f'{DATA}/video/temporal/charades_sta_grounding/train.json',
      'videos': 'data/videos/charades',
    },
  )
  return quicktest(config) if arg else config
