"""From stage 1 to stage 2: sizes, and what new words begin as."""

import ml_dtypes
import numpy as np
import pytest

from tests.golden_vision import file_tensors
from tests.systems.grounded_videollm import golden
from vtg_jax.systems.grounded_videollm.config import PRESETS, before_stage2
from vtg_jax.systems.grounded_videollm.new_words import (
  EMBEDDING,
  HEAD,
  HEAD_BIAS,
  as_tuned,
  with_new_words,
)

OUTPUTS = np.load(golden.GOLDEN / 'outputs.npz')


@pytest.mark.parametrize('name', PRESETS)
def test_the_step_to_stage_2_is_taken_once(name):
  released = PRESETS[name]()
  assert as_tuned(before_stage2(released)) == released
  assert as_tuned(released) == released


@pytest.mark.parametrize('name', golden.NAMES)
def test_new_words_are_the_mean_of_the_old_ones(name):
  base = file_tensors(f'{name}/language_model_seperated')
  embedding = base['model.embed_tokens.weight']
  stored = {EMBEDDING: embedding, HEAD: base['lm_head.weight'].T}
  n_old, width = embedding.shape
  grown = with_new_words(stored, 1, vocab_size=n_old + 22)
  np.testing.assert_array_equal(grown[EMBEDDING][:n_old], embedding)
  for row in range(n_old, n_old + 22):
    np.testing.assert_allclose(
      grown[EMBEDDING][row],
      OUTPUTS[f'{name}.reset.new_embedding_row'],
      rtol=1e-5,
      atol=1e-7,
    )
    np.testing.assert_allclose(
      grown[HEAD][:, row],
      OUTPUTS[f'{name}.reset.new_head_row'],
      rtol=1e-5,
      atol=1e-7,
    )
  bias = grown[HEAD_BIAS]
  assert bias.shape == (n_old + 22,)
  assert 0.8 * width**-0.5 < np.abs(bias).max() <= width**-0.5
  again = with_new_words(grown, 2, vocab_size=n_old + 22)
  for path, x in grown.items():
    np.testing.assert_array_equal(again[path], x)


def test_16_bit_words_stay_16_bit():
  stored = {EMBEDDING: np.ones((4, 3), ml_dtypes.bfloat16)}
  grown = with_new_words(stored, 0, vocab_size=5)[EMBEDDING]
  assert grown.dtype == ml_dtypes.bfloat16 and grown.shape == (5, 3)
