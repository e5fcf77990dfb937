"""The step from stage 1 to stage 2: words of time, head bias and adapters."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from vtg_jax.nn.dense import LoraConfig
from vtg_jax.systems.grounded_videollm.config import (
  LORA,
  GroundedVideoLlmConfig,
  n_new_words,
)

EMBEDDING, HEAD = 'llm/embed/embedding', 'llm/lm_head/kernel'
HEAD_BIAS = 'llm/lm_head/bias'
# Path -> the axis that the words lie along.
_WORDS_ALONG = {EMBEDDING: 0, HEAD: 1}


def as_tuned(config: GroundedVideoLlmConfig) -> GroundedVideoLlmConfig:
  """The sizes of the same model from stage 2 on; as they are if it is one."""
  llm = config.llm
  if not llm.head_bias:
    llm = dataclasses.replace(
      llm,
      vocab_size=llm.vocab_size + n_new_words(config.n_intervals),
      head_bias=True,
    )
  if llm.lora is None:
    lora = LoraConfig(**LORA, targets=llm.projections)
    llm = dataclasses.replace(llm, lora=lora)
  return dataclasses.replace(config, llm=llm)


def with_new_words(
  stored: Mapping[str, np.ndarray], seed: int, *, vocab_size: int
) -> dict[str, np.ndarray]:
  """Parameters with as many words as the language model is to have.

  A new word is the mean of all old ones. A head without a bias gets one, drawn
  evenly from within width ** -0.5, as torch draws it.

  Args:
    stored: Path -> array, of a model that has fewer words or as many.
    seed: Of the bias.
    vocab_size: Words in the end.

  Source: Grounded-VideoLLM, which grows embedding and head on their own.
  """
  grown = dict(stored)
  for path, axis in _WORDS_ALONG.items():
    if path in grown and grown[path].shape[axis] < vocab_size:
      grown[path] = _grown(grown[path], axis, vocab_size)
  if HEAD in grown and HEAD_BIAS not in grown:
    most = grown[HEAD].shape[0] ** -0.5
    bias = np.random.default_rng(seed).uniform(-most, most, vocab_size)
    grown[HEAD_BIAS] = bias.astype(grown[HEAD].dtype)
  return grown


def _grown(words: np.ndarray, axis: int, vocab_size: int) -> np.ndarray:
  mean = words.astype(np.float32).mean(axis, keepdims=True, dtype=np.float64)
  n_new = vocab_size - words.shape[axis]
  new = np.repeat(mean.astype(jnp.dtype(words.dtype)), n_new, axis)
  return np.concatenate([words, new], axis)
