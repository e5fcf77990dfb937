"""Q-Former: learned queries read features, and a text that they are told."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.nn.attention import ProbabilityDropout, Segment, attend
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain
from vtg_jax.nn.dense import Dense
from vtg_jax.nn.dropout import Dropout
from vtg_jax.nn.norm import layer_norm


@dataclasses.dataclass(frozen=True, kw_only=True)
class QFormerConfig:
  """Architecture of the Q-Former.

  Attributes:
    width: Channels D.
    n_layers: BERT layers.
    n_heads: Attention heads.
    mlp_hidden: Inner width of both feed-forward networks.
    vocab_size: Rows of the word table, `[DEC]` included; 0 for a Q-Former that
      reads no text, and has nothing that only text passes.
    max_positions: Rows of the position table; 0 without text.
    n_queries: Query tokens of the pretrained Q-Former.
    n_extra_queries: Query tokens added for instruction tuning; may be none.
    cross_attention_every: Layers 0, n, 2n, ... look at the video.
    features_width: Channels of the video features.
    norm_eps: Epsilon of every norm.
    dropout: Drop rate of hidden states and of attention probabilities while
      training.
    drop_path: Rate of stochastic depth at the last layer, 0 at the first.
  """

  width: int
  n_layers: int
  n_heads: int
  mlp_hidden: int
  vocab_size: int
  max_positions: int
  n_queries: int
  n_extra_queries: int
  cross_attention_every: int
  features_width: int
  norm_eps: float
  dropout: float
  drop_path: float

  def __post_init__(self):
    if self.width % self.n_heads:
      raise ValueError(f'{self.width=} is not divisible by {self.n_heads=}')
    if bool(self.vocab_size) != bool(self.max_positions):
      raise ValueError(
        f'{self.vocab_size=} and {self.max_positions=}; text needs both'
      )

  @property
  def reads_text(self) -> bool:
    """Whether there is a text beside the features."""
    return self.vocab_size > 0

  @property
  def n_tokens(self) -> int:
    """Video tokens that come out."""
    return self.n_queries + self.n_extra_queries


class QFormerOutput(NamedTuple):
  """What the Q-Former computed.

  Attributes:
    queries: Last states of the query rows.
    rows: The same of queries and text.
    embedded: Queries then text after the embedding norm.
    layers: Queries then text after each layer.
  """

  queries: Float[Array, 'B Q D']
  rows: Float[Array, 'B R D']
  embedded: Float[Array, 'B R D']
  layers: tuple[Float[Array, 'B R D'], ...]


def add_and_norm(config, compute, drop_path, h, x, *, deterministic):
  """norm(x + drop_path(dropout(h))): how every BERT sub-layer ends."""
  h = Dropout(config.dropout)(h, deterministic=deterministic)
  # Stochastic depth drops a sample's whole branch.
  h = Dropout(drop_path, broadcast_dims=(1, 2))(h, deterministic=deterministic)
  return layer_norm(config.norm_eps, compute.jnp_dtype, name='norm')(x + h)


class QFormerAttention(nn.Module):
  """Attention of x over the rows of y, residual and norm."""

  config: QFormerConfig
  compute: Compute
  drop_path: float

  @nn.compact
  def __call__(
    self,
    x: Float[Array, 'B T D'],
    y: Float[Array, 'B S E'],
    mask: Bool[Array, 'B 1 S'] | None,
    *,
    deterministic: bool,
  ) -> Float[Array, 'B T D']:
    config, D = self.config, self.config.width
    head_dim = D // config.n_heads

    def project(name, z):
      z = Dense(D, ('embed', 'heads'), self.compute, name=name)(z)
      return z.reshape(*z.shape[:2], config.n_heads, head_dim)

    q, k, v = project('query', x), project('key', y), project('value', y)
    self.sow('intermediates', 'q', q)  # for losses that look inside
    self.sow('intermediates', 'k', k)
    out = attend(
      q,
      [Segment(k, v, mask)],
      scale=head_dim**-0.5,
      implementation=self.compute.attention,
      dropout=self._probability_dropout(deterministic),
    )
    out = Dense(D, ('heads', 'embed'), self.compute, name='output')(
      out.reshape(*x.shape[:2], D)
    )
    return add_and_norm(
      config,
      self.compute,
      self.drop_path,
      out,
      x,
      deterministic=deterministic,
    )

  def _probability_dropout(self, deterministic):
    if deterministic or not self.config.dropout:
      return None
    return ProbabilityDropout(self.make_rng('dropout'), self.config.dropout)


class FeedForward(nn.Module):
  """Two linear layers with an exact GELU, residual and norm."""

  config: QFormerConfig
  compute: Compute
  drop_path: float

  @nn.compact
  def __call__(self, x, *, deterministic: bool):
    config, compute = self.config, self.compute
    h = Dense(config.mlp_hidden, ('embed', 'mlp'), compute, name='fc1')(x)
    h = jax.nn.gelu(h, approximate=False)
    h = Dense(config.width, ('mlp', 'embed'), compute, name='fc2')(h)
    return add_and_norm(
      config, compute, self.drop_path, h, x, deterministic=deterministic
    )


class QFormerLayer(nn.Module):
  """Self-attention over queries and text, then two separate ways on.

  Query rows look at the features (in some layers) and use their own
  feed-forward network; text rows, where there are any, use the text's.
  """

  config: QFormerConfig
  compute: Compute
  index: int

  @nn.compact
  def __call__(self, x, features, mask, features_mask, deterministic: bool):
    config = self.config
    x = constrain(x, 'batch', None, None)
    rate = config.drop_path * self.index / max(config.n_layers - 1, 1)
    block = dict(config=config, compute=self.compute, drop_path=rate)
    x = QFormerAttention(**block, name='self_attention')(
      x, x, mask, deterministic=deterministic
    )
    queries, text = x[:, : config.n_tokens], x[:, config.n_tokens :]
    if self.index % config.cross_attention_every == 0:
      queries = QFormerAttention(**block, name='cross_attention')(
        queries, features, features_mask, deterministic=deterministic
      )
    queries = FeedForward(**block, name='query_ffn')(
      queries, deterministic=deterministic
    )
    if not config.reads_text:
      return queries
    text = FeedForward(**block, name='text_ffn')(
      text, deterministic=deterministic
    )
    return jnp.concatenate([queries, text], axis=1)


class QFormer(nn.Module):
  """BERT with learned queries and cross-attention to features.

  The layers differ (only some look at the features), so they are unrolled.

  Source: HawkEye models/blip2/Qformer.py; TimeChat models/Qformer.py.
  """

  config: QFormerConfig
  compute: Compute

  @nn.compact
  def __call__(
    self,
    features: Float[Array, 'B S E'],
    text_ids: Int[Array, 'B T'] | None = None,
    text_mask: Bool[Array, 'B T'] | None = None,
    *,
    features_mask: Bool[Array, 'B S'] | None = None,
    deterministic: bool = True,
  ) -> QFormerOutput:
    """Reads features under a text.

    Args:
      features: Of what is seen.
      text_ids: `[CLS] instruction [SEP]`, padded on the right; None where no
        text is read.
      text_mask: True on real text.
      features_mask: True on real features; all are when None.
      deterministic: False switches dropout and stochastic depth on.

    Returns:
      `n_tokens` rows and the states on the way to them.

    Raises:
      ValueError: when the text is longer than the position table, or there
        is one where none is read, or none where one is.
    """
    config, dtype = self.config, self.compute.jnp_dtype
    B = len(features)
    if config.reads_text != (text_ids is not None):
      raise ValueError(
        'a text is needed' if config.reads_text else 'no text can be read'
      )
    queries = [self._queries('query_tokens', config.n_queries)]
    if config.n_extra_queries:
      queries.append(
        self._queries('extra_query_tokens', config.n_extra_queries)
      )
    queries = jnp.concatenate(queries)
    x = jnp.broadcast_to(queries.astype(dtype), (B, *queries.shape))
    mask = None
    if config.reads_text:
      x = jnp.concatenate([x, self._embedded_text(text_ids)], axis=1)
      on = jnp.ones((B, config.n_tokens), bool)
      mask = jnp.concatenate([on, text_mask.astype(bool)], axis=1)[:, None]
    if features_mask is not None:
      features_mask = features_mask.astype(bool)[:, None]
    x = layer_norm(config.norm_eps, dtype, name='embed_norm')(x)
    embedded = x
    x = Dropout(config.dropout)(x, deterministic=deterministic)
    states = []
    block = QFormerLayer
    if self.compute.remat:
      block = nn.remat(QFormerLayer, static_argnums=(5,))  # deterministic
    for index in range(config.n_layers):
      layer = block(config, self.compute, index, name=f'layer_{index}')
      x = layer(x, features, mask, features_mask, deterministic)
      states.append(x)
    return QFormerOutput(x[:, : config.n_tokens], x, embedded, tuple(states))

  def _embedded_text(self, text_ids):
    """Words and their positions, which count from 0; queries have none."""
    config, T = self.config, text_ids.shape[1]
    if T > config.max_positions:
      raise ValueError(
        f'{T} text tokens exceed the {config.max_positions} positions of '
        'the Q-Former; truncate on the left'
      )
    words = self._table('word_embeddings', config.vocab_size, 'words')
    places = self._table(
      'position_embeddings', config.max_positions, 'positions'
    )
    return words(text_ids) + places(jnp.arange(T))

  def _table(self, name, rows, axis):
    init = nn.with_logical_partitioning(
      nn.initializers.normal(0.02), (axis, 'embed')
    )
    return nn.Embed(
      rows,
      self.config.width,
      dtype=self.compute.jnp_dtype,
      param_dtype=self.compute.jnp_param_dtype,
      embedding_init=init,
      name=name,
    )

  def _queries(self, name, rows):
    init = nn.with_logical_partitioning(
      nn.initializers.normal(0.02), ('queries', 'embed')
    )
    shape = (rows, self.config.width)
    return self.param(name, init, shape, self.compute.jnp_param_dtype)
