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
  last_norm: str | None = None,
  patch_bias: bool = False,
) -> Table:
  """Returns the rules that fill an image encoder, keys as in `vision_model.`.

  Without `last_norm`, what comes after the last layer that is run, one more
  layer and the last norm, fills no parameter and is kept aside for export.

  Args:
    patch_size: side of a patch in pixels.
    n_layers: layers that the model runs.
    channels: colours of a pixel.
    target: what the paths of the parameters start with.
    last_norm: the same for the norm after the last layer, where it is used.
    patch_bias: patches have a bias, which CLIP's have not.
  """
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
  if patch_bias:
    key = 'embeddings.patch_embedding.bias'
    rules.append(Rule(key, f'{target}patch_embed/bias'))
  rules += clip_layer_rules(target)
  ignored = [
    Ignore(r'embeddings\.position_ids', 'a buffer that counts positions')
  ]
  if last_norm is None:
    ignored += [
      Ignore(
        rf'encoder\.layers\.{n_layers}\..+',
        'the layer after the last that is run',
      ),
      Ignore(r'post_layernorm\.(weight|bias)', 'the norm after the last layer'),
    ]
  else:
    rules += [
      Rule('post_layernorm.weight', f'{last_norm}scale'),
      Rule('post_layernorm.bias', f'{last_norm}bias'),
    ]
  return Table(tuple(rules), tuple(ignored))


def clip_layer_rules(target: str) -> list[Rule]:
  """Returns the rules for the layers of an image or a text encoder.

  Args:
    target: what the paths of the encoder's parameters start with.
  """
  layer, layers = 'encoder.layers.{layer}.', f'{target}layers/'
  rules = []
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
  return rules
