"""Replays a HawkEye golden folder: every array and every case."""

import functools
import json
import re
from pathlib import Path

import jax
import numpy as np

from vtg_jax.systems.hawkeye.replay.cases import replay_cases
from vtg_jax.systems.hawkeye.replay.golden_set import GoldenSet
from vtg_jax.systems.hawkeye.replay.makers import OUTPUTS, TABLES
from vtg_jax.systems.replay.arrays import (
  Tolerance,
  attempt,
  load_arrays,
  replay_names,
)
from vtg_jax.systems.replay.cases import FILE_NAME
from vtg_jax.systems.replay.comparison import (
  Comparison,
  compare_arrays,
  compare_values,
)

# By name; the first match counts.
TOLERANCES = (
  (r'train_grad::.*', Tolerance(most=1e-4, relative_to_max=True)),
  (r'.*_loss(_sample\d+)?', Tolerance(most=1e-5)),
  (r'.*_logits.*', Tolerance(most=2e-4)),
  (r'.*_(tokens|labels|attention_mask)', Tolerance(most=0.0)),
  (r'.*', Tolerance(most=2e-5)),
)


def replay(
  folder: Path,
) -> tuple[list[Comparison], dict[str, np.ndarray]]:
  """Replays a golden folder.

  Args:
    folder: config.json, weights.safetensors, inputs.npz and the tokenizer
      files; outputs.npz, posembed_preproc.npz and cases.json are compared
      with where they are there.

  Returns:
    A comparison for every recorded array, case and figure, and our arrays by
    name.

  Raises:
    BadInput: when what the replay needs is missing or damaged.
  """
  # Accelerators multiply float32 in fewer bits unless told otherwise.
  with jax.default_matmul_precision('highest'):
    return _replay(folder)


def _replay(folder):
  golden = GoldenSet(folder)
  comparisons = _token_comparisons(golden)
  outputs = folder / 'outputs.npz'
  recorded = load_arrays(outputs) if outputs.is_file() else {}
  names = list(recorded) or _usual_names(golden)
  compared, arrays = replay_names(OUTPUTS, TOLERANCES, golden, names, recorded)
  comparisons += compared + _figure_comparisons(golden)
  extra = folder / 'posembed_preproc.npz'
  if extra.is_file():
    recorded = load_arrays(extra)
    compared, tables = replay_names(
      TABLES, TOLERANCES, recorded, recorded, recorded
    )
    comparisons += compared
    arrays |= tables
  if (folder / FILE_NAME).is_file():
    cases = replay_cases(folder)
    comparisons += cases.comparisons
    arrays['cases.json'] = np.array(json.dumps(cases.values))
  return comparisons, arrays


def _usual_names(golden: GoldenSet) -> list[str]:
  """What outputs.npz holds, for a folder without it."""
  config, about = golden.config, golden.description
  singles = ('multi', 'plain', 'image', 'trunc')
  names = [
    'vit_pos_embed',
    'vit_img_pos_embed',
    'vit_embed_plus_pos',
    *(f'vit_block{i}' for i in range(config.encoder.n_layers)),
    'vit_out',
    'vision_layernorm_out',
    'image_vit_out',
    'alt_vit_pos_embed',
    'alt_vit_img_pos_embed',
    'alt_vit_out',
    'qformer_embeddings',
    *(f'qformer_hidden_{i + 1}' for i in range(config.qformer.n_layers)),
    'llama_proj_out',
    'image_llama_proj_out',
    'empty_instruction_llama_proj_out',
    'train_inputs_embeds',
    'train_attention_mask',
    'train_labels',
    'train_logits',
    'train_loss',
    *(f'train_grad::{key}' for key in about.get('grad_norms', {})),
    'train_nolora_logits_sample1',
    'train_nolora_loss_sample1',
    'train_loss_sample1',
  ]
  for name in singles:
    last = 8 if name in ('multi', 'image') else 4
    names += [f'{name}_{kind}' for kind in ('attention_mask', 'labels', 'loss')]
    names.append(f'{name}_logits_last{last}')
  names += [f'{name}_tokens' for name in about.get('generation', {})]
  names += [f'{name}_logits_last4' for name in golden.prompts]
  return names


def _token_comparisons(golden: GoldenSet) -> list[Comparison]:
  """Our tokenizers against the recorded ids of every text."""
  prompts = '|'.join(map(re.escape, golden.prompts))  # of others: ids alone
  makers = {
    rf'({prompts})_seg(\d+)_ids': lambda name, i: golden.prompt_segments(name)[
      int(i)
    ],
    r'([a-z]+)_p_(before|after)_ids_(\d+)': lambda name, part, i: golden.halves(
      golden.texts(name)[int(i)]
    )[part == 'after'],
    r'qformer_input_ids': lambda: golden.padded_instructions(
      [
        golden.description['instructions'][i]
        for i in golden.description['train_samples']
      ]
    ),
    r'image_qformer_input_ids': lambda: [
      golden.instruction(golden.description['image_instruction'])
    ],
    r'empty_qformer_input_ids': lambda: [golden.instruction('')],
    r'bert_left_trunc_ids': lambda: [
      golden.bert.encode(
        golden.description['bert_left_trunc']['text'],
        max_length=golden.description['bert_left_trunc']['max_length'],
      )
    ],
  }

  def compare(name, maker, groups):
    recorded = golden.inputs[name].tolist()
    return compare_values(f'tokenise {name}', maker(*groups), recorded)

  return [
    attempt(
      f'tokenise {name}',
      functools.partial(compare, name, maker, match.groups()),
    )
    for name in golden.inputs
    for pattern, maker in makers.items()
    if (match := re.fullmatch(pattern, name))
  ]


def _figure_comparisons(golden: GoldenSet) -> list[Comparison]:
  """Losses, gradient norms and replies that config.json records."""
  about = golden.description
  norms = about.get('grad_norms', {})
  largest = max(norms.values(), default=0.0)

  def loss(name):
    of_batch = name == 'train'
    got = golden.trained[0][0] if of_batch else golden.conversation(name)[2]
    want = np.float64(about['losses'][name])
    return compare_arrays(f'losses.{name}', np.float64(got), want, 1e-5)

  def norm(key):
    got = np.linalg.norm(golden.gradients[key].astype(np.float64))
    want = np.float64(norms[key])
    return compare_arrays(f'grad_norms.{key}', got, want, 1e-4 * largest)

  def text(name):
    return compare_values(
      f'generation.{name}.text',
      golden.reply(name),
      about['generation'][name]['text'],
    )

  kinds = (
    ('losses.{}', loss, about.get('losses', {})),
    ('grad_norms.{}', norm, norms),
    (
      'generation.{}.text',
      text,
      [n for n, g in about.get('generation', {}).items() if 'text' in g],
    ),
  )
  return [
    attempt(label.format(name), functools.partial(compare, name))
    for label, compare, names in kinds
    for name in names
  ]
