"""TimeChat's released files: which they are, how they are read and written."""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vtg_jax.adapters.qformer import QFormerConfig
from vtg_jax.convert import checkpoint
from vtg_jax.convert.from_release import ConversionReport
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import Source, open_source
from vtg_jax.convert.table import Table
from vtg_jax.convert.timechat import (
  EARLIER,
  FRAME_POSITIONS,
  NEW_WORDS,
  timechat_table,
)
from vtg_jax.encoders.block import BlockConfig
from vtg_jax.encoders.vit import VitConfig
from vtg_jax.errors import BadInput
from vtg_jax.llm.decoder_config import NewWords
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.systems import released_files
from vtg_jax.systems.config_json import reading_sizes
from vtg_jax.systems.llama_json import llama_decoder
from vtg_jax.systems.released_files import existing
from vtg_jax.systems.timechat.config import (
  PRESETS,
  SYSTEM,
  TimeChatConfig,
  full,
  video_qformer_of,
)
from vtg_jax.systems.timechat.model import param_shapes
from vtg_jax.systems.timechat.time_formats import RELATIVE_TEXT, RELATIVE_TOKENS
from vtg_jax.systems.vocabularies import tokenizer_files

_LORA = re.compile(r'.*\.lora_A\.default\.weight')
_QFORMER_WORDS = re.compile(
  r'Qformer\.bert\.embeddings\.word_embeddings\.weight'
)
_EMBEDDING = re.compile(r'(.*\.)?embed_tokens\.weight')
# Of the Q-Formers and of LoRA, while training; no file tells it.
_DROPOUT = 0.1


def table(config: TimeChatConfig) -> Table:
  """The conversion table for a network of these sizes."""
  return timechat_table(
    patch_size=config.encoder.patch_size,
    n_image_layers=config.encoder.n_layers,
    channels=config.encoder.channels,
    clip_encoder=not config.encoder.block.fused_qkv,
  )


def expected_params(config: TimeChatConfig) -> dict:
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
    sources: In loading order: the folder of LLaMA-2-7B-chat, `eva_vit_g.pth`,
      InstructBLIP's trimmed file, Video-LLaMA's file, and `timechat_7b.pth`;
      without the last one it is what TimeChat's training starts from, which
      has no LoRA. With it, Video-LLaMA's file may be left out.
    out: The new folder.
    config: 'full', 'start', the config.json of the language model's folder or
      of a golden set, or a JSON file with all sizes; when None, that of a
      source folder with the other sizes of 'full'.
    tokenizers: The language model's `tokenizer.model` and the Q-Former's
      `vocab.txt`, where they do not lie in a source folder.
    overwrite: Replace `out` where it is a checkpoint of ours.
    progress: Called with (name, bytes done, bytes in all).

  Raises:
    BadInput: when a file is missing or does not fit; nothing is left behind.
  """
  sources, tokenizers = existing(sources), existing(tokenizers)
  sizes = _config(config, sources)
  opened = scoped([open_source(source) for source in sources])
  sizes = as_in_files(sizes, opened)
  beside = [*sources, *([Path(config).parent] if config else [])]
  return released_files.convert(
    SYSTEM,
    sizes,
    opened,
    out,
    table=table(sizes),
    shapes=param_shapes(sizes),
    tokenizers=tokenizer_files(beside, tokenizers),
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
    read_sizes=TimeChatConfig.from_dict,
    table=table,
    as_pth=as_pth,
    progress=progress,
  )


def scoped(sources: Sequence[Source]) -> list[Source]:
  """Marks sources whose frame positions a later one has in another number.

  Video-LLaMA knows 32 frames and TimeChat 96; the table of the former then
  fills nothing, and is kept for export.
  """
  shapes = [
    source.tensors[FRAME_POSITIONS].shape
    for source in sources
    if FRAME_POSITIONS in source.tensors
  ]
  return [
    dataclasses.replace(source, scope=EARLIER)
    if FRAME_POSITIONS in source.tensors
    and source.tensors[FRAME_POSITIONS].shape != shapes[-1]
    else source
    for source in sources
  ]


def as_in_files(
  sizes: TimeChatConfig, sources: Sequence[Source]
) -> TimeChatConfig:
  """The sizes with the words, adapters and frame positions that files have.

  Digits that are words of their own stand behind the placeholder; times are
  told in them, and in decimals to the Q-Former, as we train Seq2Time.
  """

  def last(pattern):
    shapes = [
      info.shape
      for source in sources
      for key, info in source.tensors.items()
      if pattern.fullmatch(key)
    ]
    return shapes[-1] if shapes else None

  words, adapter = last(_EMBEDDING), last(_LORA)
  vocab_size = words[0] if words else sizes.llm.vocab_size
  digits = last(re.compile(re.escape(NEW_WORDS)))
  frames = last(re.compile(re.escape(FRAME_POSITIONS)))
  lora = sizes.llm.lora
  if adapter and lora is not None:
    lora = dataclasses.replace(lora, rank=adapter[0])
  video = sizes.video_qformer
  n_frames = frames[0] if frames and len(frames) == 2 else video.n_frames
  qformer, own = sizes.qformer, last(_QFORMER_WORDS)
  if digits:
    # Its digits may be words of the Q-Former, too.
    too = own == (qformer.vocab_size + digits[0], qformer.width)
    qformer = dataclasses.replace(
      qformer, vocab_size=own[0] if too else qformer.vocab_size
    )
    sizes = dataclasses.replace(
      sizes,
      qformer=qformer,
      places='codes',
      qformer_time_format=RELATIVE_TOKENS if too else RELATIVE_TEXT,
    )
  return dataclasses.replace(
    sizes,
    n_frames=min(sizes.n_frames, n_frames),
    video_qformer=dataclasses.replace(video, n_frames=n_frames),
    llm=dataclasses.replace(
      sizes.llm,
      lora=lora,
      vocab_size=vocab_size,
      new_words=NewWords(first=vocab_size + 1, count=digits[0])
      if digits
      else None,
    ),
  )


def is_golden(description: Mapping) -> bool:
  """Whether a golden folder's config.json describes a TimeChat."""
  needed = {'vit', 'qformer', 'llama', 'lora', 'num_video_query_token'}
  return needed <= description.keys()


