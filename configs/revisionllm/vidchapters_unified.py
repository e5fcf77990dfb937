"""The variant U: one adapter for all levels, whose steps take turns.

Paper: ReVisionLLM, arXiv 2411.14901, VidChapters-7M, variant U: half the
  parameters. Even steps show 100 windows, odd ones the frames of one; visual
  rows pass a norm, which rests.
Data: as for the dense stage, of videos longer than 2500 s.
Start: the sparse stage; the adapter begins as a copy of the dense one.
Command: vtg train revisionllm/vidchapters_sparse &&
  vtg train revisionllm/vidchapters_unified
Hardware: the script has 8 samples a GPU, twice a step, and does not say how
  many; 8 are meant here. The paper says 8 samples a step, and 2 epochs.
Wall time: not yet run.
Expected score: none is published for VidChapters-7M; MAD R1@.1 14.4 (paper).
"""

from ml_collections import ConfigDict

from configs.revisionllm_recipe import (
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
    arg: '' for the script's batch, 'paper' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  scale = chosen_scale(arg, script=Scale(128, 2), paper=Scale(8))
  files = {**VIDCHAPTERS, 'longer_than_s': 2500.0}
  epochs = 2.0 if arg == 'paper' else 1.0
  config = recipe(
    scale, epochs=epochs, levels=('long_100', 'dense'), files=files
  )
  config.start.init_from = output('vidchapters_sparse')
  config.start.model = {
    'levels': (
      long_level(100, 'unified'),
      {'name': 'dense', 'lora': 'unified', 'n_windows': None},
    ),
    'alternate_norm': True,
  }
  config.start.copied = ({'name': 'unified', 'of': 'dense'},)
  config.trainable = (r'loras/unified/.*',)
  return quicktest(config) if arg == 'quicktest' else config
