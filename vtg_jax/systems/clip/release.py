"""CLIP's released files: which they are, how they are read and written."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from vtg_jax.convert import checkpoint
from vtg_jax.convert.clip import clip_table
from vtg_jax.convert.clip_openai import (
  MARK,
  openai_clip_sizes,
  openai_clip_table,
)
from vtg_jax.convert.from_release import ConversionReport
from vtg_jax.convert.readers import Source, open_source
from vtg_jax.convert.table import Table
from vtg_jax.encoders.block import BlockConfig
from vtg_jax.encoders.clip_text import ClipTextConfig
from vtg_jax.encoders.dual import DualEncoderConfig, clip_l14, param_shapes
from vtg_jax.encoders.vit import VitConfig
from vtg_jax.errors import BadInput
from vtg_jax.systems import released_files
from vtg_jax.systems.config_json import from_json, reading_sizes
from vtg_jax.systems.released_files import existing, first_file

SYSTEM = 'clip'
TOKENIZER = 'tokenizer.json'
PRESETS = {'l14': clip_l14}


def table(config: DualEncoderConfig) -> Table:
  """The conversion table for a network of these sizes.

  One whose queries, keys and values are one tensor came from OpenAI's own
  file, another from Hugging Face's.
  """
  image = config.image
  if image.block.fused_qkv:
    return openai_clip_table(
      patch_size=image.patch_size, channels=image.channels
    )
  return clip_table(
    patch_size=image.patch_size,
    n_image_layers=image.n_layers,
    channels=image.channels,
  )


def config_of_json(values: Mapping) -> DualEncoderConfig:
  """The config that `to_dict` wrote.

  Raises:
    BadInput: naming the entry that is missing, unknown or mistyped.
  """
  return from_json(DualEncoderConfig, values, 'config')


def convert(
  sources: Sequence[str | os.PathLike],
  out: str | os.PathLike,
  *,
  config: str | os.PathLike | None = None,
  tokenizers: Sequence[str | os.PathLike] = (),
  overwrite: bool = False,
  progress=None,
) -> ConversionReport:
  """Converts released files into a checkpoint folder of ours.

  Args:
    sources: The folder as Hugging Face has it, or its file of weights; or a
      file with the tensors of OpenAI's own CLIP by their names there.
    out: The new folder.
    config: 'l14', or a JSON file with the sizes; when None, the config.json of
      a source folder, else what OpenAI's tensors tell, else 'l14'.
    tokenizers: CLIP's `tokenizer.json`, where it does not lie in the folder.
    overwrite: Replace `out` where it is a checkpoint of ours.
    progress: Called with (name, bytes done, bytes in all).

  Raises:
    BadInput: when a file is missing or does not fit; nothing is left behind.
  """
  sources, tokenizers = existing(sources), existing(tokenizers)
  opened = [open_source(source) for source in sources]
  sizes = _config(config, sources, opened)
  tokenizer = first_file(
    [*tokenizers, *(source / TOKENIZER for source in sources)],
    f'no {TOKENIZER} lies in a source folder; give that of CLIP with '
    '--tokenizer',
  )
  return released_files.convert(
    SYSTEM,
    sizes,
    opened,
    out,
    table=table(sizes),
    shapes=param_shapes(sizes),
    tokenizers={TOKENIZER: tokenizer},
    overwrite=overwrite,
    progress=progress,
  )


def export(
  folder: str | os.PathLike,
  out: str | os.PathLike,
  *,
  as_pth: bool = False,
  progress=None,
) -> list[Path]:
  """Writes a checkpoint of ours under its released key names."""
  return released_files.export(
    folder,
    out,
    read_sizes=config_of_json,
    table=table,
    as_pth=as_pth,
    progress=progress,
  )


def config_of_hugging_face(description: Mapping) -> DualEncoderConfig:
  """The sizes in a `config.json` of a CLIPModel.

  What such a file leaves out has the value that transformers gives it. Older
  files hold each part twice, and the later entry counts.

  Source: transformers `CLIPTextConfig`, `CLIPVisionConfig`, `CLIPConfig`.
  """
  text, image = (
    {**(description.get(name) or {}), **(description.get(f'{name}_dict') or {})}
    for name in ('text_config', 'vision_config')
  )
  whole = clip_l14()
  return DualEncoderConfig(
    image=VitConfig(
      block=_block(image, width=768, mlp_hidden=3072, n_heads=12),
      n_layers=image.get('num_hidden_layers', 12),
      image_size=image.get('image_size', 224),
      patch_size=image.get('patch_size', 32),
      channels=image.get('num_channels', 3),
      patch_bias=False,
      first_norm=True,
    ),
    text=ClipTextConfig(
      block=_block(text, width=512, mlp_hidden=2048, n_heads=8),
      n_layers=text.get('num_hidden_layers', 12),
      vocab_size=text.get('vocab_size', 49408),
      max_tokens=text.get('max_position_embeddings', 77),
    ),
    features=description.get('projection_dim', 512),
    colour_mean=whole.colour_mean,
    colour_std=whole.colour_std,
  )


def _block(
  part: Mapping, *, width: int, mlp_hidden: int, n_heads: int
) -> BlockConfig:
  return BlockConfig(
    width=part.get('hidden_size', width),
    n_heads=part.get('num_attention_heads', n_heads),
    mlp_hidden=part.get('intermediate_size', mlp_hidden),
    norm='layer',
    norm_eps=float(part.get('layer_norm_eps', 1e-5)),
    activation=part.get('hidden_act', 'quick_gelu'),
    fused_qkv=False,
    qkv_biases='qkv',
    qk_norm=False,
    layer_scale=None,
  )


def _config(
  named, sources: Sequence[Path], opened: Sequence[Source]
) -> DualEncoderConfig:
  shapes = {
    key: info.shape for one in opened for key, info in one.tensors.items()
  }
  is_openai = MARK in shapes
  files = [] if named is None else [Path(named)]
  if str(named) in PRESETS:
    sizes, files = PRESETS[str(named)](), []
  elif named is not None and not files[0].is_file():
    raise BadInput(
      f'{named} is neither a file nor one of {", ".join(PRESETS)}; name one of '
      'them'
    )
  else:
    files += [source / 'config.json' for source in sources]
    file = next((file for file in files if file.is_file()), None)
    if file is not None:
      sizes = _config_of_file(file)
    elif is_openai:
      sizes = _config_of_openai(shapes)
    else:
      sizes = clip_l14()
  return _with_fused(sizes, fused_qkv=is_openai)


def _config_of_file(file: Path) -> DualEncoderConfig:
  description = checkpoint.read_json(file)
  with reading_sizes(file):
    if 'text_config' in description or 'text_config_dict' in description:
      return config_of_hugging_face(description)
    return config_of_json(description.get('model', description))


def _config_of_openai(shapes) -> DualEncoderConfig:
  """The sizes that tensors under OpenAI's names tell."""
  try:
    sizes = openai_clip_sizes(shapes)
  except (KeyError, ValueError, IndexError) as error:
    raise BadInput(
      f'the sizes of this CLIP cannot be told from its tensors ({error}); name '
      'them with --config'
    ) from error
  whole = clip_l14()

  def part(was, told):
    block = {
      name: told.pop(name) for name in ('width', 'n_heads', 'mlp_hidden')
    }
    return dataclasses.replace(
      was, block=dataclasses.replace(was.block, **block), **told
    )

  return dataclasses.replace(
    whole,
    image=part(whole.image, sizes['image']),
    text=part(whole.text, sizes['text']),
    features=sizes['features'],
  )


def _with_fused(
  config: DualEncoderConfig, *, fused_qkv: bool
) -> DualEncoderConfig:
  """The same sizes in the layout of a file."""

  def part(was):
    block = dataclasses.replace(was.block, fused_qkv=fused_qkv)
    return dataclasses.replace(was, block=block)

  return dataclasses.replace(
    config, image=part(config.image), text=part(config.text)
  )
