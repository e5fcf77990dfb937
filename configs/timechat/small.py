"""A small TimeChat learns time from sequences, as Seq2Time does: ours.

Paper: arXiv 2411.16932, in miniature. The network is TimeChat's with small
  numbers. Its language model has never read, so all of it trains, with hints;
  see `vtg_jax.systems.timechat.frame_hints`.
Data: none on disk; stories, sequences of their frames and sequences of their
  events are drawn while it trains. Every variant takes as many steps of as many
  samples; what is left out gives its share to the rest.
Command: vtg train timechat/small_frames --cpu-devices 2
  vtg train timechat/small --cpu-devices 2
  timechat/small:baseline     videos only, plain numbers
  timechat/small:images       videos and image sequences
  timechat/small:images_plain the same, plain numbers
  timechat/small:plain        all data, plain numbers
  timechat/small:no_iig       without image index grounding; no_iic, no_alr
Hardware: 2 CPU cores, or any one accelerator.
Wall time: 96 minutes on 2 cores of an AMD EPYC that did other work, too; the
  variants not yet run.
Expected score: `vtg evaluate shape_stories`: mIoU 67.3 (66.5 to 68.1), R@1 at
  0.3, 0.5, 0.7: 93.6, 81.5, 53.3; see docs/timechat_small.
"""

from ml_collections import ConfigDict

from configs.timechat_small_recipe import (
  N_SAMPLES,
  small_quicktest,
  small_recipe,
)

VARIANTS = (
  '',
  'baseline',
  'images',
  'images_plain',
  'plain',
  'no_iig',
  'no_iic',
  'no_alr',
)


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: one of VARIANTS, or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  if arg not in (*VARIANTS, 'quicktest'):
    raise ValueError(
      f'{arg!r} is no variant; use one of {", ".join(VARIANTS[1:])}, quicktest'
    )
  config = small_recipe()
  config.start.preset = None
  config.start.init_from = 'out/timechat/small_frames/model'
  config.trainable = (r'video_qformer/.*', r'projector/.*', r'llm/.*')
  if arg in ('baseline', 'images', 'images_plain'):
    config.data.drawn_clips = ()
  if arg == 'baseline':
    config.data.drawn_images = ()
  if arg in ('baseline', 'images_plain', 'plain'):
    config.data.places = 'plain'
  if arg.startswith('no_'):
    (images,) = config.data.drawn_images
    rule = dict(images['rule'])
    for name in ('n_iig', 'n_iic', 'n_alr'):
      rule[name] = 0 if name == f'n_{arg[3:]}' else N_SAMPLES * 3 // 2
    config.data.drawn_images = ({**images, 'rule': rule},)
  return small_quicktest(config) if arg == 'quicktest' else config
