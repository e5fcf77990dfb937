"""Keys of the UMT video encoder.

Source: HawkEye `models/blip2/vit.py`; spec section 11.
"""

from vtg_jax.convert.eva_vit import fused_block_rules
from vtg_jax.convert.ops import PatchKernel
from vtg_jax.convert.table import Rule, Table


def umt_table(*, patch: tuple[int, int, int], channels: int = 3) -> Table:
  """Returns the rules that fill `encoder/...`.

  Args:
    patch: frames, rows and columns of one patch, for example (1, 16, 16).
    channels: colours of a pixel.
  """
  rules = [
    Rule(
      'patch_embed.proj.weight',
      'encoder/patch_embed/kernel',
      PatchKernel(patch=patch, channels=channels),
    ),
    Rule('patch_embed.proj.bias', 'encoder/patch_embed/bias'),
    *fused_block_rules('encoder/layers/'),
  ]
  return Table(tuple(rules))
