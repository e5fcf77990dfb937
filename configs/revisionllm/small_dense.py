"""The small ReVisionLLM's dense level learns to tell when, or not there: ours.

Paper: stage 1a of arXiv 2411.14901, which begins with a language model that has
  read and seen videos. Here all of it is learnt from nothing, with hints; see
  `vtg_jax.systems.revisionllm.row_hints`.
Data: chapters of long ShapeStories as features of the small dual encoder, put
  together to videos while it trains, each sentence once with its event and once
  without:
  python -m vtg_jax.systems.revisionllm.write_chapters
  data/revisionllm/chapters --model out/clip/small/model --chapters 3000
  data.negatives.share=0 leaves the latter out; data.kinds.random=0
  data.kinds.same_scene=1 shows windows beside the event.
Command: vtg train revisionllm/small_dense --cpu-devices 2
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 30 minutes on two busy cores of an AMD EPYC.
Expected score: of the last stage, R1@0.3 87.0 and mIoU 69.4 on 16 test videos
  of long_stories; see docs/revisionllm_small.
"""

from ml_collections import ConfigDict

from configs.revisionllm_small_recipe import (
  DENSE,
  SIZES,
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
  config = small_recipe(('dense',), steps=10_000)
  config.start.preset = 'small'
  config.start.model = {**SIZES, 'levels': (DENSE,)}
  # The adapter, which begins as nothing, too: the other levels' are copies.
  config.trainable = (r'dense_projector/.*', r'llm/.*', r'loras/dense/.*')
  config.data.kinds.same_scene = 0.5
  return small_stage(config, arg)
