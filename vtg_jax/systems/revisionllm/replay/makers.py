"""How each recorded array is made by our modules, by its name."""

import re
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from vtg_jax.adapters.hierarchy import position_code, selection_of
from vtg_jax.convert.param_tree import flatten
from vtg_jax.recursion.quirks import RELEASED
from vtg_jax.recursion.scores import EntropyStats, entropy_stats, likeness
from vtg_jax.systems.revisionllm.replay.network import Generation, Replayed

# gen_dense_q1_n20_single0, gen_hier_zoom2, ...
_GENERATION = re.compile(
  r'gen_(?:dense_q\d+|hier_zoom(?P<zoom>\d+))(?:_n(?P<n>\d+))?'
  r'(?:_single(?P<window>\d+))?'
)
# Samples that the long arrays of the set show.
_N_SHOWN = 2


def generation(replayed: Replayed, name: str) -> Generation:
  """What is written in a generation of this name.

  Raises:
    KeyError: the name is none.
  """
  found = _GENERATION.fullmatch(name)
  if found is None:
    raise KeyError(f'{name!r} tells no level, query or zoom')
  numbers = {
    key: None if value is None else int(value)
    for key, value in found.groupdict().items()
  }
  return replayed.generation(
    name,
    window=numbers['window'],
    zoom=numbers['zoom'],
    max_new_tokens=numbers['n'],
  )


def _entropy(replayed, name) -> list[EntropyStats]:
  """Of each row, over all steps that its batch took."""
  written = generation(replayed, name)
  return entropy_stats(written.entropies, written.length, quirks=RELEASED)


def _stats(replayed, name):
  stats = _entropy(replayed, name)
  return np.array([[s.max, s.min, s.mean, s.std] for s in stats], np.float32)


def _confidences(replayed, name):
  return np.array([s.confidence for s in _entropy(replayed, name)], np.float32)


