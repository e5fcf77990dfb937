"""The replay passes what is right, tells what is wrong, fits any size."""

import shutil

import numpy as np
import pytest

from tests.systems import golden_folder
from tests.systems.timechat import golden
from tests.systems.timechat.golden import GOLDEN
from vtg_jax.errors import BadInput
from vtg_jax.systems import registry


def results(folder):
  comparisons, arrays = registry.replay(folder)
  return {c.name: c for c in comparisons}, arrays


def test_a_set_of_other_sizes_without_outputs_yields_every_array(tmp_path):
  """Windows overlap, rows of a frame differ in number, videos in length."""
  key = f'{golden.LLM}model.layers.0.self_attn.o_proj.lora_B.default.weight'
  folder, config = golden.resized(
    tmp_path / 'set',
    n_videos=3,
    n_frames=5,
    vit=dict(img_size=42, patch_size=14, embed_dim=24, depth=1, num_heads=3),
    qformer=dict(
      hidden_size=18,
      num_hidden_layers=3,
      num_attention_heads=3,
      intermediate_size=20,
    ),
    llama=dict(
      hidden_size=28,
      intermediate_size=20,
      num_hidden_layers=1,
      num_attention_heads=7,
    ),
    lora=dict(r=3, alpha=5),
    num_query_token=2,
    num_video_query_token=5,
    window_size=3,
    stride=2,
    max_frame_pos=7,
    eval=dict(n_frms=5, max_new_tokens=3),
    grad_keys=['video_query_tokens', key],
  )
  told_of, arrays = results(folder)
  failed = {name for name, c in told_of.items() if not c.passed}
  # It records no texts, so that its ids are those of none.
  assert all(name.startswith('tokenise ') for name in failed)
  for name, array in arrays.items():
    assert np.isfinite(array).all(), name
  shapes = {
    'eval_vit_features': (15, 10, 24),
    'eval_qformer_hidden': (15, 6, 18),
    'eval_frame_hidden': (3, 5, 6, 18),
    'eval_video_qformer_hidden': (3, 15, 18),
    'eval_video_tokens': (3, 15, 28),
    'trainlist_loss_nolora': (),
    'trainlist_grad/video_query_tokens': (1, 5, 18),
    f'trainlist_grad/{key}': (28, 3),
  }
  assert {name: arrays[name].shape for name in shapes} == shapes
  steps = arrays['eval_greedy_ids'].shape[1]
  assert 1 <= steps <= 3
  vocabulary = config.llm.vocab_size
  assert arrays['eval_greedy_step_logits'].shape == (3, steps, vocabulary)
  changed = arrays['trainlist_loss_lora'] != arrays['trainlist_loss_nolora']
  assert changed


def test_what_a_set_lacks_fails_alone(tmp_path):
  recorded = golden_folder.load(GOLDEN / 'outputs.npz')
  inputs = golden_folder.load(GOLDEN / 'inputs.npz')
  del inputs['eval_ts_input_ids'], inputs['eval_pixel_values']
  folder = golden_folder.write(
    tmp_path / 'set',
    GOLDEN,
    golden.TOLD,
    inputs,
    outputs={
      'train_ln_vision': recorded['train_ln_vision'] + 1,
      'train_zebra': np.zeros(3),
      'eval_video_tokens': recorded['eval_video_tokens'],
    },
    files=golden.TOKENIZERS,
  )
  told_of, arrays = results(folder)
  failed = {name: c for name, c in told_of.items() if not c.passed}
  assert failed.keys() == {
    'train_ln_vision', 'train_zebra', 'eval_video_tokens'
  }  # fmt: skip
  assert failed['train_ln_vision'].max_abs_diff == pytest.approx(1, abs=1e-4)
  assert 'no rule makes' in failed['train_zebra'].note
  assert 'eval_ts_input_ids' in failed['eval_video_tokens'].note
  assert set(arrays) == {'train_ln_vision'}


@pytest.mark.parametrize(
  'name', ['inputs.npz', 'weights.safetensors', 'llama_tokenizer.model']
)
def test_a_folder_without_a_file_is_bad_input(tmp_path, name):
  folder = shutil.copytree(
    GOLDEN, tmp_path / 'set', ignore=shutil.ignore_patterns(name)
  )
  with pytest.raises(BadInput, match=name.removeprefix('llama_')):
    registry.replay(folder)