def config_of_golden(description: Mapping) -> TimeChatConfig:
  """The sizes of a golden set, from its config.json."""
  vit, text = description['vit'], description['qformer']
  fixed, lora = description['fixed'], description['lora']
  shown = [
    description[part]['n_frms']
    for part in ('eval', 'train')
    if part in description
  ]
  qformer = QFormerConfig(
    width=text['hidden_size'],
    n_layers=text['num_hidden_layers'],
    n_heads=text['num_attention_heads'],
    mlp_hidden=text['intermediate_size'],
    vocab_size=description['bert_vocab'],
    max_positions=text['max_position_embeddings'],
    n_queries=description['num_query_token'],
    n_extra_queries=0,
    cross_attention_every=fixed['qformer_cross_attention_freq'],
    features_width=vit['embed_dim'],
    norm_eps=fixed['qformer_ln_eps'],
    dropout=_DROPOUT,
    drop_path=0.0,
  )
  video = video_qformer_of(
    qformer,
    n_layers=fixed['video_qformer_layers'],
    n_queries=description['num_video_query_token'],
    n_frames=description['max_frame_pos'],
    window=description['window_size'],
    stride=description['stride'],
  )
  every = fixed.get('video_qformer_cross_attention_freq', 1)
  llama = {
    'rope_theta': fixed['rope_theta'],
    **description['llama'],
    'vocab_size': description['llama_vocab'],
  }
  return TimeChatConfig(
    encoder=VitConfig(
      block=BlockConfig(
        width=vit['embed_dim'],
        n_heads=vit['num_heads'],
        mlp_hidden=int(vit['embed_dim'] * vit['mlp_ratio']),
        norm='layer',
        norm_eps=fixed['vit_ln_eps'],
        activation='gelu',
        fused_qkv=True,
        qkv_biases='qv',
        qk_norm=False,
        layer_scale=None,
      ),
      n_layers=vit['depth'],
      image_size=vit['img_size'],
      patch_size=vit['patch_size'],
      channels=3,
      patch_bias=True,
      first_norm=False,
    ),
    vision_norm_eps=fixed['ln_vision_eps'],
    qformer=qformer,
    video_qformer=dataclasses.replace(
      video,
      qformer=dataclasses.replace(video.qformer, cross_attention_every=every),
    ),
    llm=llama_decoder(
      llama,
      LoraConfig(
        rank=lora['r'],
        alpha=float(lora['alpha']),
        dropout=_DROPOUT,
        targets=tuple(fixed['lora_targets']),
      ),
    ),
    n_frames=min([*shown, description['max_frame_pos']]),
    max_time_tokens=full().max_time_tokens,
    max_text_tokens=description['max_txt_len'],
  )


def _config(named, sources: Sequence[Path]) -> TimeChatConfig:
  """What is asked for, or what a folder's config.json tells."""
  if str(named) in PRESETS:
    return PRESETS[str(named)]()
  files = [Path(named)] if named is not None else []
  files += [source / 'config.json' for source in sources]
  file = next((file for file in files if file.is_file()), None)
  if named is not None and file != Path(named):
    raise BadInput(
      f'{named} is neither a file nor one of {", ".join(PRESETS)}; name one of '
      'them'
    )
  if file is None:
    return full()
  description = checkpoint.read_json(file)
  with reading_sizes(file):
    if is_golden(description):
      return config_of_golden(description)
    if 'num_hidden_layers' in description:  # LLaMA's own
      whole = full()
      llm = llama_decoder(description, whole.llm.lora)
      return dataclasses.replace(whole, llm=llm)
    return TimeChatConfig.from_dict(description.get('model', description))
