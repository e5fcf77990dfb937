"""Stage 1a: the dense level learns to tell when, or that it is not there.

Paper: ReVisionLLM, arXiv 2411.14901, MAD, contrastive windows of 125 s.
Data: mad_stage2_fixed_prompt.json and features of frames and sentences, below
  data/revisionllm/mad; every sentence once with its event and once without.
  data.negatives.share=0 leaves the latter out, data.kinds.random=0
  data.kinds.hard=1 shows windows that look like the event.
Start: Vicuna-7B-v1.5 with VTimeLLM's projector and its stage-2 adapter, which
  is trained further:
  vtg convert revisionllm vicuna-7b-v1.5 vtimellm/mm_projector.bin
  dense=vtimellm-stage2 --out checkpoints/revisionllm_vtimellm
Command: vtg train revisionllm/dense; dense:paper for the paper's batch
Hardware: the script has 8 A100 of 80 GB with 128 samples each; the paper says
  128 samples a step.
Wall time: not yet run.
Expected score: MAD R1@.1 8.4 with this level alone (paper, table of levels).
"""

from ml_collections import ConfigDict

from configs.revisionllm_recipe import (
  DENSE,
  MAD,
  VTIMELLM,
  Scale,
  chosen_scale,
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
  scale = chosen_scale(arg, script=Scale(1024), paper=Scale(128))
  config = recipe(scale, epochs=5.0, levels=('dense',), files=MAD)
  config.start.init_from = VTIMELLM
  config.start.model = {'levels': (DENSE,)}
  config.trainable = (r'loras/dense/.*',)
  return quicktest(config) if arg == 'quicktest' else config
