"""Grounded-VideoLLM's released files: which, how they are read and written."""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vtg_jax.adapters.two_stream import TwoStreamConfig
from vtg_jax.convert import checkpoint
from vtg_jax.convert.from_release import ConversionReport
from vtg_jax.convert.grounded_videollm import grounded_videollm_table
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import open_source
from vtg_jax.convert.table import Table
from vtg_jax.encoders.block import BlockConfig
from vtg_jax.encoders.internvideo2 import InternVideo2Config
from vtg_jax.encoders.vit import VitConfig
from vtg_jax.errors import BadInput
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.nn.rope import LongRope
from vtg_jax.systems import released_files
from vtg_jax.systems.config_json import reading_sizes
from vtg_jax.systems.grounded_videollm.config import (
  PRESETS,
  SYSTEM,
  GroundedVideoLlmConfig,
)
from vtg_jax.systems.grounded_videollm.model import param_shapes
from vtg_jax.systems.released_files import existing, first_file

TOKENIZER = 'tokenizer.json'
# Image reduction, fused projections: what tells the two released models apart.
_VARIANTS = {'phi3': ('merge', True), 'llama3': ('pool', False)}
_EMBEDDING = re.compile(r'.*embed_tokens\.weight')
_HEAD_BIAS = re.compile(r'.*lm_head\.bias')
_VIDEO_PROJECTOR = re.compile(r'(^|[.|])video_projecter\.')
_LORA = re.compile(r'.*\.lora_A\.default\.weight')
# CLIP's layers have projections of the same names.
_LLM_LAYER = re.compile(r'(^|\.)model\.layers\.')


def table(config: GroundedVideoLlmConfig) -> Table:
  """The conversion table for a network of these sizes."""
  image, video = config.image_encoder, config.video_encoder
  return grounded_videollm_table(
    image_patch=image.patch_size,
    n_image_layers=image.n_layers,
    video_patch=(video.tubelet_size, video.patch_size, video.patch_size),
    n_video_layers=video.n_layers,
    channels=image.channels,
    image_reduction=config.two_stream.image_reduction,
    fused_projections=config.llm.fused_projections,
  )


def expected_params(config: GroundedVideoLlmConfig) -> dict:
  """Path -> shape of every parameter."""
  return flatten(param_shapes(config))


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
    sources: In loading order: the image encoder, the learned rows, the video
      encoder, and a stage's file; before stage 2 the language model's folder
      and the projectors, before stage 1 that of the image stream alone.
    out: The new folder.
    config: 'phi3', 'llama3', the config.json of the language model's folder
      (which alone knows the rotary factors of Phi-3.5), that of a golden set,
      or a JSON file with all sizes.
    tokenizers: The language model's `tokenizer.json`, where it lies beside no
      source and not beside `config`.
    overwrite: Replace `out` where it is a checkpoint of ours.
    progress: Called with (name, bytes done, bytes in all).

  Raises:
    BadInput: when a file is missing or does not fit; nothing is left behind.
  """
  sources, tokenizers = existing(sources), existing(tokenizers)
  sizes = _as_in_files(_config(config, sources), sources)
  beside = [*sources, *([Path(config).parent] if config else [])]
  tokenizer = first_file(
    [*tokenizers, *(folder / TOKENIZER for folder in beside)],
    f'no {TOKENIZER} lies in a source folder; give that of the language model '
    'with --tokenizer',
  )
  return released_files.convert(
    SYSTEM,
    sizes,
    sources,
    out,
    table=table(sizes),
    shapes=_shapes(sizes, sources),
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
    read_sizes=_released_sizes,
    table=table,
    as_pth=as_pth,
    progress=progress,
  )


def _released_sizes(values: Mapping) -> GroundedVideoLlmConfig:
  """As `from_dict`, of a model that the release has a layout for."""
  config = GroundedVideoLlmConfig.from_dict(values)
  if not config.two_stream.video_stream:
    raise BadInput(
      'config.two_stream.video_stream is false; the released layout needs both '
      'streams'
    )
  return config


def is_golden(description: Mapping) -> bool:
  """Whether a golden folder's config.json describes a Grounded-VideoLLM."""
  shared = {'clip', 'internvideo2'} <= description.keys()
  return shared and bool(models_of_golden(description))


