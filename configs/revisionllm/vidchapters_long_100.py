"""Stage 2 on VidChapters-7M: an adapter for 100 windows, beside the dense one.

Paper: ReVisionLLM, arXiv 2411.14901, VidChapters-7M, the default model. The
  script trains the variant of `vidchapters_unified`.
Data: as for the dense stage, of videos longer than 2500 s.
Start: the sparse stage; the adapter begins as a copy of the dense one.
Command: vtg train revisionllm/vidchapters_sparse &&
  vtg train revisionllm/vidchapters_long_100
Hardware: as for MAD. The paper says 8 samples a step, and 2 epochs.
Wall time: not yet run.
Expected score: VidChapters-7M R1@.3 33.8 (paper).
"""

from ml_collections import ConfigDict

from configs.revisionllm_recipe import (
  DENSE,
  VIDCHAPTERS,
  Scale,
  chosen_scale,
  long_level,
  output,
  quicktest,
  recipe,
)


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' for MAD's batch, 'paper' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  scale = chosen_scale(arg, script=Scale(128, 2), paper=Scale(8))
  files = {**VIDCHAPTERS, 'longer_than_s': 2500.0}
  config = recipe(scale, epochs=2.0, levels=('long_100',), files=files)
  config.start.init_from = output('vidchapters_sparse')
  config.start.model = {'levels': (long_level(100), DENSE)}
  config.start.copied = ({'name': 'long_100', 'of': 'dense'},)
  config.trainable = (r'loras/long_100/.*',)
  config.data.negatives.share = 0.0
  return quicktest(config) if arg == 'quicktest' else config
