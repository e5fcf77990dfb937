"""How each recorded array is made by our modules, by its name."""

from collections.abc import Callable

import numpy as np

from input_pipeline.pixels import eval_transform
from vtg_jax.encoders.umt import UmtConfig, position_table

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


def _int(x) -> np.ndarray:
  return np.asarray(x).astype(np.int32)
