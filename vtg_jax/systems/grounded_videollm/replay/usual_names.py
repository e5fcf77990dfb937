"""The names of what a golden set records, for a set without its record."""

from vtg_jax.systems.grounded_videollm.replay.golden_set import GoldenSet
from vtg_jax.systems.grounded_videollm.replay.language import GoldenLanguage
from vtg_jax.systems.grounded_videollm.replay.makers import LONGER

# Rows of the first table of positions, and tokens of an image, that are shown.
N_TABLE, N_TOKENS = 160, 32


def usual_names(golden: GoldenSet) -> list[str]:
  """What outputs.npz holds, and the gradient of all that is trained."""
  n_table = len(golden.vision.first_positions)
  names = [
    f'internvideo2.sincos_init_first{min(N_TABLE, n_table)}',
    'internvideo2.pos_embed_interp',
    'internvideo2.clip_pos_embed_interp_mean',
    'clip.features_penultimate_b0s0',
    'clip.cls_penultimate',
    f'clip.after_pre_layrnorm_b0s0_first{N_TOKENS}',
    f'clip.hidden_layer1_b0s0_first{N_TOKENS}',
    'internvideo2.x_vis_minus2_b0s0',
    'internvideo2.x_vis_minus2_cls',
    'internvideo2.x_vis_last_mean',
    'internvideo2.x_pool_vis',
    'internvideo2.x_clip_align_mean',
    'internvideo2.x_align',
    'video_pooled_b0',
  ]
  for llm in golden.llms.values():
    names += [f'{llm.name}.{name}' for name in _usual_names_of(llm)]
  return names + [f'preproc.{name}.out' for name in _frames(golden)]


def _frames(golden):
  prefix, suffix = 'preproc.', '.frame_chw_uint8'
  return [
    name.removeprefix(prefix).removesuffix(suffix)
    for name in golden.inputs
    if name.startswith(prefix) and name.endswith(suffix)
  ]


def _usual_names_of(llm: GoldenLanguage) -> list[str]:
  adapter = llm.config.two_stream
  names = ['image_pooled_b0']
  if adapter.merges:
    n_rows = 3 * (adapter.image_side + 1)  # three lines with their newlines
    names = [f'image_hd_newline_b0s0_first{n_rows}', 'newline_projected']
  names.append('visual_tokens')
  if llm.has_inputs('stage1'):
    names += ['stage1.loss', 'stage1.logits_tail']
  if llm.has_weights(tuned=False):
    names += ['reset.new_embedding_row', 'reset.new_head_row']
  is_longer = llm.told.get(LONGER['sft_longfactor']) is not None
  if llm.has_inputs('sft'):
    names += [
      'sft.labels_spliced',
      'sft.attention_mask_spliced',
      'sft.loss',
      'sft.logits_lora_tail',
      'sft.logits_lora_first_text',
      'sft.loss_no_lora',
      'sft.logits_no_lora_tail',
      'textonly.labels_spliced',
      'textonly.attention_mask',
      'textonly.loss',
      'textonly.logits_b0_head',
      *(f'grad|{key}' for key in llm.released_gradients),
      'grad_total_norm_trainable',
    ]
    if is_longer:
      names += ['sft_longfactor.loss', 'sft_longfactor.logits_tail']
  if llm.has_inputs('gen'):
    names += [
      'gen.greedy_ids',
      'gen.attention_mask',
      'gen.first_step_logits',
      'gen.teacher_forced_logits',
    ]
    if llm.told.get('gen_eos_id') is not None:
      names.append('gen_eos.greedy_ids')
    if is_longer:
      names.append('gen_longfactor.greedy_ids')
    if llm.told.get(LONGER['gen_cross']) is not None:
      names += ['gen_cross.greedy_ids', 'gen_cross.step_logits']
  return names
