"""Stage 1b: the encoder of windows learns, under the frozen dense adapter.

Paper: ReVisionLLM, arXiv 2411.14901, MAD. Each window is one row, and the
  answers are those of the dense level; the paper asks for yes or no:
  data.wording=yes_no data.yes_no=true.
Data: as for the dense stage, and features of the sentences' words.
Start: the dense stage; the encoder is drawn.
Command: vtg train revisionllm/dense && vtg train revisionllm/sparse
Hardware: the script has 4 A40 with 32 samples each, twice a step; the paper
  says 32 samples a step, and learning rate 1e-3 in its text, 1e-4, which the
  script has, in its supplement.
Wall time: not yet run.
Expected score: none is published for this stage.
"""

from ml_collections import ConfigDict

from configs.revisionllm_recipe import (
  CLIP_ENCODER,
  DENSE,
  MAD,
  SPARSE,
  Scale,
  chosen_scale,
  output,
  quicktest,
  recipe,
)


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' for the script's numbers, 'paper' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  scale = chosen_scale(arg, script=Scale(256, 2), paper=Scale(32, peak=1e-3))
  config = recipe(scale, epochs=1.0, levels=('sparse',), files=MAD)
  config.start.init_from = output('dense')
  config.start.model = {
    'levels': (SPARSE, DENSE),
    'clip_encoder': CLIP_ENCODER,
  }
  config.start.drawn = (r'clip_encoder/.*',)
  config.trainable = (r'clip_encoder/.*',)
  return quicktest(config) if arg == 'quicktest' else config
