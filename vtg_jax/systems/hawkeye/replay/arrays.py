"""Replays a HawkEye golden folder: every array and every case."""

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from input_pipeline.pixels import eval_transform
from vtg_jax.encoders.umt import UmtConfig, position_table
from vtg_jax.systems.hawkeye.replay.cases import FILE_NAME, replay_cases
from vtg_jax.systems.hawkeye.replay.golden_set import GoldenSet, load_arrays
from vtg_jax.systems.replay import (
  Comparison,
  compare_arrays,
  compare_values,
  failure,
)

# Largest difference that passes, by name; the first match counts.
TOLERANCES = (
  (r'train_grad::.*', 1e-4),  # relative to the gradient's largest magnitude
  (r'.*_loss(_sample\d+)?', 1e-5),
  (r'.*_logits.*', 2e-4),
  (r'.*_(tokens|labels|attention_mask)', 0.0),
  (r'.*', 2e-5),
)
# Where the released position table is defined: 14 x 14 patches at 224 px.
FULL_WIDTH, FULL_PATCH = 1024, 16


def _encoder(width: int, image_size: int, patch_size: int) -> UmtConfig:
  """A config of which only the position table is asked."""
  return UmtConfig(
    width=width,
    n_layers=1,
    n_heads=1,
    mlp_hidden=width,
    image_size=image_size,
    patch_size=patch_size,
    tubelet_size=1,
    channels=3,
    norm_eps=1e-6,
  )


