"""TimeChat: instruction tuning on videos with times.

Paper: TimeChat, arXiv 2312.02051, instruction tuning on TimeIT and Valley.
Data: instruct_time-sensitive_104k_asr.json, valley_instruct_72k.json and the
  videos they name, below data/timechat as below the release's data/. Each of
  the two gives every second sample, whatever its size.
Start: what the paper's training starts from, converted to one checkpoint:
  vtg convert timechat llama-2-7b-chat-hf eva_vit_g.pth
  instruct_blip_vicuna7b_trimmed.pth VL_LLaMA_2_7B_Finetuned.pth --config start
  --tokenizer bert-base-uncased/vocab.txt --out checkpoints/timechat_start
  Adapters are new, and its 32 positions of frames become 96.
Command: vtg train timechat/instruction_tuning
Hardware: the release has 8 GPUs with 1 sample each, four times a step.
Wall time: not yet run.
Expected score (zero-shot, as commonly quoted): YouCook2 SODA_c 1.2, CIDEr 3.4,
  F1 12.6; QVHighlights mAP 14.5, HIT@1 23.9; Charades-STA R@1 at 0.5 32.2, at
  0.7 13.4. Not yet run here.
"""

from ml_collections import ConfigDict

from configs.timechat_recipe import (
  TIMEIT,
  VALLEY,
  quicktest,
  read_argument,
  recipe,
)

# Of the release: micro-batches of an epoch, over 8 GPUs with 1 sample each.
_MICRO_BATCHES, _WARMUP = 22_000, 13_200
_ACCUMULATE = 4


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  _, quick = read_argument(arg, ())
  config = recipe()
  config.batch_size, config.accumulate = 8 * _ACCUMULATE, _ACCUMULATE
  config.steps = 3 * _MICRO_BATCHES // _ACCUMULATE
  config.warmup_steps = _WARMUP / _ACCUMULATE
  config.data.videos = ({**TIMEIT, 'weight': 1.0}, {**VALLEY, 'weight': 1.0})
  return quicktest(config) if quick else config