def _some_positions(replayed, n_frames):
  """The first two rows, the middle one and the last two."""
  code = position_code(n_frames, replayed.config.features_width)
  return code[[0, 1, (n_frames - 1) // 2, n_frames - 2, n_frames - 1]]


def _positions(replayed, dtype='float32'):
  n_frames = replayed.inputs['dense/features'].shape[1]
  code = position_code(n_frames, replayed.config.features_width, dtype)
  return code.astype(np.float32)


def _with_token_and_text(replayed):
  """The window's token, the frames that have read, and the words as given."""
  out, (text, _) = replayed.encoded[0]['all'], replayed.words('dense')
  token = replayed.golden.params['clip_encoder']['global_token']
  token = jnp.broadcast_to(token, (len(text), 1, text.shape[-1]))
  return jnp.concatenate([token, out.read, text], axis=1)


def _merged_weight(replayed, key):
  slot = replayed.golden.table.slot(key)
  folded = replayed.network('dense', fold=True).params
  value = np.asarray(flatten(folded)[slot.path])
  if slot.index is not None:
    value = value[slot.index]
  return slot.rule.op.inverse(value)


def _likenesses(replayed):
  features, query = (
    replayed.inputs[name] for name in ('dense/features', 'score/query_cls')
  )
  spans = replayed.inputs['score/spans']
  return np.array(
    [
      likeness(frames, query, int(first), int(last))
      for frames, (first, last) in zip(features, spans, strict=True)
    ],
    np.float32,
  )


def _selected(feature, *, hierarchical=False, step=0):
  select = selection_of(feature, hierarchical=hierarchical, step=step)
  return lambda r: r.encoded[0][select].rows


def _rows(field, part=None, **options):
  """A field of the rows of a part, which is the first group when None."""

  def make(replayed, *groups):
    rows = replayed.rows(part or groups[0], **options)
    return getattr(rows, field)

  return make


def _cut(field):
  return lambda r: getattr(
    r.rows('dense', max_length=r.golden.description['trunc_test_max_length']),
    field,
  )


# How each array of outputs.npz is made: name -> function of (set, *groups).
# Shapes, counts and sample numbers are read from the names.
OUTPUTS: tuple[tuple[str, Callable], ...] = (
  (r'adapter/posenc', _positions),
  (r'adapter/posenc_bf16', lambda r: _positions(r, 'bfloat16')),
  (r'adapter/posenc_(\d+)', lambda r, n: _some_positions(r, int(n))),
  (r'adapter/t2v_seq', _with_token_and_text),
  (r'adapter/encoder_seq', lambda r: r.encoded[0]['all'].states),
  (r'adapter/encoder_cls_attn', Replayed.token_attention),
  (r'adapter/sparse_cls', _selected('all', hierarchical=True)),
  (r'adapter/sparse_cls_notext', Replayed.encoded_without_text),
  (r'adapter/alternate_even', _selected('alternate', step=0)),
  (r'adapter/alternate_odd', _selected('alternate', step=1)),
  (r'adapter/(temporal|all)', lambda r, f: _selected(f)(r)),
  (r'dense/projected', lambda r: r.visual('dense')),
  (r'hier/sparse_tokens', lambda r: r.visual('hier')),
  (r'(dense|hier)/spliced_embeds', Replayed.embeds),
  (
    r'dense_left/spliced_embeds',
    lambda r: r.embeds('dense', side='left')[:_N_SHOWN],
  ),
  (
    r'novideo/spliced_embeds_row(\d+)',
    lambda r, i: np.asarray(r.embeds('novideo'))[int(i)],
  ),
  (r'(dense|hier|novideo)/spliced_labels', _rows('labels')),
  (r'(dense|hier|novideo)/spliced_mask', _rows('attention_mask')),
  (r'(dense|hier|novideo)/spliced_position_ids', _rows('positions')),
  (r'dense_left/spliced_labels', _rows('labels', 'dense', side='left')),
  (r'dense_left/spliced_mask', _rows('attention_mask', 'dense', side='left')),
  (
    r'dense_left/spliced_position_ids',
    _rows('positions', 'dense', side='left'),
  ),
  (r'dense_trunc/spliced_labels', _cut('labels')),
  (r'dense_trunc/spliced_mask', _cut('attention_mask')),
  (r'dense_trunc/spliced_position_ids', _cut('positions')),
  (r'(dense|hier)/hidden_last_(lora)', lambda r, *g: r.states(*g)[:_N_SHOWN]),
  (
    r'(dense|hier)/logits_(base|lora|merged)_at_labels',
    Replayed.labelled_logits,
  ),
  (
    r'(dense|hier)/logits_(base|lora|merged)_row(\d+)_last(\d+)',
    lambda r, part, kind, i, n: r.logits(part, kind)[int(i), -int(n) :],
  ),
  (
    r'(sparse1)/logits_row(\d+)_last(\d+)',
    lambda r, part, i, n: r.logits(part)[int(i), -int(n) :],
  ),
  (r'(sparse1)/loss', Replayed.loss),
  (r'(dense|hier)/loss_(base|lora|merged)', Replayed.loss),
  (r'merged/(.+)', _merged_weight),
  (r'score/cos_topk', _likenesses),
  (r'(gen_\w+)/generated_ids', lambda r, name: generation(r, name).ids),
  (r'(gen_\w+)/step_logits', lambda r, name: generation(r, name).step_logits),
  (r'(gen_\w+)/entropy_stats', _stats),
  (r'(gen_\w+)/inverse_mean_entropy', _confidences),
)


def usual_names(replayed: Replayed) -> list[str]:
  """What outputs.npz holds, for a folder without it."""
  layers = replayed.config.llm.n_layers - 1
  # Of the second sample, where there is one.
  dense, hier = (
    min(1, len(replayed.inputs.get(f'{part}/input_ids', [])) - 1)
    for part in ('dense', 'hier')
  )
  names = [
    'adapter/all',
    'adapter/alternate_even',
    'adapter/alternate_odd',
    'adapter/encoder_cls_attn',
    'adapter/encoder_seq',
    'adapter/posenc',
    'adapter/posenc_250',
    'adapter/posenc_bf16',
    'adapter/sparse_cls',
    'adapter/sparse_cls_notext',
    'adapter/t2v_seq',
    'adapter/temporal',
    'dense/hidden_last_lora',
    'dense/logits_base_at_labels',
    'dense/logits_lora_at_labels',
    'dense/logits_lora_row0_last40',
    'dense/logits_merged_at_labels',
    'dense/loss_base',
    'dense/loss_lora',
    'dense/loss_merged',
    'dense/projected',
    *(
      f'{part}/spliced_{field}'
      for part in ('dense', 'dense_left')
      for field in ('embeds', 'labels', 'mask', 'position_ids')
    ),
    'dense_trunc/spliced_labels',
    'dense_trunc/spliced_mask',
    f'hier/logits_lora_row{hier}_last40',
    f'hier/logits_merged_row{hier}_last40',
    'hier/loss_lora',
    'hier/sparse_tokens',
    'hier/spliced_embeds',
    'hier/spliced_labels',
    'hier/spliced_mask',
    'merged/model.layers.0.self_attn.q_proj.weight',
    f'merged/model.layers.{layers}.mlp.down_proj.weight',
    f'novideo/spliced_embeds_row{dense}',
    'novideo/spliced_labels',
    'novideo/spliced_mask',
    'score/cos_topk',
    f'sparse1/logits_row{dense}_last40',
    'sparse1/loss',
  ]
  # A part that the set has no inputs for is not asked for.
  given = {name.split('/')[0] for name in replayed.inputs}
  needs = {'adapter': 'dense', 'merged': 'dense', 'sparse1': 'dense'}
  needs |= {'dense_left': 'dense', 'dense_trunc': 'dense'}
  names = [
    name
    for name in names
    if needs.get(part := name.split('/')[0], part) in given
  ]
  return names + [
    f'{name}/{array}'
    for name in sorted(part for part in given if part.startswith('gen_'))
    for array in (
      'entropy_stats',
      'generated_ids',
      'inverse_mean_entropy',
      'step_logits',
    )
  ]
