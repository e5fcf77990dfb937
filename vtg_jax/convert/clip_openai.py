"""Keys of CLIP as OpenAI's own code names them.

Queries, keys and values are one tensor here, and so is their bias; both
projections stand the other way round than in Hugging Face's files.

Source: https://github.com/openai/CLIP `clip/model.py`.
"""

from collections.abc import Mapping

from vtg_jax.convert.ops import PatchKernel, Transpose
from vtg_jax.convert.table import Ignore, Rule, Table

# A key that no other layout has.
MARK = 'visual.conv1.weight'
_BLOCKS = 'transformer.resblocks.'
_HEAD_WIDTH = 64


def openai_clip_table(*, patch_size: int, channels: int = 3) -> Table:
  """Returns the rules for a file of both encoders.

  Args:
    patch_size: side of a patch in pixels.
    channels: colours of a pixel.
  """
  patch = PatchKernel(patch=(patch_size, patch_size), channels=channels)
  image, text = 'image_encoder/', 'text_encoder/'
  rules = [
    Rule('visual.class_embedding', f'{image}class_token'),
    Rule(MARK, f'{image}patch_embed/kernel', patch),
    Rule('visual.positional_embedding', f'{image}positions'),
    *_norm('visual.ln_pre', f'{image}first_norm'),
    *_layers(f'visual.{_BLOCKS}', image),
    *_norm('visual.ln_post', 'image_norm'),
    Rule('visual.proj', 'image_projection/kernel'),
    Rule('token_embedding.weight', f'{text}embed/embedding'),
    Rule('positional_embedding', f'{text}positions'),
    *_layers(_BLOCKS, text),
    *_norm('ln_final', f'{text}final_norm'),
    Rule('text_projection', 'text_projection/kernel'),
    Rule('logit_scale', 'logit_scale/scale'),
  ]
  ignored = (
    Ignore(
      'input_resolution|context_length|vocab_size',
      'a size, which the shapes tell',
    ),
  )
  return Table(tuple(rules), ignored)


def openai_clip_sizes(shapes: Mapping[str, tuple[int, ...]]) -> dict:
  """Returns the sizes that the shapes of a file's tensors tell.

  Args:
    shapes: of every key.

  Returns:
    Of the parts 'image' and 'text' their 'width', 'n_layers', 'n_heads' and
    'mlp_hidden'; of 'image' also 'image_size', 'patch_size' and 'channels', of
    'text' also 'vocab_size' and 'max_tokens'; and 'features'. A head is 64
    channels wide, as in every CLIP that was released.

  Raises:
    KeyError: a tensor is not there.
    ValueError: one has too few axes.
  """
  width, channels, patch_size, _ = shapes[MARK]
  n_patches = shapes['visual.positional_embedding'][0] - 1
  vocab_size, _ = shapes['token_embedding.weight']
  max_tokens, text_width = shapes['positional_embedding']
  return {
    'image': {
      **_block(shapes, f'visual.{_BLOCKS}', width),
      'image_size': patch_size * round(n_patches**0.5),
      'patch_size': patch_size,
      'channels': channels,
    },
    'text': {
      **_block(shapes, _BLOCKS, text_width),
      'vocab_size': vocab_size,
      'max_tokens': max_tokens,
    },
    'features': shapes['text_projection'][1],
  }


def _block(shapes, blocks: str, width: int) -> dict:
  layers = {
    key.removeprefix(blocks).split('.')[0]
    for key in shapes
    if key.startswith(blocks)
  }
  return {
    'width': width,
    'n_layers': len(layers),
    'n_heads': max(1, width // _HEAD_WIDTH),
    'mlp_hidden': shapes[f'{blocks}0.mlp.c_fc.weight'][0],
  }


def _norm(key: str, target: str) -> list[Rule]:
  return [
    Rule(f'{key}.weight', f'{target}/scale'),
    Rule(f'{key}.bias', f'{target}/bias'),
  ]


def _layers(blocks: str, target: str) -> list[Rule]:
  """The rules for the layers of an encoder."""
  key, layers = blocks + '{layer}.', f'{target}layers/'

  def rule(name, path, *op):
    return Rule(f'{key}{name}', f'{layers}{path}[{{layer}}]', *op)

  rules = [
    rule('attn.in_proj_weight', 'qkv/kernel', Transpose()),
    rule('attn.in_proj_bias', 'qkv/bias'),
  ]
  for name, own in (
    ('attn.out_proj', 'proj'),
    ('mlp.c_fc', 'fc1'),
    ('mlp.c_proj', 'fc2'),
  ):
    rules += [
      rule(f'{name}.weight', f'{own}/kernel', Transpose()),
      rule(f'{name}.bias', f'{own}/bias'),
    ]
  for n in (1, 2):
    rules += [
      rule(f'ln_{n}.weight', f'norm{n}/scale'),
      rule(f'ln_{n}.bias', f'norm{n}/bias'),
    ]
  return rules
