"""Stage 1b on VidChapters-7M: the encoder of windows learns.

Paper: ReVisionLLM, arXiv 2411.14901, VidChapters-7M.
Data: as for the dense stage of VidChapters-7M.
Start: that stage; the encoder is drawn. The script has windows of 50 s, 100
  frames at 5 frames per second, and MAD's dense adapter, which does not go with
  the stage after it; here they are those of the other stages.
Command: vtg train revisionllm/vidchapters_dense &&
  vtg train revisionllm/vidchapters_sparse
Hardware: the script has 32 samples a GPU, twice a step, and does not say how
  many; 4 are meant here, as for MAD. The paper says 32 samples a step, and
  learning rate 1e-3 in its text, 1e-4 in its supplement.
Wall time: not yet run.
Expected score: none is published for this stage.
"""

from ml_collections import ConfigDict

from configs.revisionllm_recipe import (
  CLIP_ENCODER,
  DENSE,
  SPARSE,
  VIDCHAPTERS,
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
  config = recipe(scale, epochs=1.0, levels=('sparse',), files=VIDCHAPTERS)
  config.start.init_from = output('vidchapters_dense')
  config.start.model = {
    'levels': (SPARSE, DENSE),
    'clip_encoder': CLIP_ENCODER,
  }
  config.start.drawn = (r'clip_encoder/.*',)
  config.trainable = (r'clip_encoder/.*',)
  config.data.double_short = True
  return quicktest(config) if arg == 'quicktest' else config
