"""Stage 1a on VidChapters-7M: windows of 500 s, a fresh adapter.

Paper: ReVisionLLM, arXiv 2411.14901, VidChapters-7M.
Data: chapters_vmr_train.jsonl and features of frames and sentences, below
  data/revisionllm/vidchapters; chapters whose video has none are left out.
Start: Vicuna-7B-v1.5 with VTimeLLM's projector. The script names VTimeLLM's
  stage-2 adapter, too, and does not read it; here, too, it is drawn anew.
Command: vtg train revisionllm/vidchapters_dense
Hardware: the script has 16 samples a GPU, twice a step, and does not say how
  many; 8 are meant here. The paper says 128 samples a step.
Wall time: not yet run.
Expected score: none is published for this stage.
"""

from ml_collections import ConfigDict

from configs.revisionllm_recipe import (
  DENSE,
  LORA,
  VIDCHAPTERS,
  VIDCHAPTERS_SIZES,
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
  scale = chosen_scale(arg, script=Scale(256, 2), paper=Scale(128))
  config = recipe(scale, epochs=1.0, levels=('dense',), files=VIDCHAPTERS)
  config.start.init_from = VTIMELLM
  config.start.model = {
    **VIDCHAPTERS_SIZES,
    'levels': (DENSE,),
    'llm': {'lora': LORA},
  }
  config.start.drawn = (r'loras/dense/.*',)
  config.trainable = (r'loras/dense/.*',)
  config.data.double_short = True
  return quicktest(config) if arg == 'quicktest' else config
