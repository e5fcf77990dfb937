"""Keys of CLIP with both its encoders.

Source: Hugging Face `CLIPModel`.
"""

from vtg_jax.convert.clip_vit import clip_layer_rules, clip_vit_table
from vtg_jax.convert.ops import Transpose
from vtg_jax.convert.table import Ignore, Rule, Table


def clip_table(
  *, patch_size: int, n_image_layers: int, channels: int = 3
) -> Table:
  """Returns the rules for a file that holds both encoders.

  Args:
    patch_size: side of a patch in pixels.
    n_image_layers: layers of the image encoder, all of which are run.
    channels: colours of a pixel.
  """
  heads = Table(
    (
      Rule('visual_projection.weight', 'image_projection/kernel', Transpose()),
      Rule('text_projection.weight', 'text_projection/kernel', Transpose()),
      Rule('logit_scale', 'logit_scale'),
    )
  )
  image = clip_vit_table(
    patch_size=patch_size,
    n_layers=n_image_layers,
    channels=channels,
    last_norm='image_norm/',
  )
  return (
    image.under('vision_model.') + clip_text_table().under('text_model.')
  ) + heads


def clip_text_table(*, target: str = 'text_encoder/') -> Table:
  """Returns the rules that fill a text encoder, keys as in `text_model.`.

  Args:
    target: what the paths of the parameters start with.
  """
  rules = [
    Rule('embeddings.token_embedding.weight', f'{target}embed/embedding'),
    Rule('embeddings.position_embedding.weight', f'{target}positions'),
    Rule('final_layer_norm.weight', f'{target}final_norm/scale'),
    Rule('final_layer_norm.bias', f'{target}final_norm/bias'),
    *clip_layer_rules(target),
  ]
  ignored = (
    Ignore(r'embeddings\.position_ids', 'a buffer that counts positions'),
  )
  return Table(tuple(rules), ignored)
