"""The small ReVisionLLM's encoder of windows learns to say yes or no: ours.

Paper: stage 1b of arXiv 2411.14901. Each window is one row, made of its frames
  and of the words of the sentence.
Data: as for revisionllm/small_dense, and features of the sentences' words,
  which lie beside them.
Start: the dense stage; the encoder is drawn.
Command: vtg train revisionllm/small_dense --cpu-devices 2 &&
  vtg train revisionllm/small_sparse --cpu-devices 2
Deviates: the language model has not learnt to say yes or no, so it gets an
  adapter for it, which no later stage uses; and a linear head on the row says
  the same, which is what the encoder learns most from.
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 13 minutes on two busy cores of an AMD EPYC.
Expected score: of the last stage, R1@0.3 87.0 and mIoU 69.4 on 16 test videos
  of long_stories; see docs/revisionllm_small.
"""

from ml_collections import ConfigDict

from configs.revisionllm_small_recipe import (
  DENSE,
  SIZES,
  SPARSE,
  output,
  small_recipe,
  small_stage,
)


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  config = small_recipe(('sparse',), steps=1_500)
  config.start.init_from = output('dense')
  config.start.model = {**SIZES, 'levels': (SPARSE, DENSE)}
  config.start.copied = ({'name': 'sparse', 'of': 'dense'},)
  config.start.drawn = (r'clip_encoder/.*',)
  config.trainable = (r'clip_encoder/.*', r'loras/sparse/.*')
  config.batch_size = 64
  config.data.kinds.same_scene = 0.5
  config.data.wording, config.data.yes_no = 'yes_no', True
  config.data.text_tokens = 72
  return small_stage(config, arg)
