"""Stage 2: an adapter learns to find the event among 100 windows.

Paper: ReVisionLLM, arXiv 2411.14901, MAD: 100 windows of one film, a row each,
  two or three of them with the event: 43 minutes of windows that overlap.
Data: as for the sparse stage; sentences are not asked in vain, which
  data.sequence.absent=true data.negatives.share=1 has.
Start: the sparse stage; the adapter begins as a copy of the dense one, and
  the encoder rests.
Command: vtg train revisionllm/sparse && vtg train revisionllm/long_100
Hardware: the script has 8 A40 with 8 samples each, twice a step; the paper says
  8 samples a step.
Wall time: not yet run.
Expected score: MAD R1@.1 15.0 with all levels (paper).
"""

from ml_collections import ConfigDict

from configs.revisionllm_recipe import (
  DENSE,
  MAD,
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
    arg: '' for the script's batch, 'paper' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  scale = chosen_scale(arg, script=Scale(128, 2), paper=Scale(8))
  config = recipe(scale, epochs=2.0, levels=('long_100',), files=MAD)
  config.start.init_from = output('sparse')
  config.start.model = {'levels': (long_level(100), DENSE)}
  config.start.copied = ({'name': 'long_100', 'of': 'dense'},)
  config.trainable = (r'loras/long_100/.*',)
  config.data.negatives.share = 0.0
  return quicktest(config) if arg == 'quicktest' else config
