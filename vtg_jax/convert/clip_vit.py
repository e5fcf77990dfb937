"""Keys of CLIP's image encoder.

Source: Hugging Face `CLIPVisionTransformer`.
"""

from vtg_jax.convert.ops import PatchKernel, Transpose
from vtg_jax.convert.table import Ignore, Rule, Table

_DENSE = {
  'self_attn.q_proj': 'q_proj',
  'self_attn.k_proj': 'k_proj',
  'self_attn.v_proj': 'v_proj',
  'self_attn.out_proj': 'proj',
  'mlp.fc1': 'fc1',
  'mlp.fc2': 'fc2',
}


def clip_vit_table(
  *,
  patch_size: int,
  n_layers: int,
  channels: int = 3,
  target: str = 'image_encoder/',
) -> Table:
  """Returns the rules that fill an image encoder, keys as in `vision_model.`.

  What comes after the last layer that is run, one more layer and the last
  norm, fills no parameter and is kept aside for export.

  Args:
    patch_size: side of a patch in pixels.
    n_layers: layers that the model runs.
    channels: colours of a pixel.
    target: what the paths of the parameters start with.
  """
  layer, layers = 'encoder.layers.{layer}.', f'{target}layers/'
  patch = PatchKernel(patch=(patch_size, patch_size), channels=channels)
  rules = [
    Rule('embeddings.class_embedding', f'{target}class_token'),
    Rule(
      'embeddings.patch_embedding.weight', f'{target}patch_embed/kernel', patch
    ),
    Rule('embeddings.position_embedding.weight', f'{target}positions'),
    Rule('pre_layrnorm.weight', f'{target}first_norm/scale'),
    Rule('pre_layrnorm.bias', f'{target}first_norm/bias'),
  ]
  for key, name in _DENSE.items():
    rules += [
      Rule(
        f'{layer}{key}.weight', f'{layers}{name}/kernel[{{layer}}]', Transpose()
      ),
      Rule(f'{layer}{key}.bias', f'{layers}{name}/bias[{{layer}}]'),
    ]
  for n in (1, 2):
    key, name = f'{layer}layer_norm{n}', f'{layers}norm{n}'
    rules += [
      Rule(f'{key}.weight', f'{name}/scale[{{layer}}]'),
      Rule(f'{key}.bias', f'{name}/bias[{{layer}}]'),
    ]
  ignored = (
    Ignore(
      rf'encoder\.layers\.{n_layers}\..+',
      'the layer after the last that is run',
    ),
    Ignore(r'post_layernorm\.(weight|bias)', 'the norm after the last layer'),
    Ignore(r'embeddings\.position_ids', 'a buffer that counts positions'),
  )
  return Table(tuple(rules), ignored)
