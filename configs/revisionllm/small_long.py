"""The small ReVisionLLM's levels of 12 and of 33 windows, step by step: ours.

Paper: stage 2 of arXiv 2411.14901. The adapters of both levels begin as copies
  of the dense one; steps take turns between the levels.
Data: as for revisionllm/small_sparse; videos of about half an hour.
Start: the sparse stage.
Command: vtg train revisionllm/small_dense --cpu-devices 2 &&
  vtg train revisionllm/small_sparse --cpu-devices 2 &&
  vtg train revisionllm/small_long --cpu-devices 2
  The trained folder, out/revisionllm/small_long/model, answers once it has its
  dual encoder: cp -r out/clip/small/model
  out/revisionllm/small_long/model/frame_encoder
Deviates: one to five windows show the event, for a search looks at overlapping
  ones; sequences without the event are shown, too, and the encoder of windows
  goes on learning.
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 27 minutes on two busy cores of an AMD EPYC.
Expected score: of the last stage, R1@0.3 87.0 and mIoU 69.4 on 16 test videos
  of long_stories; see docs/revisionllm_small.
"""

from ml_collections import ConfigDict

from configs.revisionllm_small_recipe import (
  DENSE,
  LONG,
  SIZES,
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
  names = tuple(level['name'] for level in LONG)
  config = small_recipe(names, steps=2_500)
  config.start.init_from = output('sparse')
  config.start.model = {**SIZES, 'levels': (*LONG, DENSE)}
  config.start.copied = tuple({'name': name, 'of': 'dense'} for name in names)
  config.trainable = (
    r'clip_encoder/.*',
    *(rf'loras/{name}/.*' for name in names),
  )
  config.optimiser.groups = (
    {'pattern': r'clip_encoder/.*', 'multiplier': 0.3},
    {'pattern': r'(loras|heads)/.*', 'multiplier': 1.0},
  )
  config.data.chapters = ({**config.data.chapters[0], 'chapters_a_video': 40},)
  config.data.negatives.share = 0.5
  config.data.kinds.same_scene = 0.1
  return small_stage(config, arg)
