"""Keys of encoders after BEiT: blocks whose queries, keys and values are one.

Source: TimeChat `models/eva_vit.py`; HawkEye `models/blip2/vit.py` has the
same blocks.
"""

from vtg_jax.convert.ops import LeadingOne, Op, PatchKernel, Transpose
from vtg_jax.convert.table import Ignore, Rule, Table


def fused_block_rules(layers: str) -> list[Rule]:
  """Returns the rules for all blocks; keys have no bias.

  Args:
    layers: what the paths of their stacked parameters start with.
  """
  block = 'blocks.{layer}.'

  def stacked(key: str, target: str, op: Op | None = None) -> Rule:
    target = f'{layers}{target}[{{layer}}]'
    return Rule(block + key, target, op) if op else Rule(block + key, target)

  rules = [
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
  return rules


def eva_vit_table(
  *,
  patch_size: int,
  n_layers: int,
  channels: int = 3,
  target: str = 'encoder/',
) -> Table:
  """Returns the rules that fill an image encoder.

  What comes after the last block that is run fills no parameter and is kept
  aside for export.

  Args:
    patch_size: side of a patch in pixels.
    n_layers: blocks that the model runs.
    channels: colours of a pixel.
    target: what the paths of the parameters start with.
  """
  patch = PatchKernel(patch=(patch_size, patch_size), channels=channels)
  rules = [
    Rule('cls_token', f'{target}class_token', LeadingOne(2)),
    Rule('pos_embed', f'{target}positions', LeadingOne()),
    Rule('patch_embed.proj.weight', f'{target}patch_embed/kernel', patch),
    Rule('patch_embed.proj.bias', f'{target}patch_embed/bias'),
    *fused_block_rules(f'{target}layers/'),
  ]
  ignored = (
    Ignore(rf'blocks\.{n_layers}\..+', 'the block after the last that is run'),
    Ignore(
      r'(norm|fc_norm|head)\.(weight|bias)', 'what follows the last block'
    ),
  )
  return Table(tuple(rules), ignored)
