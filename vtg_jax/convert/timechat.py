"""Keys of TimeChat: its own file, and those of the parts it starts from.

Source: TimeChat `models/timechat.py`; spec section A10.
"""

from vtg_jax.convert.clip_vit import clip_vit_table
from vtg_jax.convert.eva_vit import eva_vit_table
from vtg_jax.convert.llama import llama_table
from vtg_jax.convert.ops import Transpose
from vtg_jax.convert.qformer import qformer_table
from vtg_jax.convert.readers import SCOPE_END
from vtg_jax.convert.table import Ignore, Rule, Table

# The scope of a file whose frame positions are of another number of frames
# than those of a later file.
EARLIER = f'earlier{SCOPE_END}'
FRAME_POSITIONS = 'video_frame_position_embedding.weight'
# Embeddings of the digits that Seq2Time adds; a plain TimeChat has none.
NEW_WORDS = 'rpt_embed.weight'


def timechat_table(
  *,
  patch_size: int,
  n_image_layers: int,
  channels: int = 3,
  extra_vocab_rows: int = 0,
  clip_encoder: bool = False,
) -> Table:
  """Returns the rules for every file that TimeChat is loaded from.

  The image encoder's and the language model's keys carry a prefix in a whole
  model and none in their own files; both match.

  Args:
    patch_size: side of the image encoder's patches in pixels.
    n_image_layers: its blocks that are run.
    channels: colours of a pixel.
    extra_vocab_rows: rows of the language model's embedding that the model
      drops.
    clip_encoder: the image encoder is CLIP's, and not EVA's; no release has
      it, so its keys are CLIP's where the other's would be.
  """
  sizes = dict(
    patch_size=patch_size, n_layers=n_image_layers, channels=channels
  )
  encoder = eva_vit_table(**sizes)
  if clip_encoder:
    encoder = clip_vit_table(**sizes, target='encoder/', patch_bias=True)
  wrapper = Table(
    (
      Rule('ln_vision.weight', 'vision_norm/scale'),
      Rule('ln_vision.bias', 'vision_norm/bias'),
      Rule('llama_proj.weight', 'projector/kernel', Transpose()),
      Rule('llama_proj.bias', 'projector/bias'),
      Rule(NEW_WORDS, 'llm/new_embed'),
      Rule('rpt_head.weight', 'llm/new_head'),
    ),
    (
      Ignore(
        r'(llm_proj|opt_proj|t5_proj)\..+', "InstructBLIP's own projection"
      ),
      Ignore(r'audio_.+', "the sound branch of Video-LLaMA's files"),
    ),
  )
  frames = Table((Rule(FRAME_POSITIONS, 'video_qformer/frame_positions'),))
  others = Table(
    (),
    (Ignore(FRAME_POSITIONS.replace('.', r'\.'), 'of fewer frames'),),
  )
  everything = (
    encoder.under('visual_encoder.', '')
    + wrapper
    + qformer_table(prefixes=('Qformer.',), queries=('query_tokens',))
    + qformer_table(
      prefixes=('video_Qformer.',),
      target='video_qformer/qformer/',
      queries=('video_query_tokens',),
    )
    + llama_table(extra_vocab_rows=extra_vocab_rows).under(
      'llama_model.base_model.model.', 'llama_model.', ''
    )
  )
  return everything.under('', EARLIER) + frames + others.under(EARLIER)
