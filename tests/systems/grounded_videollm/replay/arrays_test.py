"""The replay passes what is right, tells what is wrong, fits any size."""

import numpy as np
import pytest

from tests.systems.grounded_videollm.golden import GOLDEN, TOLD
from tests.systems.grounded_videollm.replay import golden_folder
from vtg_jax.convert.readers import open_source
from vtg_jax.errors import BadInput
from vtg_jax.systems import registry
from vtg_jax.systems.grounded_videollm.replay.language import TRAINED

LLAMA = dict(
  llm='llama3',
  batch=1,
  video=(3, 2),
  clip=dict(
    hidden_size=24,
    heads=3,
    layers=2,
    intermediate=20,
    image_size=15,
    patch_size=3,
  ),
  internvideo2=dict(
    embed_dim=32,
    heads=2,
    depth=4,
    img_size=12,
    patch_size=4,
    mlp_hidden=10,
    clip_embed_dim=6,
    clip_teacher_embed_dim=5,
    clip_teacher_final_dim=7,
    clip_return_layer=3,
    ckpt_t=3,
  ),
  language=dict(
    hidden_size=24,
    intermediate_size=12,
    num_hidden_layers=3,
    num_attention_heads=6,
    num_key_value_heads=2,
    base_vocab_size=158,
    gen_eos_id=3,
    lora=TOLD['llama3']['lora'] | {'r': 2, 'lora_alpha': 5},
  ),
  image_pool_llama=[2, 2],
  video_pool=[3, 3],
  num_temporal_tokens=7,
  preproc={},
)
PHI = LLAMA | dict(
  llm='phi3',
  batch=3,
  video=(1, 5),
  clip=LLAMA['clip'] | dict(image_size=12),
  language=dict(
    hidden_size=16,
    intermediate_size=12,
    num_hidden_layers=1,
    num_attention_heads=4,
    num_key_value_heads=4,
    rope_scaling=dict(
      type='su', short_factor=[1.0, 1.5], long_factor=[2.0, 9.0]
    ),
    gen_eos_id=None,
    longfactor_original_max_position_embeddings=None,
    gen_cross_original_max_position_embeddings=None,
  ),
)


def results(folder):
  comparisons, arrays = registry.replay(folder)
  return {c.name: c for c in comparisons}, arrays


def check_yield(told_of, arrays, llm, shapes, absent):
  """Everything usual is there, of these shapes, finite, and nothing failed."""
  assert [c for c in told_of.values() if not c.passed] == []
  got = {name: array.shape for name, array in arrays.items()}
  assert shapes.items() <= got.items()
  for name, array in arrays.items():
    assert np.isfinite(array).all(), name
  usual = {
    name
    for name in golden_folder.outputs()
    if name.startswith((f'{llm}.', 'clip.', 'internvideo2.', 'video_pooled'))
  }
  missing = usual - arrays.keys()
  assert missing == absent


def test_a_set_of_other_sizes_without_outputs_yields_every_array(tmp_path):
  told, inputs = golden_folder.resized(**LLAMA)
  folder = golden_folder.write(
    tmp_path / 'golden',
    told,
    inputs,
    weights=golden_folder.weights_of(told, 'llama3'),
  )
  told_of, arrays = results(folder)
  n_text = inputs['llama3.sft.input_ids'].shape[1]
  n_asked = inputs['llama3.gen.input_ids'].shape[1]
  n_video, V = 3 * (4 + 2 * 9 + 1), 158 + 9
  shapes = {
    'clip.features_penultimate_b0s0': (25, 24),
    'clip.after_pre_layrnorm_b0s0_first32': (26, 24),
    'internvideo2.sincos_init_first19': (19, 32),
    'internvideo2.pos_embed_interp': (1, 19, 32),
    'internvideo2.x_vis_minus2_cls': (3, 32),
    'internvideo2.x_clip_align_mean': (3, 1, 5),
    'internvideo2.x_align': (1, 7),
    'video_pooled_b0': (3, 18, 32),
    'llama3.image_pooled_b0': (3, 4, 24),
    'llama3.visual_tokens': (1, n_video, 24),
    'llama3.stage1.logits_tail': (1, 12, 158),
    'llama3.sft.labels_spliced': (1, n_text - 1 + n_video),
    'llama3.sft.logits_lora_tail': (1, 12, V),
    'llama3.textonly.logits_b0_head': (24, V),
    'llama3.gen.attention_mask': (1, n_asked - 1 + n_video),
    'llama3.gen.first_step_logits': (1, V),
  }
  check_yield(
    told_of, arrays, 'llama3', shapes, {'internvideo2.sincos_init_first160'}
  )
  # What is recorded twice in other words agrees.
  forced = arrays['llama3.gen.teacher_forced_logits']
  np.testing.assert_allclose(
    forced[:, 0], arrays['llama3.gen.first_step_logits'], atol=2e-5
  )
  ids = arrays['llama3.gen.greedy_ids']
  np.testing.assert_array_equal(forced.argmax(-1), ids)
  squares = sum(
    (array.astype(np.float64) ** 2).sum()
    for name, array in arrays.items()
    if name.startswith('llama3.grad|')
  )
  total = arrays['llama3.grad_total_norm_trainable']
  np.testing.assert_allclose(total, squares**0.5, rtol=1e-5)
  # Which ends later depends on the words that end it.
  eos_ids = arrays['llama3.gen_eos.greedy_ids']
  n = min(ids.shape[1], eos_ids.shape[1])
  np.testing.assert_array_equal(eos_ids[:, :n], ids[:, :n])
  assert max(ids.shape[1], eos_ids.shape[1]) <= 12


