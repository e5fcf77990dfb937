"""The language models of the golden Grounded-VideoLLM, and rows to run."""

import dataclasses
import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from tests import params_of_tensors
from vtg_jax.convert.llama import llama_table
from vtg_jax.convert.phi3 import phi3_table
from vtg_jax.convert.readers import open_source
from vtg_jax.llm.decoder import Decoder
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm.release import config_of_golden

GOLDEN = Path(__file__).parents[1] / 'golden' / 'grounded_videollm'
WEIGHTS = GOLDEN / 'weights.safetensors'
TOLD = json.loads((GOLDEN / 'config.json').read_text())
IMAGE, IGNORE = -200, -100
TOLERANCE = dict(rtol=1e-4, atol=2e-4)
NAMES = ('phi3', 'llama3')
# The same model after stages 2 and 3, and before them.
TUNED, BASE = 'ckpt[model][language_model]', 'language_model_seperated'
TABLES = {
  name: table().under('base_model.model.', '')
  for name, table in (('phi3', phi3_table), ('llama3', llama_table))
}

with np.load(GOLDEN / 'inputs.npz') as file:
  INPUTS = dict(file)
with np.load(GOLDEN / 'outputs.npz') as file:
  OUTPUTS = dict(file)


def config_of(name: str, *, tuned: bool) -> DecoderConfig:
  """Sizes as the golden set tells them."""
  return config_of_golden(TOLD, name, tuned=tuned).llm


def decoder_of(name: str, *, tuned=True, original_positions=None) -> Decoder:
  """The golden decoder, its context extended from elsewhere if wanted."""
  config = config_of(name, tuned=tuned)
  if original_positions:
    long = dataclasses.replace(
      config.long_rope, original_positions=original_positions
    )
    config = dataclasses.replace(config, long_rope=long)
  return Decoder(config, Compute())


def tensors_of(name: str, part: str) -> dict[str, np.ndarray]:
  """The tensors of one released file, under its keys."""
  source, section = open_source(WEIGHTS), f'{name}/{part}|'
  return {
    key.removeprefix(section): source.read(key)
    for key in source.tensors
    if key.startswith(section)
  }


@functools.cache
def params_of(name: str, *, tuned=True) -> dict:
  tensors = tensors_of(name, TUNED if tuned else BASE)
  return params_of_tensors.params_of(TABLES[name], tensors)['llm']


def spliced(name: str, ids, params, text_only: tuple[int, ...] = ()):
  """Embedded words with the golden visual tokens in their place.

  Args:
    name: Of the language model.
    ids: Rows of ids with one placeholder each.
    params: Of its decoder.
    text_only: Rows that keep their words together, the visual tokens last.

  Returns:
    Embeddings [B T D], and for each token the number of the word it is, or
    -1 for a visual one [B T].
  """
  table, rows, words = params['embed']['embedding'], [], []
  for i, row in enumerate(ids):
    (at,) = np.flatnonzero(row == IMAGE)
    visual = OUTPUTS[f'{name}.visual_tokens'][i]
    kept = np.delete(np.arange(len(row)), at)
    start = len(kept) if i in text_only else at
    embeds = jnp.asarray(table)[row[kept]]
    rows.append(
      jnp.concatenate([embeds[:start], jnp.asarray(visual), embeds[start:]])
    )
    words.append(np.insert(kept, [start] * len(visual), -1))
  return jnp.stack(rows), np.stack(words)


def follow(words, values, visual):
  """Values of words where the words are, and `visual` elsewhere.

  Args:
    words: From `spliced`; a row's.
    values: One a word of the row [B T].
    visual: For visual tokens: one for all, or one a row.
  """
  chosen = np.take_along_axis(values, np.maximum(words, 0), 1)
  return np.where(words < 0, np.reshape(visual, (-1, 1)), chosen)


@functools.partial(jax.jit, static_argnames='decoder')
def states(decoder, params, embeds, real, positions=None):
  """States and keys of whole rows of which some tokens are padding."""
  T = embeds.shape[1]
  if positions is None:
    positions = jnp.broadcast_to(jnp.arange(T), real.shape)
  mask = jnp.tril(jnp.ones((T, T), bool)) & real[:, None]
  return decoder.apply({'params': params}, embeds, positions, mask=mask)


@functools.partial(jax.jit, static_argnames='decoder')
def logits_of(decoder, params, hidden):
  return decoder.apply({'params': params}, hidden, method='logits')
