"""Stage 1: the projectors learn to caption clips.

Paper: Grounded-VideoLLM, arXiv 2410.03290, video-caption alignment.
Data: the released mix_pretrain.json and the videos it names (WebVid,
  InternVid, Panda-70M) below data/grounded_videollm.
Start: the base models' files as published for this system, where no projector
  of the video stream is yet; this stage draws it. With F the folder
  Phi-3.5-vision-instruct-seperated:
  vtg convert grounded_videollm F/vision_model.pth F/image_newlines.pth
  internvideo/vision-encoder-InternVideo2-stage2_1b-224p-f4.pt
  F/language_model_seperated F/multi_modal_projector.pth
  --out checkpoints/grounded_videollm_phi3
Command: vtg train grounded_videollm/stage1; stage1:llama3 for Llama-3, from
  llama3-llava-next-8b-seperated in checkpoints/grounded_videollm_llama3
Hardware: the paper has 8 A100 of 80 GB with 16 samples each, twice a step.
Wall time: not yet run.
Expected score: none is published for this stage.
"""

from ml_collections import ConfigDict

from configs.grounded_videollm_recipe import (
  PROJECTORS,
  quicktest,
  read_argument,
  recipe,
)


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config.

  Args:
    arg: '' or 'phi3', 'llama3', or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  llm, quick = read_argument(arg)
  config = recipe(llm, max_text_tokens=2048, mixture='mix_pretrain')
  config.batch_size, config.accumulate = 256, 2  # 8 GPUs x 16 x 2
  config.epochs = 1.0
  config.start.init_from = f'checkpoints/grounded_videollm_{llm.name}'
  config.trainable = (PROJECTORS,)
  config.optimiser.peak = 1e-3
  config.optimiser.groups = (  # 1e-5 and 1e-3; a lower peak lowers both
    {'pattern': r'two_stream/image_projector/.*', 'multiplier': 0.01},
    {'pattern': r'two_stream/video_projector/.*', 'multiplier': 1.0},
  )
  config.data.with_times = False
  return quicktest(config) if quick else config
