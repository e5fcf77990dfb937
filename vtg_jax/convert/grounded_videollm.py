"""Keys of Grounded-VideoLLM: the files of its parts and of its stages.

Source: Grounded-VideoLLM `models/llava_next_video.py`; spec section 9.
"""

from vtg_jax.convert.clip_vit import clip_vit_table
from vtg_jax.convert.internvideo2 import internvideo2_table
from vtg_jax.convert.llama import llama_table
from vtg_jax.convert.phi3 import phi3_table
from vtg_jax.convert.table import Table
from vtg_jax.convert.two_stream import two_stream_table


def grounded_videollm_table(
  *,
  image_patch: int,
  n_image_layers: int,
  video_patch: tuple[int, int, int],
  n_video_layers: int,
  channels: int,
  image_reduction: str,
  fused_projections: bool,
) -> Table:
  """Returns the rules for every file that Grounded-VideoLLM is loaded from.

  A stage's file holds a dict a module, whose name its keys then start with; the
  language model is there as peft wraps it, or comes as a folder of its own.

  Args:
    image_patch: side of the image encoder's patches in pixels.
    n_image_layers: layers of the image encoder that are run.
    video_patch: frames, rows and columns of the video encoder's patches.
    n_video_layers: its blocks that are run.
    channels: colours of a pixel.
    image_reduction: see `TwoStreamConfig`.
    fused_projections: see `DecoderConfig`.
  """
  llm = phi3_table() if fused_projections else llama_table()
  return (
    clip_vit_table(
      patch_size=image_patch, n_layers=n_image_layers, channels=channels
    ).under('vision_model.')
    + internvideo2_table(
      patch=video_patch, n_layers=n_video_layers, channels=channels
    )
    + two_stream_table(image_reduction=image_reduction)
    + llm.under(
      'language_model.base_model.model.',
      'base_model.model.',
      'language_model.',
      '',
    )
  )
