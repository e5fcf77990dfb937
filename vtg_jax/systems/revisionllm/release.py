"""ReVisionLLM's released files: which they are, how they are read and written.

Vicuna, then what the stages left; see `stages`.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from vtg_jax.adapters.hierarchy import ClipEncoderConfig
from vtg_jax.convert import checkpoint
from vtg_jax.convert.from_release import ConversionReport
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import Source
from vtg_jax.convert.revisionllm import (
  PROJECTOR,
  SPARSE,
  revisionllm_table,
  scope,
)
from vtg_jax.convert.table import Table
from vtg_jax.convert.to_release import NewFile
from vtg_jax.errors import BadInput
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.systems import released_files
from vtg_jax.systems.config_json import reading_sizes
from vtg_jax.systems.llama_json import llama_decoder
from vtg_jax.systems.released_files import existing, first_file
from vtg_jax.systems.revisionllm.config import (
  DENSE,
  PRESETS,
  SYSTEM,
  ReVisionLlmConfig,
  levels_of,
)
from vtg_jax.systems.revisionllm.model import param_shapes
from vtg_jax.systems.revisionllm.stages import as_in_files, open_stages

TOKENIZER = 'tokenizer.model'


def table(config: ReVisionLlmConfig) -> Table:
  """The conversion table for a network of these sizes."""
  return revisionllm_table(
    loras=config.loras,
    sparse_copies=DENSE if DENSE in config.loras else None,
    beside_projector=config.alternate_norm,
  )


def expected_params(config: ReVisionLlmConfig) -> dict:
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
    sources: Vicuna's folder, the projector of the first stage, and the folders
      of the stages; each a path or 'NAME=PATH'. A path without a name is
      called what it says of 'dense', 'sparse', 'long' and its number of
      windows. Levels are those whose adapter is given; 'unified' is one
      adapter for all.
    out: The new folder.
    config: 'mad', 'vidchapters', 'unified', the config.json of Vicuna's folder
      or of a golden set, or a JSON file with all sizes; when None, that of a
      source folder, with the other sizes of 'mad'.
    tokenizers: Vicuna's `tokenizer.model`, where it lies in no source folder.
    overwrite: Replace `out` where it is a checkpoint of ours.
    progress: Called with (name, bytes done, bytes in all).

  Raises:
    BadInput: when a file is missing or does not fit, or no file holds an
      adapter; nothing is left behind.
  """
  opened = open_stages(sources)
  sizes = as_in_files(_config(config, opened), opened)
  folders = [source.path for source in opened if source.is_folder]
  beside = [*folders, *([Path(config).parent] if config else [])]
  tokenizer = first_file(
    [*existing(tokenizers), *(folder / TOKENIZER for folder in beside)],
    f'no {TOKENIZER} lies in a source folder; give that of Vicuna with '
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
  """Writes a checkpoint of ours under its released key names.

  What came from no file goes in folders as the stages leave them: an adapter
  and its config in a folder of its name, the encoder in 'sparse'.
  """
  return released_files.export(
    folder,
    out,
    read_sizes=ReVisionLlmConfig.from_dict,
    table=table,
    new_files=new_files,
    as_pth=as_pth,
    progress=progress,
  )


def new_files(config: ReVisionLlmConfig) -> dict[str, NewFile]:
  """Scope -> file of the parameters that came from no file."""
  files = {
    scope(PROJECTOR): NewFile(name='mm_projector'),
    scope(SPARSE): NewFile(name=f'{SPARSE}/non_lora_trainables'),
  }
  for name in config.loras:
    files[scope(name)] = NewFile(
      name=f'{name}/adapter_model',
      beside={'adapter_config.json': peft_config(config.llm.lora)},
    )
  return files


def peft_config(lora: LoraConfig) -> dict:
  """What peft needs to know of an adapter."""
  return {
    'base_model_name_or_path': None,
    'bias': 'none',
    'fan_in_fan_out': False,
    'inference_mode': True,
    'init_lora_weights': True,
    'layers_pattern': None,
    'layers_to_transform': None,
    'lora_alpha': int(lora.alpha) if lora.alpha % 1 == 0 else lora.alpha,
    'lora_dropout': lora.dropout,
    'modules_to_save': None,
    'peft_type': 'LORA',
    'r': lora.rank,
    'revision': None,
    'target_modules': list(lora.targets),
    'task_type': 'CAUSAL_LM',
  }


def is_golden(description: Mapping) -> bool:
  """Whether a golden folder's config.json describes a ReVisionLLM."""
  return {'llama', 'adapter', 'lora', 'num_segments'} <= description.keys()


def config_of_golden(description: Mapping) -> ReVisionLlmConfig:
  """The sizes of a golden set, from its config.json."""
  adapter, lora = description['adapter'], description['lora']
  n_frames = description['frames_per_segment']
  return ReVisionLlmConfig(
    features_width=adapter['d_model'],
    clip_encoder=ClipEncoderConfig(
      width=adapter['d_model'],
      n_heads=adapter['nhead'],
      n_text_layers=adapter['num_encoder_layers'],
      n_layers=adapter['num_encoder_layers'],
      mlp_hidden=adapter['dim_feedforward'],
      norm_eps=adapter['layer_norm_eps'],
      dropout=0.1,
      position_code='activations',
    ),
    llm=llama_decoder(
      description['llama'],
      LoraConfig(
        rank=lora['r'],
        alpha=float(lora['lora_alpha']),
        dropout=lora['lora_dropout'],
        targets=tuple(lora['target_modules']),
      ),
    ),
    levels=levels_of({'long': description['num_segments']}),
    n_frames=n_frames,
    window_s=n_frames / 2,
    fps=5.0,
  )


def _config(named, sources: Sequence[Source]) -> ReVisionLlmConfig:
  """What is asked for, or what a folder's config.json tells."""
  if str(named) in PRESETS:
    return PRESETS[str(named)]()
  files = [Path(named)] if named is not None else []
  files += [source.path / 'config.json' for source in sources]
  file = next((file for file in files if file.is_file()), None)
  if named is not None and file != Path(named):
    raise BadInput(
      f'{named} is neither a file nor one of {", ".join(PRESETS)}; name one of '
      'them'
    )
  if file is None:
    return PRESETS['mad']()
  description = checkpoint.read_json(file)
  with reading_sizes(file):
    if is_golden(description):
      return config_of_golden(description)
    if 'num_hidden_layers' in description:  # Vicuna's own
      whole = PRESETS['mad']()
      return dataclasses.replace(
        whole, llm=llama_decoder(description, whole.llm.lora)
      )
    return ReVisionLlmConfig.from_dict(description.get('model', description))
