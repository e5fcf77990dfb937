"""Keys of the InternVideo2 video encoder.

Source: InternVideo2 `vision-encoder-InternVideo2-stage2_1b-224p-f4.pt`.
"""

from vtg_jax.convert.ops import LeadingOne, PatchKernel, Transpose
from vtg_jax.convert.table import Ignore, Rule, Table


def internvideo2_table(
  *,
  patch: tuple[int, int, int],
  n_layers: int,
  channels: int = 3,
  target: str = 'video_encoder/',
) -> Table:
  """Returns the rules that fill a video encoder.

  The position table stays as it is in the file, of as many time steps. What
  served only to align the encoder with teachers fills no parameter, nor does
  the block after the last that is run; both are kept aside for export.

  Args:
    patch: frames, rows and columns of one patch, (1, 14, 14) as released.
    n_layers: blocks that the model runs.
    channels: colours of a pixel.
    target: what the paths of the parameters start with.
  """
  block, layers = 'blocks.{layer}.', f'{target}layers/'

  def stacked(key: str, name: str, op=None) -> Rule:
    path = f'{layers}{name}[{{layer}}]'
    return Rule(block + key, path, op) if op else Rule(block + key, path)

  rules = [
    Rule('cls_token', f'{target}class_token', LeadingOne(2)),
    Rule('pos_embed', f'{target}positions', LeadingOne()),
    Rule(
      'patch_embed.proj.weight',
      f'{target}patch_embed/kernel',
      PatchKernel(patch=patch, channels=channels),
    ),
    Rule('patch_embed.proj.bias', f'{target}patch_embed/bias'),
    stacked('attn.qkv.weight', 'qkv/kernel', Transpose()),
    stacked('attn.q_norm.weight', 'q_norm/scale'),
    stacked('attn.k_norm.weight', 'k_norm/scale'),
  ]
  for n in (1, 2):
    rules += [
      stacked(f'norm{n}.weight', f'norm{n}/scale'),
      stacked(f'ls{n}.gamma', f'ls{n}'),
    ]
  for key, name in (
    ('attn.proj', 'proj'),
    ('mlp.fc1', 'fc1'),
    ('mlp.fc2', 'fc2'),
  ):
    rules += [
      stacked(f'{key}.weight', f'{name}/kernel', Transpose()),
      stacked(f'{key}.bias', f'{name}/bias'),
    ]
  aligned = 'aligned the encoder with a teacher'
  ignored = (
    Ignore(rf'blocks\.{n_layers}\..+', 'the block after the last that is run'),
    Ignore(r'(clip_)?img_pos_embed', 'positions of single images'),
    Ignore(r'clip_pos_embed', aligned),
    Ignore(r'(clip_projector|clip_decoder|final_clip_decoder)\..+', aligned),
  )
  return Table(tuple(rules), ignored)