def test_a_set_need_not_hold_everything(tmp_path):
  """One language model, tuned alone, which is only asked."""
  told, inputs = golden_folder.resized(**PHI)
  inputs = {
    name: array
    for name, array in inputs.items()
    if '.sft.' not in name and '.stage1.' not in name
  }
  weights = {
    key: tensor
    for key, tensor in golden_folder.weights_of(told, 'phi3').items()
    if 'language_model_seperated' not in key
  }
  folder = golden_folder.write(
    tmp_path / 'golden', told, inputs, weights=weights
  )
  told_of, arrays = results(folder)
  n_video = 2 * 3 + 5 * 9 + 1
  n_asked = inputs['phi3.gen.input_ids'].shape[1]
  shapes = {
    'phi3.visual_tokens': (3, n_video, 16),
    'phi3.image_hd_newline_b0s0_first9': (6, 96),
    'phi3.newline_projected': (16,),
    'phi3.gen.attention_mask': (3, n_asked - 1 + n_video),
  }
  absent = {
    name
    for name in golden_folder.outputs()
    if name.startswith(
      ('phi3.sft', 'phi3.stage1', 'phi3.textonly', 'phi3.grad', 'phi3.reset')
    )
  }
  absent |= {
    'internvideo2.sincos_init_first160',
    'phi3.image_hd_newline_b0s0_first39',
    'phi3.gen_eos.greedy_ids',
    'phi3.gen_longfactor.greedy_ids',
    'phi3.gen_cross.greedy_ids',
    'phi3.gen_cross.step_logits',
  }
  check_yield(told_of, arrays, 'phi3', shapes, absent)


def small_set(folder, *, outputs, **options):
  """The golden Llama-3 with few arrays to replay."""
  weights = {
    key: tensor for key, tensor in recorded_weights() if 'phi3/' not in key
  }
  return golden_folder.write(
    folder,
    golden_folder.only(TOLD, 'llama3'),
    options.pop('inputs', None) or golden_folder.inputs(),
    weights=options.pop('weights', weights),
    outputs=outputs,
    **options,
  )


def recorded_weights():
  source = open_source(GOLDEN / 'weights.safetensors')
  return [(key, source.read(key)) for key in source.tensors]


