"""TimeChat: fine-tuning on Charades-STA.

Paper: TimeChat, arXiv 2312.02051, the fine-tuned row of temporal grounding.
Data: instruct_tvg_12.4k_charades.json of TimeIT, in data/timechat/instructions,
  and the videos it names, below data/timechat as below the release's data/.
Start: TimeChat-7B as released, converted:
  vtg convert timechat llama-2-7b-chat-hf eva_vit_g.pth
  instruct_blip_vicuna7b_trimmed.pth timechat_7b.pth
  --tokenizer bert-base-uncased/vocab.txt --out checkpoints/timechat
Command: vtg train timechat/charades_sta, with
  start.init_from=out/timechat/instruction_tuning/model after one's own tuning
Hardware: the release has 1 sample at a time, 8 a step; how many GPUs shared
  them it does not say.
Wall time: not yet run.
Expected score (R@1 at 0.5 / 0.7, as commonly quoted): 46.7/23.7. Not yet run
  here.
"""

from ml_collections import ConfigDict

from configs.timechat_recipe import fine_tuning, videos

FILES = videos('Charades-STA', 'instruct_tvg_12.4k_charades.json')


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  return fine_tuning(arg, FILES, micro_batches=3102)
