"""Words added to a trained decoder."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.llm.golden_lm import (
  NAMES,
  OUTPUTS,
  TOLD,
  TOLERANCE,
  config_of,
  params_of,
)
from tests.llm.tiny_decoder import CONFIG, random_params, score
from vtg_jax.llm.decoder import Decoder
from vtg_jax.llm.vocabulary import add_new_words, grow_vocabulary
from vtg_jax.nn.compute import Compute


@pytest.mark.parametrize('name', NAMES)
def test_a_new_word_is_the_mean_of_the_old_ones(name):
  config, params = config_of(name, tuned=False), params_of(name, tuned=False)
  n_new = TOLD[name]['vocab_size_extended'] - config.vocab_size
  grown, more = grow_vocabulary(config, params, n_new, jax.random.key(0))
  assert grown.vocab_size == TOLD[name]['vocab_size_extended']
  for table, old, row in (
    (
      more['embed']['embedding'],
      params['embed']['embedding'],
      OUTPUTS[f'{name}.reset.new_embedding_row'],
    ),
    (
      more['lm_head']['kernel'].T,
      params['lm_head']['kernel'].T,
      OUTPUTS[f'{name}.reset.new_head_row'],
    ),
  ):
    np.testing.assert_array_equal(table[:-n_new], old)
    new = np.broadcast_to(row, (n_new, config.width))
    np.testing.assert_allclose(table[-n_new:], new, **TOLERANCE)


def test_the_bias_is_uniform_within_the_bound_of_a_linear_layer():
  params = random_params()
  _, more = grow_vocabulary(CONFIG, params, 5000, jax.random.key(0))
  bias = np.asarray(more['lm_head']['bias'])
  bound = CONFIG.width**-0.5
  assert bias.shape == (CONFIG.vocab_size + 5000,)
  assert np.abs(bias).max() <= bound
  np.testing.assert_allclose(bias.std(), bound / 3**0.5, rtol=0.03)


def test_old_words_keep_their_scores_but_for_the_bias():
  params = random_params()
  config, more = grow_vocabulary(CONFIG, params, 3, jax.random.key(0))
  ids = np.arange(8).reshape(2, 4)
  got = score(more, ids, Decoder(config, Compute())) - more['lm_head']['bias']
  np.testing.assert_allclose(got[..., :-3], score(params, ids), atol=1e-5)


@pytest.mark.parametrize('has', ['tied_embeddings', 'head_bias'])
def test_only_a_bare_head_is_given_a_bias(has):
  config = dataclasses.replace(CONFIG, **{has: True})
  with pytest.raises(ValueError, match=f'config.{has}=True'):
    grow_vocabulary(config, {}, 3, jax.random.key(0))


def test_new_words_beside_the_tables_begin_as_known_ones():
  params = random_params()
  config, more = add_new_words(CONFIG, params, [3, 5], first=25)
  assert config.n_words == 27
  ids = np.array([[1, 3, 5, 2], [7, 5, 3, 3]])
  said = np.where(ids == 3, 25, np.where(ids == 5, 26, ids))
  known = score(params, ids)
  got = score(more, said, Decoder(config, Compute()))
  np.testing.assert_allclose(got[..., :24], known, atol=1e-5)
  np.testing.assert_allclose(got[..., 25:], known[..., [3, 5]], atol=1e-5)
  assert (got[..., 24] < -1e29).all()  # is no word
  with pytest.raises(ValueError, match='once'):
    add_new_words(config, more, [1], first=27)
  with pytest.raises(ValueError, match='begin behind it'):
    add_new_words(CONFIG, params, [1], first=23)
