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


def internvideo2_alignment_table(*, target: str = 'alignment/') -> Table:
  """Returns the rules that fill the heads of the alignment alone.

  Args:
    target: what the paths of the parameters start with.
  """
  projector, pool = 'clip_projector.', f'{target}pool/'
  rules = [Rule('clip_pos_embed', f'{target}positions', LeadingOne())]
  for name in 'qkv':
    norm = f'{projector}norm1_{name}'
    rules += [
      Rule(f'{norm}.weight', f'{pool}{name}_norm/scale'),
      Rule(f'{norm}.bias', f'{pool}{name}_norm/bias'),
      Rule(
        f'{projector}cross_attn.{name}.weight',
        f'{pool}{name}/kernel',
        Transpose(),
      ),
      Rule(f'{projector}cross_attn.{name}_bias', f'{pool}{name}/bias'),
    ]
  for key, path in (
    (f'{projector}cross_attn.proj', f'{pool}proj'),
    ('clip_decoder.{n}.head', f'{target}token_head_{{n}}/head'),
    ('final_clip_decoder.head', f'{target}clip_head/head'),
  ):
    rules += [
      Rule(f'{key}.weight', f'{path}/kernel', Transpose()),
      Rule(f'{key}.bias', f'{path}/bias'),
    ]
  for key, path in (
    ('clip_decoder.{n}.norm', f'{target}token_head_{{n}}/norm'),
    ('final_clip_decoder.norm', f'{target}clip_head/norm'),
  ):
    rules += [
      Rule(f'{key}.weight', f'{path}/scale'),
      Rule(f'{key}.bias', f'{path}/bias'),
    ]
  ignored = (
    Ignore(
      r'(blocks|patch_embed)\..+|cls_token|pos_embed|(clip_)?img_pos_embed',
      'the encoder itself',
    ),
  )
  return Table(tuple(rules), ignored)
