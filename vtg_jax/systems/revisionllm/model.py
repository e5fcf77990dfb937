"""ReVisionLLM's network: projector, encoder of windows, decoder."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.adapters.hierarchy import ClipEncoder, ClipEncoderOutput
from vtg_jax.llm.decoder import Decoder
from vtg_jax.llm.splice import splice_places
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain
from vtg_jax.nn.dense import Dense, merge_lora
from vtg_jax.nn.named_lora import split_adapter, wear_adapter
from vtg_jax.nn.norm import layer_norm
from vtg_jax.systems.revisionllm.config import ReVisionLlmConfig

# Where the adapters lie among the parameters, by name.
LORAS = 'loras'
_NORM_EPS = 1e-5


class ReVisionLlm(nn.Module):
  """The network at one of its levels, a method for each stage.

  Parameters are those of `worn`, which puts a level's adapter beside the
  language model's kernels. Use it as a pure function:

      model, worn_params = at_level(config, compute, params, 'dense')
      model.apply({'params': worn_params}, features, method='dense_rows')

  Attributes:
    config: Sizes.
    compute: Numerics.
    has_lora: Whether the language model wears an adapter.

  Source: spec sections 3 and 4.
  """

  config: ReVisionLlmConfig
  compute: Compute
  has_lora: bool = True

  def setup(self):
    config, compute = self.config, self.compute
    width = config.llm.width
    if config.has_dense_level:
      self.dense_projector = Dense(width, ('adapter', 'embed'), compute)
    if config.clip_encoder is not None:
      self.clip_encoder = ClipEncoder(config.clip_encoder, width, compute)
    if config.alternate_norm:
      self.alternate_norm = layer_norm(_NORM_EPS, compute.jnp_dtype)
    self.llm = decoder(config, compute, has_lora=self.has_lora)

  def dense_rows(
    self, features: Float[Array, 'B F D']
  ) -> Float[Array, 'B F E']:
    """A row for each frame of a window."""
    rows = self.dense_projector(features)
    return constrain(rows, 'batch', None, None)

  def encode_windows(
    self,
    features: Float[Array, 'B F D'],
    text: Float[Array, 'B T D'],
    text_mask: Bool[Array, 'B T'],
    **options,
  ) -> ClipEncoderOutput:
    """See `ClipEncoder.__call__`."""
    return self.clip_encoder(features, text, text_mask, **options)

  def window_rows(
    self,
    features: Float[Array, 'B R F D'],
    text: Float[Array, 'B T D'],
    text_mask: Bool[Array, 'B T'],
    *,
    deterministic: bool = True,
  ) -> Float[Array, 'B R E']:
    """A row for each of R windows, that knows the query.

    Args:
      features: Of the windows' frames.
      text: Features of the words of each sample's query, the same for all of
        its windows.
      text_mask: True on real words.
      deterministic: False switches dropout on.
    """
    B, R, F, D = features.shape
    out = self.clip_encoder(
      features.reshape(B * R, F, D),
      jnp.repeat(text, R, axis=0),
      jnp.repeat(text_mask, R, axis=0),
      deterministic=deterministic,
    )
    return out.rows.reshape(B, R, -1)

  def normed_rows(self, rows: Float[Array, 'B R E']) -> Float[Array, 'B R E']:
    """Visual rows after the norm of the variant that has one."""
    return self.alternate_norm(rows) if self.config.alternate_norm else rows

  def embed_rows(
    self,
    input_ids: Int[Array, 'B T'],
    places: Int[Array, 'B T'],
    visual: Float[Array, 'B R E'],
  ) -> Float[Array, 'B T E']:
    """Embedded rows of a batch, laid out by `rows.lay_out`.

    Args:
      input_ids: Words; what stands elsewhere is not looked at.
      places: See `llm.places`.
      visual: The rows that stand for the video.
    """
    return splice_places(self.llm.embed_tokens(input_ids), visual, places)

  def row_states(
    self,
    embeds: Float[Array, 'B T E'],
    attention_mask: Bool[Array, 'B T'],
    positions: Int[Array, 'B T'] | None = None,
    *,
    deterministic: bool = True,
  ) -> Float[Array, 'B T E']:
    """Final states of padded rows.

    Args:
      embeds: From `embed_rows`.
      attention_mask: False on padding.
      positions: Of each token; they are counted from 0 through padding when
        None, as the release does while training.
      deterministic: False switches LoRA dropout on.
    """
    B, T = attention_mask.shape
    causal = jnp.tril(jnp.ones((T, T), bool))
    if positions is None:
      positions = jnp.broadcast_to(jnp.arange(T), (B, T))
    out = self.llm(
      embeds,
      positions,
      mask=causal & attention_mask[:, None],
      deterministic=deterministic,
    )
    return out.hidden

  def decode(self, embeds, positions, **kwargs):
    """The decoder's forward pass; see `Decoder.__call__`."""
    return self.llm(embeds, positions, **kwargs)

  def embed_tokens(self, ids: Int[Array, '*B T']) -> Float[Array, '*B T E']:
    """Rows of the word embedding."""
    return self.llm.embed_tokens(ids)

  def logits(self, hidden: Float[Array, '*B E']) -> Float[Array, '*B V']:
    """Scores over the vocabulary."""
    return self.llm.logits(hidden)

  def training_states(
    self, batch: Mapping[str, jax.Array], *, deterministic: bool = False
  ) -> Float[Array, 'B T E']:
    """Final states of a batch of training rows; `logits` scores them.

    Args:
      batch: input_ids, places and attention_mask [B T]; features [B F D] of a
        window a sample, or [B R F D] of R windows a sample with text [B Q D]
        and text_mask [B Q]. A window a sample with text is one row, as when
        the encoder learns.
      deterministic: False switches all dropout on.
    """
    features = batch['features']
    if 'text' not in batch:
      visual = self.dense_rows(features)
    else:
      windows = features if features.ndim == 4 else features[:, None]
      visual = self.window_rows(
        windows,
        batch['text'],
        batch['text_mask'],
        deterministic=deterministic,
      )
    self.sow('intermediates', 'visual', visual)  # for losses on each row
    embeds = self.embed_rows(
      batch['input_ids'], batch['places'], self.normed_rows(visual)
    )
    return self.row_states(
      embeds, batch['attention_mask'], deterministic=deterministic
    )

  def __call__(self, frames, text, text_mask, ids):
    """Runs every stage once, on one row; for making parameters."""
    rows = []
    if self.config.has_dense_level:
      rows.append(self.dense_rows(frames))
    if self.config.clip_encoder is not None:
      rows.append(self.encode_windows(frames, text, text_mask).rows)
    rows.append(self.embed_tokens(ids))
    embeds = self.normed_rows(jnp.concatenate(rows, axis=1))
    mask = jnp.ones(embeds.shape[:2], bool)
    return self.logits(self.row_states(embeds, mask))


