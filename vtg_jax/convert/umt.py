"""Keys of the UMT video encoder.

Source: HawkEye `models/blip2/vit.py`; spec section 11.
"""

from vtg_jax.convert.ops import PatchKernel, Transpose
from vtg_jax.convert.table import Rule, Table


def umt_table(*, patch: tuple[int, int, int], channels: int = 3) -> Table:
  """Returns the rules that fill `encoder/...`.

  Args:
    patch: frames, rows and columns of one patch, for example (1, 16, 16).
    channels: colours of a pixel.
  """
  block, layers = 'blocks.{layer}.', 'encoder/layers/'

  def stacked(key: str, target: str, op=None) -> Rule:
    target = f'{layers}{target}[{{layer}}]'
    return Rule(block + key, target, op) if op else Rule(block + key, target)

  rules = [
    Rule(
      'patch_embed.proj.weight',
      'encoder/patch_embed/kernel',
      PatchKernel(patch=patch, channels=channels),
    ),
    Rule('patch_embed.proj.bias', 'encoder/patch_embed/bias'),
    stacked('attn.q_bias', 'qkv/q_bias'),
    stacked('attn.v_bias', 'qkv/v_bias'),
    stacked('attn.qkv.weight', 'qkv/kernel', Transpose()),
  ]
  for norm in ('norm1', 'norm2'):
    rules += [
      stacked(f'{norm}.weight', f'{norm}/scale'),
      stacked(f'{norm}.bias', f'{norm}/bias'),
    ]
  for key, target in (
    ('attn.proj', 'proj'),
    ('mlp.fc1', 'fc1'),
    ('mlp.fc2', 'fc2'),
  ):
    rules += [
      stacked(f'{key}.weight', f'{target}/kernel', Transpose()),
      stacked(f'{key}.bias', f'{target}/bias'),
    ]
  return Table(tuple(rules))
