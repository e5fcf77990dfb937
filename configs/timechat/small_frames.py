"""The small TimeChat's video tokens learn to tell of a frame each: ours.

Paper: none; the paper starts from EVA-CLIP and a pretrained Q-Former. Here each
  video token names colour, shape and action that its frame shows, and the first
  digits of where in the whole that is; see `vtg_jax.systems.timechat.
  frame_hints`.
Start: the image encoder of clip/small, which stays as it is.
Data: none on disk; sequences of frames of different stories, and stories, are
  drawn while it trains.
Command: vtg train timechat/small_frames --cpu-devices 2
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 7 minutes on 2 cores of an AMD EPYC that did other work, too.
Expected score: none of its own; see docs/timechat_small.
"""

from ml_collections import ConfigDict

from configs.quick_run import check_argument
from configs.timechat_small_recipe import small_quicktest, small_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  check_argument(arg)
  config = small_recipe()
  config.task = 'frames'
  config.start.image_encoder = 'out/clip/small/model'
  config.steps, config.batch_size = 2_000, 4
  config.trainable = (
    r'vision_norm/.*', r'qformer/.*', r'video_qformer/.*', r'projector/.*',
  )  # fmt: skip
  config.data.drawn_clips = ()
  return small_quicktest(config) if arg else config
