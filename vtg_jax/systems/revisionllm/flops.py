"""ReVisionLLM's matrix products; see `vtg_jax.systems.products`."""

import dataclasses
from collections.abc import Collection, Iterator

from vtg_jax.systems import products
from vtg_jax.systems.products import Product, attention, dense
from vtg_jax.systems.revisionllm.config import LevelConfig, ReVisionLlmConfig

# Stage -> the stages it depends on; see `products.useful_flops`.
_BEFORE = {
  'features': (),
  'dense_projector': (),
  'clip_encoder': (),
  'llm': ('dense_projector', 'clip_encoder', 'alternate_norm'),
  'alternate_norm': ('dense_projector', 'clip_encoder'),
}
_ENCODER, _LORAS = 'clip_encoder', 'loras'


def row_products(
  config: ReVisionLlmConfig,
  level: LevelConfig,
  *,
  row_tokens: int,
  query_words: int,
) -> list[Product]:
  """The products of one row's forward pass.

  Args:
    config: Sizes.
    level: Of which the row is.
    row_tokens: Its tokens, visual ones and padding included.
    query_words: Words of the query that windows look at, padding included.
  """
  llm = config.llm
  if level.lora is None:
    llm = dataclasses.replace(llm, lora=None)
  if level.is_dense:
    rows, D = config.n_frames, config.features_width
    weight = 'dense_projector/kernel'
    visual = [dense(rows, D, llm.width, weight, 'features')]
  else:
    visual = encoder_products(config, level.n_windows, query_words)
  return [*visual, *products.decoder_products(llm, row_tokens)]


def encoder_products(
  config: ReVisionLlmConfig, n_windows: int, query_words: int
) -> Iterator[Product]:
  """The products that make a row of each of some windows."""
  encoder, F = config.clip_encoder, config.n_frames
  D, M, E = encoder.width, encoder.mlp_hidden, config.llm.width
  for stage, n_layers, n_queries, n_keys in (
    ('text_layers', encoder.n_text_layers, F, query_words),
    ('self_layers', encoder.n_layers, F + 1, F + 1),
  ):
    n, path = n_windows * n_layers, f'{_ENCODER}/{stage}'
    # Frames know nothing that trains before the first layer; all are taken to.
    for rows, n_out in ((n_queries, D), (n_keys, 2 * D)):
      weight = f'{path}/attention/in_proj/kernel'
      yield dense(n * rows, D, n_out, weight, _ENCODER)
    yield attention(n * n_queries, n_keys, D, _ENCODER)
    for n_in, n_out, name in (
      (D, D, 'attention/out_proj'),
      (D, M, 'fc1'),
      (M, D, 'fc2'),
    ):
      weight = f'{path}/{name}/kernel'
      yield dense(n * n_queries, n_in, n_out, weight, _ENCODER)
  yield dense(n_windows, D, E, f'{_ENCODER}/projector/kernel', _ENCODER)


def useful_flops(
  config: ReVisionLlmConfig,
  level: LevelConfig,
  trainable: Collection[str],
  *,
  row_tokens: int,
  query_words: int,
) -> int:
  """Useful operations of one row in a training step.

  Args:
    config: Sizes.
    level: Of which the row is.
    trainable: Paths of the parameters that train, such as
      'loras/dense/layers/q_proj/lora_a'.
    row_tokens: As for `row_products`.
    query_words: As for `row_products`.

  Raises:
    ValueError: for the path of no stage.
  """
  worn = set(_worn(trainable, level))
  return products.useful_flops(
    row_products(config, level, row_tokens=row_tokens, query_words=query_words),
    {path.partition('/')[0] for path in worn},
    worn,
    before=_BEFORE,
  )


def _worn(trainable: Collection[str], level: LevelConfig) -> Iterator[str]:
  """Paths in the network that wears the level's adapter, and no other."""
  for path in trainable:
    top, _, rest = path.partition('/')
    name, _, inside = rest.partition('/')
    if top != _LORAS:
      yield path
    elif name == level.lora:
      yield f'llm/{inside}'
