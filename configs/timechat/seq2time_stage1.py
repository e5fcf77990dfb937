"""Seq2Time, stage 1: sequences of images and of clips, and videos, mixed.

Paper: Seq2Time, arXiv 2411.16932, 643,000 samples once each.
Data, below data/timechat:
  sequences/recap_118k, _558k, _cc3m: LLaVA-ReCap's images, and its captions as
    captions.json; 100,000 sequences of 96 images for each of three tasks
  sequences/kinetics700: clips in folders of their actions, and captions.jsonl
    with {"video": "abseiling/x.mp4", "caption": ...}; 100,000 sequences
  TimeIT and Valley as for timechat/instruction_tuning. The paper has some
    6,000 more of the former, unnamed, and 40,000 of the latter.
  instructions/sharegpt4video_40k.jsonl and the videos it names; the paper has
    93,000 samples of them.
Start: as for timechat/instruction_tuning, and the digits' rows, which begin as
  those of plain digits. The paper does not say which; so gains are Seq2Time's.
Command: vtg train timechat/seq2time_stage1
  timechat/seq2time_stage1:plain      numbers and seconds, no digit tokens
  timechat/seq2time_stage1:images     no clips, no further captions of videos
  timechat/seq2time_stage1:no_clips   no clips
Hardware: the paper has 8 samples a step; not yet run here.
Wall time: not yet run.
Expected score: none is published for this stage.
"""

from ml_collections import ConfigDict

from configs.timechat_recipe import (
  DATA,
  quicktest,
  read_argument,
  recipe,
  tell_places_in_digits,
  videos,
)

VARIANTS = ('plain', 'images', 'no_clips')
_EACH_TASK = 100_000
_SEQUENCES = f'{DATA}/sequences'
# Every sequence is of one of the sets, which are drawn alike.
_IMAGE_SETS = ('recap_118k', 'recap_558k', 'recap_cc3m')
IMAGES = {
  'images': tuple(
    {
      'name': name,
      'images': f'{_SEQUENCES}/{name}/images',
      'captions': f'{_SEQUENCES}/{name}/captions.json',
    }
    for name in _IMAGE_SETS
  ),
  'rule': {
    'n_iig': _EACH_TASK,
    'n_iic': _EACH_TASK,
    'n_alr': _EACH_TASK,
    'n_images': 96,
    'most_rounds': 3,
    'most_words': 72,  # about 96 tokens
  },
}
CLIPS = {
  'clips': (
    {
      'name': 'Kinetics-700',
      'videos': f'{_SEQUENCES}/kinetics700',
      'captions': f'{_SEQUENCES}/kinetics700/captions.jsonl',
    },
  ),
  'rule': {
    'n_grounding': _EACH_TASK // 2,
    'n_dense': _EACH_TASK // 2,
    'n_frames': 96,
    'n_clips': (2, 10),
    'fewest_frames': 4,
    'most_rounds': 3,
    'most_sentences': 2,
  },
}
SHAREGPT4VIDEO = videos('ShareGPT4Video', 'sharegpt4video_40k.jsonl')


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or one of VARIANTS, and 'quicktest' or 'quicktest-images' for what
      is tried quickly.

  Raises:
    ValueError: another argument.
  """
  variant, quick = read_argument(arg, VARIANTS)
  config = recipe()
  config.epochs, config.warmup_share = 1.0, 0.05
  config.data.images = (IMAGES,)
  if variant != 'images':
    config.data.videos = (*config.data.videos, SHAREGPT4VIDEO)
  if variant not in ('images', 'no_clips'):
    config.data.clips = (CLIPS,)
  if variant != 'plain':
    tell_places_in_digits(config)
  return quicktest(config) if quick else config
