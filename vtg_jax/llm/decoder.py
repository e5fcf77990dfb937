"""The decoder-only transformer, for Llama, Vicuna and Phi-3 alike."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.nn.attention import Segment, attend
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain
from vtg_jax.nn.dense import Dense, dot
from vtg_jax.nn.norm import rms_norm
from vtg_jax.nn.rope import apply_rope, rope_angles
from vtg_jax.nn.stack import scan_layers

# Of fresh word vectors: about as large as what fresh layers add to them.
_WORD_STD = 0.5
# Score of a word that is none: between the table's words and the new ones.
_NO_WORD = -1e30


class KeyValues(NamedTuple):
  """Keys and values of some tokens in every layer: a cache, or a part of one.

  Attributes:
    k: Rotated keys.
    v: Values.
  """

  k: Float[Array, 'L B S K H']
  v: Float[Array, 'L B S K H']


class Past(NamedTuple):
  """Tokens that were computed before, and who may look at them.

  Attributes:
    kv: Their keys and values; a batch of 1 is shared by all rows.
    mask: True where a query may look at a token.
  """

  kv: KeyValues
  mask: Bool[Array, '#B #T S']


class DecoderOutput(NamedTuple):
  """What a forward pass computed.

  Attributes:
    hidden: States after the final norm; `logits` turns them into scores.
    kv: Keys and values of the tokens passed in, to keep as a `Past`.
  """

  hidden: Float[Array, 'B T D']
  kv: KeyValues


class DecoderLayer(nn.Module):
  """Pre-norm attention with rotary positions, then a SiLU-gated MLP."""

  config: DecoderConfig
  compute: Compute

  @nn.compact
  def __call__(self, x, past, past_masks, mask, angles, deterministic):
    config = self.config
    B, T, _ = x.shape
    x = constrain(x, 'batch', None, None)
    norm = dict(epsilon=config.norm_eps, dtype=self.compute.jnp_dtype)
    h = rms_norm(name='input_norm', **norm)(x)
    N, K, H = config.n_heads, config.n_kv_heads, config.head_dim
    q, k, v = self._several(
      h,
      'qkv_proj',
      {'q_proj': N * H, 'k_proj': K * H, 'v_proj': K * H},
      ('heads', 'kv_heads', 'kv_heads'),
      deterministic,
    )

    def heads(z, n, axis):
      return constrain(z.reshape(B, T, n, H), 'batch', None, axis, None)

    q = heads(q, N, 'heads')
    k, v = heads(k, K, 'kv_heads'), heads(v, K, 'kv_heads')
    self.sow('intermediates', 'q', q)  # for losses that look inside
    self.sow('intermediates', 'k', k)
    q, k = apply_rope(q, *angles), apply_rope(k, *angles)
    segments = [
      Segment(kv.k, kv.v, past_mask)
      for kv, past_mask in zip(past, past_masks, strict=True)
    ]
    out = attend(
      q,
      [*segments, Segment(k, v, mask)],
      scale=H**-0.5,
      implementation=self.compute.attention,
    )
    out = out.reshape(B, T, N * H)
    x = x + self._dense(config.width, ('heads', 'embed'), 'o_proj')(
      out, deterministic=deterministic
    )
    h = rms_norm(name='post_attention_norm', **norm)(x)
    M = config.mlp_hidden
    gate, up = self._several(
      h,
      'gate_up_proj',
      {'gate_proj': M, 'up_proj': M},
      ('mlp', 'mlp'),
      deterministic,
    )
    h = constrain(jax.nn.silu(gate) * up, 'batch', None, 'mlp')
    x = x + self._dense(config.width, ('mlp', 'embed'), 'down_proj')(
      h, deterministic=deterministic
    )
    return x, KeyValues(k, v)

  def _several(self, x, fused, widths, axes, deterministic):
    """Several products of one input: of a kernel each, or of a fused one.

    Args:
      x: [B T D].
      fused: Name of the kernel that holds those of `widths` side by side.
      widths: Name -> output width of each.
      axes: Logical name of each output; the fused one has the first.
      deterministic: False switches LoRA dropout on.
    """
    if self.config.fused_projections:
      layer = self._dense(sum(widths.values()), ('embed', axes[0]), fused)
      ends = list(itertools.accumulate(widths.values()))
      return jnp.split(layer(x, deterministic=deterministic), ends[:-1], -1)
    return [
      self._dense(width, ('embed', axis), name)(x, deterministic=deterministic)
      for (name, width), axis in zip(widths.items(), axes, strict=True)
    ]

  def _dense(self, features, axes, name):
    lora = self.config.lora
    if lora is not None and name not in lora.targets:
      lora = None
    return Dense(
      features, axes, self.compute, use_bias=False, lora=lora, name=name
    )


class Decoder(nn.Module):
  """A stack of decoder layers between an embedding and a head.

  Attention runs over segments: what `past` holds, in order, then the tokens
  passed in. Nothing is copied into one long cache, so a prompt prefix that
  many rows share is stored once.
  """

  config: DecoderConfig
  compute: Compute

  def setup(self):
    config, compute = self.config, self.compute
    table = nn.with_logical_partitioning(
      nn.initializers.normal(_WORD_STD), ('vocab', 'embed')
    )
    self.embed = nn.Embed(
      config.vocab_size,
      config.width,
      dtype=compute.jnp_dtype,
      param_dtype=compute.jnp_param_dtype,
      embedding_init=table,
    )
    stack = scan_layers(
      DecoderLayer,
      config.n_layers,
      remat=compute.remat,
      in_axes=(0, *[nn.broadcast] * 4),
      switches=(4,),
    )
    self.layers = stack(config, compute)
    self.final_norm = rms_norm(epsilon=config.norm_eps, dtype=compute.jnp_dtype)
    if not config.tied_embeddings:
      self.lm_head = Dense(
        config.vocab_size,
        ('embed', 'vocab'),
        compute,
        use_bias=config.head_bias,
        out_dtype='float32',
      )
    if config.new_words is not None:
      self.new_embed, self.new_head = (
        self.param(
          name,
          nn.with_logical_partitioning(
            nn.initializers.normal(_WORD_STD), ('words', 'embed')
          ),
          (config.new_words.count, config.width),
          compute.jnp_param_dtype,
        )
        for name in ('new_embed', 'new_head')
      )

  def __call__(
    self,
    embeds: Float[Array, 'B T D'],
    positions: Int[Array, 'B T'],
    *,
    mask: Bool[Array, '#B T T'] | None = None,
    past: Sequence[Past] = (),
    sequence_length: Int[Array, ''] | int | None = None,
    deterministic: bool = True,
  ) -> DecoderOutput:
    """Runs tokens through the layers.

    Args:
      embeds: From `embed_tokens`, or soft tokens.
      positions: Rotary position of each token.
      mask: True where a token may look at a token of this call; causal when
        None.
      past: Earlier tokens, in any number of segments.
      sequence_length: Tokens of a row up to now, those of this call and
        padding included, one number for the whole batch: how LongRoPE chooses
        its factors. The tokens of this call when None; not looked at without
        LongRoPE.
      deterministic: False switches LoRA dropout on.

    Returns:
      Final states and this call's keys and values.

    Raises:
      ValueError: no `sequence_length` for a decoder with LongRoPE and a past,
        which may have unused room.
    """
    T = embeds.shape[1]
    if mask is None:
      mask = jnp.tril(jnp.ones((T, T), bool))[None]
    if sequence_length is None and not past:
      sequence_length = T
    angles = self._angles(positions, sequence_length)
    x = embeds.astype(self.compute.jnp_dtype)
    x, kv = self.run_layers(
      x,
      tuple(p.kv for p in past),
      tuple(p.mask for p in past),
      mask,
      angles,
      deterministic,
    )
    return DecoderOutput(self.final_norm(x), kv)

  def _angles(self, positions, sequence_length):
    config, long = self.config, self.config.long_rope
    slowed = {}
    if long is not None:
      if sequence_length is None:
        raise ValueError('LongRoPE after a past needs a sequence_length')
      slowed = dict(
        factors=long.factors(sequence_length),
        amplitude=long.amplitude(config.max_positions),
      )
    return rope_angles(positions, config.head_dim, config.rope_theta, **slowed)

  def run_layers(self, x, past: tuple[KeyValues, ...], *inputs):
    """States and new keys and values after all layers."""
    return self.layers(x, past, *inputs)

  def embed_tokens(self, ids: Int[Array, '*B T']) -> Float[Array, '*B T D']:
    """Rows of the embedding."""
    new = self.config.new_words
    if new is None:
      return self.embed(ids)
    own = self.new_embed[jnp.clip(ids - new.first, 0, new.count - 1)]
    known = self.embed(jnp.minimum(ids, self.config.vocab_size - 1))
    is_new = (ids >= new.first)[..., None]
    return jnp.where(is_new, own.astype(known.dtype), known)

  def logits(self, hidden: Float[Array, '*B D']) -> Float[Array, '*B V']:
    """Scores over the vocabulary, summed and kept in float32."""
    new = self.config.new_words
    if not self.config.tied_embeddings:
      known = self.lm_head(hidden)
    else:
      table = jnp.asarray(self.embed.embedding, hidden.dtype)
      known = dot(hidden, table.T, jnp.float32)
    if new is None:
      return known
    head = jnp.asarray(self.new_head, hidden.dtype)
    gap = (*known.shape[:-1], new.first - self.config.vocab_size)
    return jnp.concatenate(
      [
        known,
        jnp.full(gap, _NO_WORD, known.dtype),
        dot(hidden, head.T, jnp.float32),
      ],
      axis=-1,
    )