def models_of_golden(description: Mapping) -> list[str]:
  """The models of a golden set, by the names of their language models."""
  return [name for name in _VARIANTS if name in description]


def config_of_golden(
  description: Mapping, name: str, *, tuned: bool = True
) -> GroundedVideoLlmConfig:
  """The sizes of one of a golden set's models.

  Args:
    description: Its config.json.
    name: 'phi3' or 'llama3'.
    tuned: With adapters and words of time, as after stages 2 and 3.
  """
  clip, video, llm = (
    description[key] for key in ('clip', 'internvideo2', name)
  )
  reduction, fused = _VARIANTS[name]
  grid = clip['image_size'] // clip['patch_size']
  side = grid // 2
  if reduction == 'pool':
    side, _ = description['image_pool_llama']
  video_side, _ = description['video_pool']
  lora = llm['lora']
  return GroundedVideoLlmConfig(
    image_encoder=VitConfig(
      block=BlockConfig(
        width=clip['hidden_size'],
        n_heads=clip['heads'],
        mlp_hidden=clip['intermediate'],
        norm='layer',
        norm_eps=clip['eps'],
        activation=clip['hidden_act'],
        fused_qkv=False,
        qkv_biases='qkv',
        qk_norm=False,
        layer_scale=None,
      ),
      n_layers=clip['layers'] - 1,
      image_size=clip['image_size'],
      patch_size=clip['patch_size'],
      channels=3,
      patch_bias=False,
      first_norm=True,
    ),
    video_encoder=InternVideo2Config(
      block=BlockConfig(
        width=video['embed_dim'],
        n_heads=video['heads'],
        mlp_hidden=video['mlp_hidden'],
        norm='rms',
        norm_eps=video['rms_eps'],
        activation='gelu',
        fused_qkv=True,
        qkv_biases='',
        qk_norm=True,
        layer_scale=1e-5,
      ),
      n_layers=video['depth'] - 1,
      image_size=video['img_size'],
      patch_size=video['patch_size'],
      tubelet_size=video['tubelet'],
      channels=3,
      table_steps=video['ckpt_t'],
      drop_path=0.0,
    ),
    two_stream=TwoStreamConfig(
      width=llm['hidden_size'],
      image_width=clip['hidden_size'],
      image_grid=grid,
      image_side=side,
      image_reduction=reduction,
      video_width=video['embed_dim'],
      video_grid=video['img_size'] // video['patch_size'],
      video_side=video_side,
    ),
    llm=DecoderConfig(
      vocab_size=llm['vocab_size_extended' if tuned else 'base_vocab_size'],
      width=llm['hidden_size'],
      n_layers=llm['num_hidden_layers'],
      n_heads=llm['num_attention_heads'],
      n_kv_heads=llm['num_key_value_heads'],
      head_dim=llm.get('head_dim')
      or llm['hidden_size'] // llm['num_attention_heads'],
      mlp_hidden=llm['intermediate_size'],
      norm_eps=llm['rms_norm_eps'],
      rope_theta=llm['rope_theta'],
      max_positions=llm['max_position_embeddings'],
      tied_embeddings=False,
      lora=LoraConfig(
        rank=lora['r'],
        alpha=float(lora['lora_alpha']),
        dropout=lora['dropout'],
        targets=tuple(lora['target_modules']),
      )
      if tuned
      else None,
      fused_projections=fused,
      head_bias=tuned,
      long_rope=_long_rope(llm),
    ),
    dialect=name,
    n_segments=description['num_segs'],
    n_frames=description['num_frames'],
    n_intervals=description['num_temporal_tokens'],
    max_text_tokens=2048,
  )