def decoder(
  config: ReVisionLlmConfig, compute: Compute, *, has_lora: bool
) -> Decoder:
  """The language model, with an adapter or bare."""
  llm = config.llm
  if not has_lora:
    llm = dataclasses.replace(llm, lora=None)
  return Decoder(llm, compute)


def worn(params: Mapping[str, Any], lora: str | None) -> dict[str, Any]:
  """The parameters of the network with one adapter in its place.

  Args:
    params: All parameters.
    lora: Name of the adapter, or None for the bare language model.
  """
  rest = {name: value for name, value in params.items() if name != LORAS}
  if lora is None:
    return rest
  return rest | {'llm': wear_adapter(rest['llm'], params[LORAS][lora])}


def at_level(
  config: ReVisionLlmConfig,
  compute: Compute,
  params: Mapping[str, Any],
  level: str,
) -> tuple[ReVisionLlm, dict[str, Any]]:
  """The network at a level, and its parameters there; the base is shared."""
  lora = config.level(level).lora
  return ReVisionLlm(config, compute, lora is not None), worn(params, lora)


def merged(
  config: ReVisionLlmConfig, params: Mapping[str, Any], lora: str
) -> dict[str, Any]:
  """The parameters of a network without adapters that has learnt one's part.

  Unlike `worn`, this copies what the adapter changes.
  """
  own = worn(params, lora)
  return own | {'llm': merge_lora(own['llm'], config.llm.lora.scale)}


def init_params(config: ReVisionLlmConfig, rng: jax.Array, compute: Compute):
  """Fresh random parameters as one plain nested dict."""
  return nn.meta.unbox(
    jax.jit(_init, static_argnums=(0, 2))(config, rng, compute)
  )


def _init(config, rng, compute):
  """Parameters, each with the logical names of its axes."""
  model = ReVisionLlm(config, compute, bool(config.loras))
  inputs = (
    jnp.zeros((1, 2, config.features_width)),
    jnp.zeros((1, 1, config.features_width)),
    jnp.ones((1, 1), bool),
    jnp.zeros((1, 1), jnp.int32),
  )
  params = dict(model.init(rng, *inputs)['params'])
  if not config.loras:
    return params
  loras = {}
  for i, name in enumerate(config.loras):
    own = model.init(jax.random.fold_in(rng, i), *inputs)['params']['llm']
    loras[name] = split_adapter(own)[1]
  params['llm'] = split_adapter(params['llm'])[0]
  return params | {LORAS: loras}


def param_shapes(config: ReVisionLlmConfig) -> dict:
  """Shapes and dtypes of the parameters, without making them."""
  return jax.eval_shape(
    lambda: init_params(config, jax.random.key(0), Compute())
  )


def param_axes(config: ReVisionLlmConfig) -> dict:
  """Logical names of every parameter's axes, such as ('embed', 'heads')."""
  boxed = jax.eval_shape(lambda: _init(config, jax.random.key(0), Compute()))
  return jax.tree.map(
    lambda box: tuple(box.names),
    boxed,
    is_leaf=lambda x: isinstance(x, nn.Partitioned),
  )