def _table_rows(file, name, width, frames, every, *, grid=None):
  """Every so many rows of a position table.

  Args:
    file: The recorded arrays.
    name: Of the array asked for.
    width: Channels.
    frames: 1 for the image table.
    every: Stride that the name tells. Where the recorded array has another
      number of rows than that stride gives, the name is wrong, and the stride
      with as many rows that fits best is taken instead.
    grid: Patches along a side; None for the branch of 224 px.
  """
  size = 224 if grid is None else grid * FULL_PATCH
  table = position_table(_encoder(width, size, FULL_PATCH), frames)
  rows = table[:: int(every)]
  if name not in file or len(file[name]) in (len(rows), 0):
    return rows
  recorded = file[name]
  strides = [
    stride
    for stride in range(1, len(table))
    if -(-len(table) // stride) == len(recorded)
  ]
  if not strides or recorded.shape[1:] != rows.shape[1:]:
    return rows
  return min(
    (table[::stride] for stride in strides),
    key=lambda rows: np.abs(rows - recorded).max(),
  )


def _square(rows, columns):
  if rows != columns:
    raise KeyError(f'a grid of {rows}x{columns} is not square')
  return int(rows)


# How each array of outputs.npz is made: name -> function of (set, *groups).
# Shapes, counts and sample numbers are read from the names.
OUTPUTS: tuple[tuple[str, Callable], ...] = (
  (
    r'vit_pos_embed',
    lambda g: position_table(g.config.encoder, g.config.n_frames)[None],
  ),
  (r'vit_img_pos_embed', lambda g: position_table(g.config.encoder, 1)[None]),
  (
    r'alt_vit_pos_embed',
    lambda g: position_table(
      g.alt_encoder, g.description['dims']['alt']['frames']
    )[None],
  ),
  (r'alt_vit_img_pos_embed', lambda g: position_table(g.alt_encoder, 1)[None]),
  (r'vit_embed_plus_pos', lambda g: g.seen[1].embedded[:1]),
  # As a NumPy array: jax would take the last block for one beyond it.
  (
    r'vit_block(\d+)',
    lambda g, i: np.asarray(g.seen[1].layers)[int(i), :1],
  ),
  (r'vit_out', lambda g: g.seen[1].features[:1]),
  (r'vision_layernorm_out', lambda g: g.seen[0][:1]),
  (r'image_vit_out', lambda g: g.seen_image[1].features),
  (r'alt_vit_out', lambda g: g.seen_alt.features),
  (r'qformer_embeddings', lambda g: g.qformer[1].embedded),
  (
    r'qformer_hidden_(\d+)',
    lambda g, i: (g.qformer[1].embedded, *g.qformer[1].layers)[int(i)],
  ),
  (r'llama_proj_out', lambda g: g.qformer[0]),
  (
    r'image_llama_proj_out',
    lambda g: g.video_tokens(
      g.seen_image[0], g.description['image_instruction']
    ),
  ),
  (
    r'empty_instruction_llama_proj_out',
    lambda g: g.video_tokens(g.seen[0][:1], ''),
  ),
  (r'train_inputs_embeds', lambda g: g.trained[0][1][0]),
  (r'train_attention_mask', lambda g: _int(g.train_rows.attention_mask)),
  (r'train_labels', lambda g: g.train_rows.labels),
  (r'train_logits', lambda g: g.trained[0][1][1]),
  (r'train_loss', lambda g: g.trained[0][0]),
  (r'train_grad::(.+)', lambda g, key: g.gradients[key]),
  (
    r'train_nolora_logits_sample(\d+)',
    lambda g, i: g.scored_alone(int(i), lora=False)[0],
  ),
  (
    r'train_nolora_loss_sample(\d+)',
    lambda g, i: g.scored_alone(int(i), lora=False)[1],
  ),
  (
    r'train_loss_sample(\d+)',
    lambda g, i: g.scored_alone(int(i), lora=True)[1],
  ),
  (
    r'(multi|plain|image|trunc)_attention_mask',
    lambda g, name: _int(g.conversation(name)[0].attention_mask),
  ),
  (
    r'(multi|plain|image|trunc)_labels',
    lambda g, name: g.conversation(name)[0].labels,
  ),
  (
    r'(multi|plain|image|trunc)_logits_last(\d+)',
    lambda g, name, n: g.conversation(name)[1][:, -int(n) :],
  ),
  (
    r'(multi|plain|image|trunc)_loss',
    lambda g, name: g.conversation(name)[2],
  ),
  (
    r'(gen\w*)_logits_last(\d+)',
    lambda g, name, n: g.prefilled(name, int(n))[1],
  ),
  (r'(gen\w*)_tokens', lambda g, name: _int(g.generated(name))),
)

# The same for posembed_preproc.npz; its inputs lie in the same file.
# `name` is the whole name, what follows are its groups.
TABLES: tuple[tuple[str, Callable], ...] = (
  (
    r'(full_(\d+)f_rows_every_(\d+))',
    lambda f, name, frames, n: _table_rows(f, name, FULL_WIDTH, int(frames), n),
  ),
  (
    r'(full_img_rows_every_(\d+))',
    lambda f, name, n: _table_rows(f, name, FULL_WIDTH, 1, n),
  ),
  (
    r'(full_(\d+)f_col_mean)',
    lambda f, name, frames: _table_rows(f, '', FULL_WIDTH, int(frames), 1).mean(
      0
    ),
  ),
  (
    r'(d(\d+)_(\d+)f_224_rows_every_(\d+))',
    lambda f, name, d, frames, n: _table_rows(f, name, int(d), int(frames), n),
  ),
  (
    r'(d(\d+)_img_224_rows_every_(\d+))',
    lambda f, name, d, n: _table_rows(f, name, int(d), 1, n),
  ),
  (
    r'(d(\d+)_(\d+)f_(\d+)x(\d+)_rows_every_(\d+))',
    lambda f, name, d, frames, h, w, n: _table_rows(
      f, name, int(d), int(frames), n, grid=_square(h, w)
    ),
  ),
  (
    r'(d(\d+)_img_(\d+)x(\d+)_rows_every_(\d+))',
    lambda f, name, d, h, w, n: _table_rows(
      f, name, int(d), 1, n, grid=_square(h, w)
    ),
  ),
  (r'(preproc_\w+)_in', lambda f, name: f[f'{name}_in']),
  (
    r'(preproc_\w+)_out_every(\d+)',
    lambda f, name, n: eval_transform(f[f'{name}_in'], 224)[
      :, :: int(n), :: int(n)
    ],
  ),
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
  golden = GoldenSet(folder)
  arrays, comparisons = {}, []
  comparisons += _token_comparisons(golden)
  outputs = folder / 'outputs.npz'
  recorded = load_arrays(outputs) if outputs.is_file() else {}
  names = list(recorded) or _usual_names(golden)
  comparisons += _replay_names(OUTPUTS, golden, names, recorded, arrays)
  comparisons += _figure_comparisons(golden)
  extra = folder / 'posembed_preproc.npz'
  if extra.is_file():
    recorded = load_arrays(extra)
    comparisons += _replay_names(TABLES, recorded, recorded, recorded, arrays)
  if (folder / FILE_NAME).is_file():
    cases = replay_cases(folder)
    comparisons += cases.comparisons
    arrays['cases.json'] = np.array(json.dumps(cases.values))
  return comparisons, arrays


def _replay_names(makers, source, names, recorded, arrays):
  """Makes each named array and compares it where it was recorded."""
  comparisons = []
  for name in names:
    tolerance = next(t for p, t in TOLERANCES if re.fullmatch(p, name))
    made = [
      (maker, match.groups())
      for pattern, maker in makers
      if (match := re.fullmatch(pattern, name))
    ]
    if not made:
      comparisons.append(failure(name, 'no rule makes an array of this name'))
      continue
    maker, groups = made[0]
    try:
      array = np.asarray(maker(source, *groups))
    except Exception as error:  # whatever it is, this array was not replayed
      said = f'{type(error).__name__}: {error}'
      comparisons.append(failure(name, said, tolerance=tolerance))
      continue
    arrays[name] = array
    if name in recorded:
      comparisons.append(
        compare_arrays(
          name,
          array,
          recorded[name],
          tolerance,
          relative_to_max=name.startswith('train_grad::'),
        )
      )
  return comparisons


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


def _attempt(name: str, compare: Callable[[], Comparison]) -> Comparison:
  """A comparison, or the failure that its exception is."""
  try:
    return compare()
  except Exception as error:  # whatever it is, this entry was not replayed
    return failure(name, f'{type(error).__name__}: {error}')


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
    _attempt(
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
    _attempt(label.format(name), functools.partial(compare, name))
    for label, compare, names in kinds
    for name in names
  ]


def _int(x) -> np.ndarray:
  return np.asarray(x).astype(np.int32)
