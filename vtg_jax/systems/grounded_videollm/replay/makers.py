"""How each recorded array is made by our modules, by its name."""

import functools
import math
import re
from collections.abc import Callable

import numpy as np

from input_pipeline.pixels import normalise, resize_and_crop
from vtg_jax.systems.grounded_videollm.replay.golden_set import GoldenSet
from vtg_jax.systems.grounded_videollm.replay.language import GoldenLanguage

# How many positions the arrays show whose names do not say so, where no
# recorded array does either.
N_TAIL, N_LONG_TAIL, N_FIRST, N_HEAD = 12, 16, 4, 24
# New tokens, likewise, and the most that a recorded text is searched for in.
N_NEW, MOST_NEW = 12, 64


def _of_llm(make: Callable) -> Callable:
  """A maker that is given the model that the name begins with."""

  @functools.wraps(make)
  def maker(golden: GoldenSet, name: str, *groups):
    if name not in golden.llms:
      raise KeyError(f'the set has no model {name!r}')
    return make(golden, golden.llms[name], *groups)

  return maker


def _tail(golden, llm, scored, name, usual=N_TAIL):
  n = golden.size(f'{llm.name}.{name}', 1, usual)
  return scored.logits[:, scored.logits.shape[1] - n :]


def _clip(golden, batch, segment) -> int:
  """Number of a segment among those of all videos."""
  n_videos = len(golden.inputs['temporal_pixel_values'])
  n_segments = golden.vision.n_segments
  if int(batch) >= n_videos or int(segment) >= n_segments:
    raise IndexError(f'{n_videos} videos of {n_segments} segments are given')
  return int(batch) * n_segments + int(segment)


def _video(golden, batch) -> int:
  return _clip(golden, batch, 0) // golden.vision.n_segments


def _preprocessed(golden: GoldenSet, name: str):
  told = golden.description['preproc'][name]
  frame = golden.inputs[f'preproc.{name}.frame_chw_uint8'].transpose(1, 2, 0)
  pixels = resize_and_crop(np.ascontiguousarray(frame), told['size'])
  return normalise(pixels, told['mean'], told['std']).transpose(2, 0, 1)


def _states(encoded, n) -> np.ndarray:
  """States after `n` blocks; as NumPy, which refuses what is beyond."""
  return np.asarray((encoded.embedded, *encoded.layers)[n])


LONGER = {
  'sft_longfactor': 'longfactor_original_max_position_embeddings',
  'gen_longfactor': 'longfactor_original_max_position_embeddings',
  'gen_cross': 'gen_cross_original_max_position_embeddings',
}


def _longer(llm: GoldenLanguage, name: str) -> int:
  """The context that a case is computed with, by the case's name."""
  told = llm.told.get(LONGER[name])
  if told is None:
    raise KeyError(f'config.json has no {LONGER[name]} of {llm.name}')
  return told


def new_tokens(golden: GoldenSet, llm: GoldenLanguage, name: str):
  """The generated tokens of a case: 'gen', 'gen_eos', ...

  As many as the arrays of this model were recorded with. Where none were, the
  number that gives the text that config.json tells, if it does.
  """
  eos = 'gen_eos_id' if name == 'gen_eos' else 'tokenizer_eos_id'
  context = _longer(llm, name) if name in LONGER else None
  n = _number_of_new_tokens(golden, llm)
  return llm.generated(llm.told[eos], n, context)


def _number_of_new_tokens(golden, llm) -> int:
  recorded = [
    array.shape[1]
    for name, array in golden.recorded.items()
    if re.fullmatch(rf'{llm.name}\.gen\w*\.(greedy_ids|\w+_logits)', name)
    and not name.endswith('first_step_logits')
    and array.ndim > 1
  ]
  if recorded:
    return max(recorded)
  texts = llm.told.get('gen_texts')
  eos = llm.told['tokenizer_eos_id']
  tokenizer = golden.tokenizer(llm.name)

  def says(ids):
    return [tokenizer.decode(row) for row in ids] == texts

  if texts is None or says(llm.generated(eos, N_NEW)):
    return N_NEW
  longest = llm.generated(eos, MOST_NEW)
  found = [n for n in range(1, longest.shape[1] + 1) if says(longest[:, :n])]
  return found[0] if found else N_NEW


