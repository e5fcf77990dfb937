"""Keys of HawkEye: the released file, its earlier stages, and its Vicuna base.

Source: HawkEye `models/hawkeye_it.py`; spec section 11.
"""

from vtg_jax.convert.llama import llama_table
from vtg_jax.convert.ops import Transpose
from vtg_jax.convert.qformer import qformer_table
from vtg_jax.convert.table import Ignore, Rule, Table
from vtg_jax.convert.umt import umt_table

_STAGE_ONE = 'a head of the first training stage'


def hawkeye_table(
  *,
  patch: tuple[int, int, int],
  channels: int = 3,
  extra_vocab_rows: int = 1,
) -> Table:
  """Returns the rules for every file that HawkEye is loaded from.

  The language model's keys carry the prefix of the live model in `hawkeye.pth`
  and none in the Vicuna folder; both match.

  Args:
    patch: frames, rows and columns of one patch, (1, 16, 16) as released.
    channels: colours of a pixel.
    extra_vocab_rows: rows of the language model's embedding that the model
      drops; the Vicuna v0 folder has 32001 for a vocabulary of 32000.
  """
  wrapper = Table(
    (
      Rule('vision_layernorm.weight', 'vision_norm/scale'),
      Rule('vision_layernorm.bias', 'vision_norm/bias'),
      Rule('llama_proj.weight', 'projector/kernel', Transpose()),
      Rule('llama_proj.bias', 'projector/bias'),
    ),
    (
      Ignore(r'(vision_proj|text_proj|itm_head)\..+', _STAGE_ONE),
      Ignore(r'(temp|vision_temp_embed|vision_temp_embedding)', _STAGE_ONE),
    ),
  )
  return (
    umt_table(patch=patch, channels=channels).under('vision_encoder.encoder.')
    + wrapper
    + qformer_table()
    + llama_table(extra_vocab_rows=extra_vocab_rows).under(
      'llama_model.base_model.model.', 'llama_model.', ''
    )
  )
