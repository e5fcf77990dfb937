"""The replay passes what is right, tells what is wrong, fits any size."""

import numpy as np
import pytest

from tests.systems import golden_folder as any_folder
from tests.systems.revisionllm.golden import GOLDEN
from tests.systems.revisionllm.replay import golden_folder
from vtg_jax.errors import BadInput
from vtg_jax.systems import registry
from vtg_jax.systems.revisionllm.replay.cases import find_rule


def results(folder):
  comparisons, arrays = registry.replay(folder)
  return {c.name: c for c in comparisons}, arrays


@pytest.fixture(scope='module')
def recorded():
  return any_folder.load(GOLDEN / 'outputs.npz')


def test_every_key_of_the_search_and_of_words_has_a_rule():
  for key in ('prompts', 'tokenizer_image_token_bytes', 'sparse_parse'):
    assert find_rule(key, []), key
  assert find_rule('zebra', []) is None


def test_a_set_of_other_sizes_without_outputs_yields_every_array(
  tmp_path, recorded
):
  folder = golden_folder.resized(
    tmp_path / 'set',
    llama=dict(
      hidden_size=24,
      intermediate_size=20,
      num_hidden_layers=1,
      num_attention_heads=6,
      num_key_value_heads=2,
    ),
    adapter=dict(d_model=12, nhead=3, num_encoder_layers=1, dim_feedforward=9),
    lora=dict(r=3, lora_alpha=5),
    frames_per_segment=5,
    num_segments=4,
    trunc_test_max_length=30,
  )
  told_of, arrays = results(folder)
  assert [c for c in told_of.values() if not c.passed] == []
  usual = {name for name in recorded if not name.startswith(('gen_', 'merged'))}
  # It has one sparse sample, not two.
  usual = {
    name.replace('row1', 'row0') if name.startswith('hier/') else name
    for name in usual
  }
  assert usual <= arrays.keys()
  for name, array in arrays.items():
    assert np.isfinite(array).all() or name.endswith('entropy_stats'), name
  shapes = {
    'adapter/t2v_seq': (2, 1 + 5 + 3, 12),
    'adapter/encoder_cls_attn': (1, 2, 5),
    'dense/projected': (2, 5, 24),
    'dense_trunc/spliced_mask': (2, 30),
    'hier/sparse_tokens': (1, 4, 24),
    'score/cos_topk': (2,),
  }
  assert {name: arrays[name].shape for name in shapes} == shapes
  for name, rows, most in (
    ('gen_dense_q1_n3', 2, 3),
    ('gen_dense_q0_n2_single1', 1, 2),
    ('gen_hier_zoom2', 1, 14),
  ):
    n = arrays[f'{name}/generated_ids'].shape[1]
    assert 1 <= n <= most
    assert arrays[f'{name}/step_logits'].shape == (rows, n, 330)


def test_what_a_set_lacks_fails_alone(tmp_path, recorded):
  """Arrays that need a missing file, or were recorded otherwise."""
  changed = recorded['adapter/posenc'] + 1
  folder = golden_folder.copy(
    tmp_path / 'set',
    left_out=['stage2_long'],
    outputs={
      'adapter/posenc': changed,
      'adapter/zebra': changed,
      'dense/projected': recorded['dense/projected'],
      'hier/loss_lora': recorded['hier/loss_lora'],
    },
  )
  told_of, arrays = results(folder)
  failed = {name: c.note for name, c in told_of.items() if not c.passed}
  assert told_of['dense/projected'].passed
  assert told_of['adapter/posenc'].max_abs_diff == pytest.approx(1, abs=1e-5)
  assert failed.keys() >= {'adapter/posenc', 'adapter/zebra', 'hier/loss_lora'}
  assert "no adapter 'long'" in failed['hier/loss_lora']
  assert {'hier/loss_lora', 'adapter/zebra'} & arrays.keys() == set()


@pytest.mark.parametrize(
  'name', ['inputs.npz', 'weights.safetensors', 'tokenizer.model']
)
def test_a_folder_without_a_file_is_bad_input(tmp_path, name):
  folder = golden_folder.copy(tmp_path / 'set')
  (folder / name).unlink()
  with pytest.raises(BadInput, match=name):
    registry.replay(folder)