@_of_llm
def _greedy_ids(golden, llm, name):
  return new_tokens(golden, llm, name)


@_of_llm
def _step_logits(golden, llm, name):
  return llm.cached_logits(new_tokens(golden, llm, name), _longer(llm, name))


@_of_llm
def _teacher_forced(golden, llm):
  return llm.whole_row_logits(new_tokens(golden, llm, 'gen'))


@_of_llm
def _total_norm(_, llm):
  gradients = (x.astype(np.float64) for x in llm.gradients.values())
  return np.float32(math.sqrt(sum((x**2).sum() for x in gradients)))


def _text_only(llm: GoldenLanguage):
  return llm.scored(text_only=(0,))


# Name -> function of (set, *groups). Which video, segment, block, and how many
# tokens are read from the names.
OUTPUT_MAKERS: tuple[tuple[str, Callable], ...] = (
  # Encoders.
  (
    r'internvideo2\.sincos_init_first(\d+)',
    lambda g, n: g.vision.first_positions[: int(n)],
  ),
  (
    r'internvideo2\.pos_embed_interp',
    lambda g: g.vision.positions('pos_embed')[None],
  ),
  (
    r'internvideo2\.clip_pos_embed_interp_mean',
    lambda g: g.vision.positions('clip_pos_embed').mean(0, keepdims=True),
  ),
  (
    r'clip\.features_penultimate_b(\d+)s(\d+)',
    lambda g, b, s: g.vision.images.features[_clip(g, b, s)],
  ),
  (r'clip\.cls_penultimate', lambda g: g.vision.images.class_token),
  (
    r'clip\.after_pre_layrnorm_b(\d+)s(\d+)_first(\d+)',
    lambda g, b, s, n: g.vision.images.embedded[_clip(g, b, s), : int(n)],
  ),
  (
    r'clip\.hidden_layer(\d+)_b(\d+)s(\d+)_first(\d+)',
    lambda g, layer, b, s, n: _states(g.vision.images, int(layer))[
      _clip(g, b, s), : int(n)
    ],
  ),
  (
    r'internvideo2\.x_vis_minus(\d+)_b(\d+)s(\d+)',
    lambda g, n, b, s: _states(g.vision.clips, -int(n))[_clip(g, b, s)],
  ),
  (
    r'internvideo2\.x_vis_minus(\d+)_cls',
    lambda g, n: _states(g.vision.clips, -int(n))[:, 0],
  ),
  (
    r'internvideo2\.x_vis_last_mean',
    lambda g: g.vision.clips.layers[-1, :1].mean(1),
  ),
  (r'internvideo2\.x_pool_vis', lambda g: g.vision.aligned.pooled),
  (
    r'internvideo2\.x_clip_align_mean',
    lambda g: g.vision.aligned.tokens.mean(2),
  ),
  (r'internvideo2\.x_align', lambda g: g.vision.aligned.clip),
  # Adapter.
  (
    r'video_pooled_b(\d+)',
    lambda g, b: next(iter(g.llms.values())).joined.video[_video(g, b)],
  ),
  (
    r'(\w+)\.image_hd_newline_b(\d+)s(\d+)_first(\d+)',
    _of_llm(
      lambda g, llm, b, s, n: llm.joined.image.reshape(
        -1, *llm.joined.image.shape[2:]
      )[_clip(g, b, s), : int(n)]
    ),
  ),
  (
    r'(\w+)\.image_pooled_b(\d+)',
    _of_llm(lambda g, llm, b: llm.joined.image[_video(g, b)]),
  ),
  (r'(\w+)\.newline_projected', _of_llm(lambda g, llm: llm.joined.separator)),
  (r'(\w+)\.visual_tokens', _of_llm(lambda g, llm: llm.joined.rows)),
  # Losses and scores.
  (r'(\w+)\.stage1\.loss', _of_llm(lambda g, llm: llm.scored('stage1').loss)),
  (
    r'(\w+)\.stage1\.logits_tail',
    _of_llm(
      lambda g, llm: _tail(g, llm, llm.scored('stage1'), 'stage1.logits_tail')
    ),
  ),
  (
    r'(\w+)\.reset\.new_embedding_row',
    _of_llm(lambda g, llm: llm.grown['embed']['embedding'][-1]),
  ),
  (
    r'(\w+)\.reset\.new_head_row',
    _of_llm(lambda g, llm: llm.grown['lm_head']['kernel'][:, -1]),
  ),
  (
    r'(\w+)\.sft\.labels_spliced',
    _of_llm(lambda g, llm: _int(llm.batch('sft').labels)),
  ),
  (
    r'(\w+)\.sft\.attention_mask_spliced',
    _of_llm(lambda g, llm: _int(llm.batch('sft').attention_mask)),
  ),
  (r'(\w+)\.sft\.loss', _of_llm(lambda g, llm: llm.scored().loss)),
  (
    r'(\w+)\.sft\.logits_lora_tail',
    _of_llm(lambda g, llm: _tail(g, llm, llm.scored(), 'sft.logits_lora_tail')),
  ),
  (
    r'(\w+)\.sft\.logits_lora_first_text',
    _of_llm(
      lambda g, llm: llm.scored().logits[
        :, : g.size(f'{llm.name}.sft.logits_lora_first_text', 1, N_FIRST)
      ]
    ),
  ),
  (
    r'(\w+)\.sft\.loss_no_lora',
    _of_llm(lambda g, llm: llm.scored(lora=False).loss),
  ),
  (
    r'(\w+)\.sft\.logits_no_lora_tail',
    _of_llm(
      lambda g, llm: _tail(
        g, llm, llm.scored(lora=False), 'sft.logits_no_lora_tail'
      )
    ),
  ),
  (
    r'(\w+)\.textonly\.labels_spliced',
    _of_llm(lambda g, llm: _int(_text_only(llm).rows.labels)),
  ),
  (
    r'(\w+)\.textonly\.attention_mask',
    _of_llm(lambda g, llm: _int(_text_only(llm).rows.attention_mask)),
  ),
  (r'(\w+)\.textonly\.loss', _of_llm(lambda g, llm: _text_only(llm).loss)),
  (
    r'(\w+)\.textonly\.logits_b(\d+)_head',
    _of_llm(
      lambda g, llm, b: _text_only(llm).logits[
        _video(g, b),
        : g.size(f'{llm.name}.textonly.logits_b{b}_head', 0, N_HEAD),
      ]
    ),
  ),
  (
    r'(\w+)\.sft_longfactor\.loss',
    _of_llm(
      lambda g, llm: (
        llm.scored(original_positions=_longer(llm, 'sft_longfactor')).loss
      )
    ),
  ),
  (
    r'(\w+)\.sft_longfactor\.logits_tail',
    _of_llm(
      lambda g, llm: _tail(
        g,
        llm,
        llm.scored(original_positions=_longer(llm, 'sft_longfactor')),
        'sft_longfactor.logits_tail',
        N_LONG_TAIL,
      )
    ),
  ),
  # Gradients.
  (
    r'(\w+)\.grad\|(.+)',
    _of_llm(lambda g, llm, key: llm.released_gradients[key]),
  ),
  (r'(\w+)\.grad_total_norm_trainable', _total_norm),
  # Generation.
  (
    r'(\w+)\.gen\.attention_mask',
    _of_llm(lambda g, llm: _int(llm.prompts.attention_mask)),
  ),
  (
    r'(\w+)\.gen\.first_step_logits',
    _of_llm(lambda g, llm: llm.prefilled().logits),
  ),
  (r'(\w+)\.gen\.teacher_forced_logits', _teacher_forced),
  (r'(\w+)\.(gen|gen_eos|gen_cross|gen_longfactor)\.greedy_ids', _greedy_ids),
  (r'(\w+)\.(gen_cross)\.step_logits', _step_logits),
  # Pixels.
  (r'preproc\.(\w+)\.out', _preprocessed),
)


def _int(x) -> np.ndarray:
  return np.asarray(x).astype(np.int64)
