"""Instruction tuning: the third stage, from VideoChat2's second.

Paper: HawkEye, arXiv 2403.10228, instruction tuning on HawkEye-IT.
Data: data/HawkEye-IT as released on Hugging Face, videos in data/videos/NAME
  as in the released configs/instruction_data.py. conversation_videochat2 and
  vqa_ego_qa stand in that file's mix and are defined nowhere, so that it ends
  in a KeyError; they are left out. The others are concatenated, so a data set
  counts by its size.
Start: vtg convert hawkeye vicuna-7b-v0/ umt_l16_qformer.pth
  videochat2_7b_stage2.pth --tokenizer bert-base-uncased/vocab.txt
  --config stage2 --out checkpoints/videochat2_stage2
Command: vtg train hawkeye/instruction_tuning
Hardware: the paper has 8 GPUs of 80 GB with 2 samples each.
Wall time: not yet run.
Expected score (zero-shot, mIoU / R@1 at 0.3 / 0.5 / 0.7), the paper's figures:
  Charades-STA 33.7/50.6/31.4/14.5, ActivityNet-Captions 32.7/49.1/29.3/10.7.
  Not yet run here.
"""

from ml_collections import ConfigDict

from configs.hawkeye_recipe import DATA, LORA, recipe
from configs.quick_run import check_argument
from configs.quicktest import quicktest

# Folder below DATA/video -> folder below data/videos.
MIX = {
  'caption/textvr': 'textvr',
  'caption/videochat': 'webvid',
  'caption/webvid': 'webvid',
  'caption/youcook2': 'youcook2',
  'classification/k710': 'kinetics',
  'classification/ssv2': 'ssv2',
  'conversation/videochat1': 'webvid',
  'conversation/videochatgpt': 'activitynet',
  'reasoning/next_qa': 'nextqa',
  'reasoning/clevrer_qa': 'clevrer',
  'reasoning/clevrer_mc': 'clevrer',
  'vqa/tgif_frame_qa': 'tgif',
  'vqa/tgif_transition_qa': 'tgif',
  'vqa/webvid_qa': 'webvid',
  'temporal/internvid_grounding': 'internvid-g',
  'temporal/internvid_caption': 'internvid-g',
}


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  check_argument(arg)
  config = recipe()
  config.batch_size = 16  # 8 GPUs x 2
  config.epochs = 3.0
  config.start.init_from = 'checkpoints/videochat2_stage2'
  config.start.model = {'llm': {'lora': LORA}}
  config.start.reinit_projector = True
  config.data.files = tuple(
    {
      'name': folder.replace('/', '_').removeprefix('temporal_'),
      'kind': 'items',
      'annotations': f'{DATA}/video/{folder}/train.json',
      'videos': f'data/videos/{videos}',
    }
    for folder, videos in MIX.items()
  )
  return quicktest(config) if arg else config
