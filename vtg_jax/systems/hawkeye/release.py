"""HawkEye's released files: which they are, how they are read and written."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from vtg_jax.adapters.qformer import QFormerConfig
from vtg_jax.convert import checkpoint
from vtg_jax.convert.from_release import ConversionReport
from vtg_jax.convert.hawkeye import hawkeye_table
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.table import Table
from vtg_jax.encoders.umt import UmtConfig
from vtg_jax.errors import BadInput
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.systems import released_files
from vtg_jax.systems.config_json import reading_sizes
from vtg_jax.systems.hawkeye.config import (
  PRESETS,
  RELEASED_STOP_IDS,
  SYSTEM,
  HawkEyeConfig,
  full,
)
from vtg_jax.systems.hawkeye.model import param_shapes
from vtg_jax.systems.released_files import existing
from vtg_jax.systems.vocabularies import tokenizer_files


def table(config: HawkEyeConfig) -> Table:
  """The conversion table for a network of these sizes."""
  encoder = config.encoder
  patch = (encoder.tubelet_size, encoder.patch_size, encoder.patch_size)
  return hawkeye_table(patch=patch, channels=encoder.channels)


def expected_params(config: HawkEyeConfig) -> dict:
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
    sources: The Vicuna folder, then `hawkeye.pth` or the files of earlier
      stages, in loading order.
    out: The new folder.
    config: 'full' (with `hawkeye.pth`), 'stage2' (UMT and stage-2 files, which
      hold no LoRA), or a JSON file with the sizes; when None, the config.json
      of a source folder if it holds them, else 'full'.
    tokenizers: The language model's `tokenizer.model` and the Q-Former's
      `vocab.txt`, where they do not lie in a source folder.
    overwrite: Replace `out` where it is a checkpoint of ours.
    progress: Called with (name, bytes done, bytes in all).

  Raises:
    BadInput: when a file is missing or does not fit; nothing is left behind.
  """
  sources, tokenizers = existing(sources), existing(tokenizers)
  sizes = _config(config, sources)
  return released_files.convert(
    SYSTEM,
    sizes,
    sources,
    out,
    table=table(sizes),
    shapes=param_shapes(sizes),
    tokenizers=tokenizer_files(sources, tokenizers),
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
    read_sizes=HawkEyeConfig.from_dict,
    table=table,
    as_pth=as_pth,
    progress=progress,
  )


def is_golden(description: Mapping) -> bool:
  """Whether a golden folder's config.json describes a HawkEye."""
  return {'dims', 'vit', 'qformer', 'llm', 'lora'} <= description.keys()


def config_of_golden(description: Mapping) -> HawkEyeConfig:
  """The sizes of a golden set, from its config.json."""
  dims = description['dims']
  vit, q, llm, lora = (dims[k] for k in ('vit', 'q', 'llm', 'lora'))
  image, text = description['vit'], description['qformer']
  words = description['llm']
  return HawkEyeConfig(
    encoder=UmtConfig(
      width=vit['embed'],
      n_layers=description['vit_blocks_run'],
      n_heads=vit['heads'],
      mlp_hidden=int(vit['embed'] * image['mlp_ratio']),
      image_size=vit['img'],
      patch_size=vit['patch'],
      tubelet_size=image['tubelet_size'],
      channels=image['in_chans'],
      norm_eps=image['norm_eps'],
    ),
    vision_norm_eps=image['vision_layernorm_eps'],
    qformer=QFormerConfig(
      width=q['hidden'],
      n_layers=q['layers'],
      n_heads=q['heads'],
      mlp_hidden=q['inter'],
      vocab_size=description['bert_vocab_with_dec'],
      max_positions=q['maxpos'],
      n_queries=q['nq'],
      n_extra_queries=q['nextra'],
      cross_attention_every=text['cross_attention_freq'],
      features_width=vit['embed'],
      norm_eps=text['layer_norm_eps'],
      dropout=0.1,
      drop_path=0.2,
    ),
    llm=DecoderConfig(
      vocab_size=description['llm_vocab'],
      width=llm['hidden'],
      n_layers=llm['layers'],
      n_heads=llm['heads'],
      n_kv_heads=llm['heads'],
      head_dim=llm['hidden'] // llm['heads'],
      mlp_hidden=llm['inter'],
      norm_eps=words['rms_norm_eps'],
      rope_theta=float(words['rope_base']),
      max_positions=llm['maxpos'],
      tied_embeddings=False,
      lora=LoraConfig(
        rank=lora['r'],
        alpha=float(lora['alpha']),
        dropout=lora['dropout'],
        targets=tuple(description['lora']['targets']),
      ),
    ),
    n_frames=vit['frames'],
    max_text_tokens=dims['max_txt_len'],
    stop_ids=RELEASED_STOP_IDS,
    pad_id=words['pad'],
  )


def _config(named, sources) -> HawkEyeConfig:
  if str(named) in PRESETS:
    return PRESETS[str(named)]()
  if named is not None:
    if not Path(named).is_file():
      raise BadInput(
        f'{named} is neither a file nor one of {", ".join(PRESETS)}; name one '
        'of them'
      )
    return _config_of(checkpoint.read_json(Path(named)), named)
  for source in sources:
    file = source / 'config.json'
    if file.is_file():
      try:
        description = json.loads(file.read_text('utf-8'))
      except ValueError:
        continue  # the reader of the weights says what is wrong
      if isinstance(description, dict) and is_golden(description):
        return _config_of(description, file)
  return full()


def _config_of(description, where) -> HawkEyeConfig:
  with reading_sizes(where):
    if is_golden(description):
      return config_of_golden(description)
    return HawkEyeConfig.from_dict(description.get('model', description))