def test_what_cannot_be_replayed_is_named_and_the_rest_goes_on(tmp_path):
  inputs = golden_folder.inputs()
  del inputs['preproc.b.frame_chw_uint8'], inputs['llama3.sft.input_ids']
  recorded = golden_folder.outputs()
  folder = small_set(
    tmp_path / 'golden',
    inputs=inputs,
    outputs={
      'preproc.a.out': recorded['preproc.a.out'],
      'preproc.b.out': recorded['preproc.b.out'],
      'preproc.c.out': recorded['preproc.c.out'] + np.float32(0.001),
      'internvideo2.pos_embed_interp': recorded[
        'internvideo2.pos_embed_interp'
      ][:, 1:],
      'clip.features_penultimate_b9s0': np.zeros(1, np.float32),
      'llama3.sft.labels_spliced': recorded['llama3.sft.labels_spliced'],
      'llama3.gen.attention_mask': recorded['llama3.gen.attention_mask'],
      'llama3.sft_longfactor.loss': np.float32(1),
      'phi3.sft.loss': recorded['phi3.sft.loss'],
      'brightness': np.zeros(3, np.float32),
    },
    weights=dict(recorded_weights()),
  )
  told_of, arrays = results(folder)
  notes = {name: c.note for name, c in told_of.items() if not c.passed}
  assert 'preproc.b.frame_chw_uint8' in notes.pop('preproc.b.out')
  assert notes.pop('preproc.c.out') == 'and 1e-04 of each number'
  assert 'wanted (1, 512, 48)' in notes.pop('internvideo2.pos_embed_interp')
  assert '2 videos of 2 segments' in notes.pop('clip.features_penultimate_b9s0')
  assert 'llama3.sft.input_ids' in notes.pop('llama3.sft.labels_spliced')
  assert 'has no longfactor_' in notes.pop('llama3.sft_longfactor.loss')
  assert "no model 'phi3'" in notes.pop('phi3.sft.loss')
  assert 'no rule makes' in notes.pop('brightness')
  # Weights that nothing reads.
  assert {name.split('/')[0] for name in notes} == {'phi3'}
  assert told_of['preproc.a.out'].passed
  assert told_of['llama3.gen.attention_mask'].passed
  assert arrays.keys() == {
    'preproc.a.out',
    'preproc.c.out',
    'internvideo2.pos_embed_interp',
    'llama3.gen.attention_mask',
  }


def damaged(name, content):
  def damage(folder):
    (folder / name).write_bytes(content)

  return damage


def missing(name):
  return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
  ('damage', 'said'),
  [
    (damaged('config.json', b'{'), 'config.json cannot be read as JSON'),
    (
      damaged('config.json', b'{"clip": {}, "internvideo2": {}, "llama3": {}}'),
      "config.json has no 'image_size'",
    ),
    (damaged('inputs.npz', b'PK'), r'inputs.npz cannot be read .*; copy it'),
    (damaged('outputs.npz', b''), r'outputs.npz cannot be read .*; copy it'),
    (damaged('cases.json', b'[1]'), 'cases.json holds no JSON object'),
    (damaged('weights.safetensors', b'x' * 99), 'not a whole safetensors'),
    (damaged('tokenizer_llama3.json', b'{}'), 'is no tokenizer.json'),
    (missing('inputs.npz'), 'has no inputs.npz; give a whole golden folder'),
    (missing('weights.safetensors'), 'has no weights.safetensors; give'),
    (missing('tokenizer_llama3.json'), 'has no tokenizer_llama3.json; give'),
  ],
)
def test_a_damaged_set_is_told_in_one_sentence(tmp_path, damage, said):
  folder = small_set(tmp_path / 'golden', outputs={}, cases=True)
  damage(folder)
  with pytest.raises(BadInput, match=said) as caught:
    registry.replay(folder)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('key', 'change', 'said'),
  [
    (
      'llama3/ckpt[model][language_model]|base_model.model.lm_head.bias',
      None,
      'no key fills .*lm_head.bias',
    ),
    ('vision_model.pth|odd', np.ones(2), 'does not have .odd'),
    ('internvideo2.pt|cls_token', np.ones((1, 1, 3)), 'cls_token is F64'),
    ('lonely', np.ones(1), "'lonely', which names no section"),
  ],
)
def test_wrong_weights_are_named(tmp_path, key, change, said):
  weights = {k: x for k, x in recorded_weights() if 'phi3/' not in k}
  if change is None:
    del weights[key]
  else:
    weights[key] = change
  folder = small_set(tmp_path / 'golden', outputs={}, weights=weights)
  with pytest.raises(BadInput, match=said):
    registry.replay(folder)


def test_rows_that_are_learned_but_no_parameters_are_not_trained():
  """The reference has them as plain tensors: none of its optimiser's."""
  for path in ('separator', 'newline'):
    assert not TRAINED.fullmatch(f'two_stream/{path}')
  assert TRAINED.fullmatch('two_stream/video_projector/fc1/bias')
  assert TRAINED.fullmatch('llm/layers/qkv_proj/lora_a')
  assert not TRAINED.fullmatch('llm/layers/qkv_proj/kernel')