def _long_rope(llm: Mapping) -> LongRope | None:
  """Rotary factors of a language model's config.json, if it has any."""
  scaling = llm.get('rope_scaling')
  if not scaling:
    return None
  return LongRope(
    short_factors=tuple(map(float, scaling['short_factor'])),
    long_factors=tuple(map(float, scaling['long_factor'])),
    original_positions=llm['original_max_position_embeddings'],
  )


def _config(named, sources) -> GroundedVideoLlmConfig:
  if str(named) in PRESETS:
    return PRESETS[str(named)]()
  files = [Path(named)] if named is not None else []
  files += [source / 'config.json' for source in sources]
  file = next((file for file in files if file.is_file()), None)
  if file is None or (named is not None and file != Path(named)):
    raise BadInput(
      f'{"no config" if named is None else named} tells which model this is; '
      f'give --config {" or ".join(PRESETS)}, or the config.json of the '
      'language model'
    )
  description = checkpoint.read_json(file)
  with reading_sizes(file):
    if is_golden(description):
      return config_of_golden(description, _model_of(sources, description))
    if 'num_hidden_layers' in description:  # a language model of Hugging Face
      return _with_llm(description)
    return GroundedVideoLlmConfig.from_dict(
      description.get('model', description)
    )


def _model_of(sources: Sequence[Path], description: Mapping) -> str:
  """Which of a golden set's models the sources are of."""
  keys = [key for source in sources for key in open_source(source).tensors]
  models = models_of_golden(description)
  for name in models:
    _, fused = _VARIANTS[name]
    own = '.self_attn.qkv_proj.' if fused else '.self_attn.q_proj.'
    if any(own in key and _LLM_LAYER.search(key) for key in keys):
      return name
  return models[0]


def _with_llm(llm: Mapping) -> GroundedVideoLlmConfig:
  """The released sizes, with what the language model's own config says."""
  whole = PRESETS['phi3' if llm.get('rope_scaling') else 'llama3']()
  return dataclasses.replace(
    whole,
    llm=dataclasses.replace(
      whole.llm,
      norm_eps=llm['rms_norm_eps'],
      rope_theta=float(llm['rope_theta']),
      max_positions=llm['max_position_embeddings'],
      long_rope=_long_rope(llm),
    ),
  )


def _shapes(sizes: GroundedVideoLlmConfig, sources: Sequence[Path]) -> dict:
  """The parameters that the files are to fill.

  The base models know nothing of the video stream: where no file has any of
  its projector, and none is of stage 2, it is left for stage 1 to draw.
  """
  shapes = param_shapes(sizes)
  keys = [key for source in sources for key in open_source(source).tensors]
  if sizes.llm.head_bias or any(map(_VIDEO_PROJECTOR.search, keys)):
    return shapes
  own = dict(shapes['two_stream'])
  del own['video_projector']
  return {**shapes, 'two_stream': own}


def _as_in_files(
  sizes: GroundedVideoLlmConfig, sources: Sequence[Path]
) -> GroundedVideoLlmConfig:
  """The sizes with as many words, a head bias and adapters as files have.

  Conversions of one language model pad its words differently, and files of
  different stages differ in the rest.
  """
  shapes: dict[str, tuple[int, ...]] = {}
  for source in sources:
    for key, info in open_source(source).tensors.items():
      shapes[key] = info.shape

  def found(pattern):
    return [shapes[key] for key in shapes if pattern.fullmatch(key)]

  embeddings, adapters = found(_EMBEDDING), found(_LORA)
  if not embeddings:
    return sizes  # the table says what is missing
  lora = sizes.llm.lora if adapters else None
  if adapters and lora is not None:
    lora = dataclasses.replace(lora, rank=adapters[-1][0])
  return dataclasses.replace(
    sizes,
    llm=dataclasses.replace(
      sizes.llm,
      vocab_size=embeddings[-1][0],
      lora=lora,
      head_bias=bool(found(_HEAD_BIAS)),
    ),
  )
