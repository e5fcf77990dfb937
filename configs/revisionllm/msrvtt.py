"""Text-to-video retrieval: whether a clip shows what is said.

Paper: ReVisionLLM, arXiv 2411.14901, MSR-VTT: a clip is shown as one window of
  100 frames, and asked for yes or no. data.yes_no=false answers yes or
  'Not Present'.
Data: MSRVTT_data.json, MSRVTT_train.9k.csv and features of all frames of each
  clip, below data/revisionllm/msrvtt.
Start: as for the dense stage of MAD.
Command: vtg train revisionllm/msrvtt
Hardware: nothing is published; the numbers are those of MAD's dense stage.
Wall time: not yet run.
Expected score: MSR-VTT R@1 49.1 with all levels (paper).
"""

from ml_collections import ConfigDict

from configs.revisionllm_recipe import (
  DATA,
  DENSE,
  VTIMELLM,
  Scale,
  chosen_scale,
  quicktest,
  recipe,
)

FILES = {
  'name': 'MSR-VTT',
  'annotations': f'{DATA}/msrvtt/MSRVTT_data.json',
  'kind': 'msrvtt',
  'clips': f'{DATA}/msrvtt/MSRVTT_train.9k.csv',
  'frames': f'{DATA}/msrvtt/clip_l14_all_frames',
  'fps': 30.0,
  'queries': f'{DATA}/msrvtt/clip_text_features.lmdb',
  'wording': 'video',
}


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' for the batch of MAD's script, 'paper' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  scale = chosen_scale(arg, script=Scale(1024), paper=Scale(128))
  config = recipe(scale, epochs=5.0, levels=('dense',), files=FILES)
  config.start.init_from = VTIMELLM
  config.start.model = {'levels': (DENSE,), 'n_frames': 100, 'fps': 30.0}
  config.trainable = (r'loras/dense/.*',)
  config.data.shown = 'videos'
  config.data.yes_no = True
  return quicktest(config) if arg == 'quicktest' else config
