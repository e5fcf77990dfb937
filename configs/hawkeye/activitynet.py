"""Fine-tuning on ActivityNet-Captions.

Paper: HawkEye, arXiv 2403.10228, the fine-tuned rows of its grounding table.
Data: data/HawkEye-IT as released, data/videos/activitynet: a
  folder of images a video, 3 a second. The released script has this.
Start: vtg convert hawkeye vicuna-7b-v0/ hawkeye.pth
  --tokenizer bert-base-uncased/vocab.txt --out checkpoints/hawkeye
Command: vtg train hawkeye/activitynet
Hardware: the paper has 2 GPUs of 80 GB with 4 samples each.
Wall time: not yet run.
Expected score (mIoU / R@1 at 0.3 / 0.5 / 0.7), the paper's figures:
  39.1/55.9/34.7/17.9. Not yet run here.
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
  config.batch_size = 8  # 2 GPUs x 4
  config.epochs = 10.0
  config.keep_every = 2000  # the paper keeps every 2000 steps
  config.start.init_from = 'checkpoints/hawkeye'
  config.data.files = (
    {
      'name': 'anetc_grounding',
      'kind': 'items',
      'annotations': f'{DATA}/video/temporal/anetc_grounding/train.json',
      'videos': 'data/videos/activitynet',
      'folder_fps': 3.0,
    },
  )
  return quicktest(config) if arg else config
