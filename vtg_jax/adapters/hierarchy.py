"""Windows of frame features as words: one a frame, or one a whole window.

A coarse level of the hierarchy reads many windows at once, so each becomes a
single row: a learned token looks at the window's frames, which have looked at
the words of the query before.

    frames --text stage--> frames that know the query
    [token | frames] --self stage--> [row of the window | rows of the frames]
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from vtg_jax.nn.attention import ProbabilityDropout, Segment, attend
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain
from vtg_jax.nn.dense import Dense, dot
from vtg_jax.nn.dropout import Dropout
from vtg_jax.nn.norm import layer_norm
from vtg_jax.nn.stack import scan_layers

# Which states become rows: the window's, the frames', or both.
SELECTIONS = ('cls', 'temporal', 'all')
# The dtype that the position code is computed in: float32, or whatever the
# activations have, as released. In bfloat16 the two visibly differ.
POSITION_CODES = ('float32', 'activations')
_TEMPERATURE = 10000.0
_POSITION_EPS = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipEncoderConfig:
  """Architecture of the encoder of windows.

  Attributes:
    width: Channels D of the features of frames and words.
    n_heads: Attention heads.
    n_text_layers: Layers in which frames look at words; without any, the
      encoder does not know the query.
    n_layers: Layers in which the window's token and its frames look at one
      another.
    mlp_hidden: Inner width of the feed-forward networks.
    norm_eps: Epsilon of every norm.
    dropout: Drop rate while training.
    position_code: Of `POSITION_CODES`.
  """

  width: int
  n_heads: int
  n_text_layers: int
  n_layers: int
  mlp_hidden: int
  norm_eps: float
  dropout: float
  position_code: str = 'float32'

  def __post_init__(self):
    if self.width % self.n_heads:
      raise ValueError(f'{self.width=} is not divisible by {self.n_heads=}')
    if self.position_code not in POSITION_CODES:
      raise ValueError(f'{self.position_code=} is not one of {POSITION_CODES}')


class ClipEncoderOutput(NamedTuple):
  """What the encoder computed.

  Attributes:
    rows: What was selected, as wide as the language model.
    read: Frames after they looked at the words.
    states: The window's token, then its frames, after the self stage.
  """

  rows: Float[Array, 'B R H']
  read: Float[Array, 'B F D']
  states: Float[Array, 'B S D']


def selection_of(feature: str, *, hierarchical: bool, step: int = 0) -> str:
  """Which states a released setting selects.

  Source: spec section 3. 'alternate' goes before the hierarchy's flag.

  Args:
    feature: The released setting: 'cls', 'temporal', 'alternate' or another
      text, which means all.
    hierarchical: Whether windows are the rows of one sequence.
    step: Training step; 'alternate' takes the window's row on even ones.

  Returns:
    One of `SELECTIONS`.
  """
  if feature == 'alternate':
    return 'temporal' if step % 2 else 'cls'
  if hierarchical:
    return 'cls'
  return feature if feature in SELECTIONS else 'all'


def position_code(
  n_frames: int, width: int, dtype: str = 'float32'
) -> Float[np.ndarray, 'F D']:
  """Sines and cosines of how far through the window a frame is.

  Frame t of F, from 1 up, is at the angle 2 pi t / (F + 1e-6). Even channels
  hold sines, odd ones cosines, each pair of a longer period than the last.

  Args:
    n_frames: F.
    width: D, even.
    dtype: What every step is computed and rounded in, 'float32' or 'bfloat16'.

  Returns:
    In `dtype`.
  """
  kind = ml_dtypes.bfloat16 if dtype == 'bfloat16' else np.dtype(dtype)

  def rounded(x):
    return np.asarray(x, np.float32).astype(kind).astype(np.float32)

  frame = rounded(np.arange(1, n_frames + 1))
  part = rounded(frame / rounded(frame[-1:] + np.float32(_POSITION_EPS)))
  angle = rounded(part * np.float32(2 * np.pi))
  pair = rounded(np.floor(rounded(np.arange(width)) / 2))
  period = rounded(
    np.power(rounded(_TEMPERATURE), rounded(rounded(2 * pair) / width))
  )
  angles = rounded(angle[:, None] / period)
  is_even = np.arange(width) % 2 == 0
  return np.where(is_even, np.sin(angles), np.cos(angles)).astype(kind)


class InProjection(nn.Module):
  """Queries, keys and values of different inputs, from one packed kernel."""

  config: ClipEncoderConfig
  compute: Compute

  @nn.compact
  def __call__(
    self,
    q: Float[Array, 'B T D'],
    k: Float[Array, 'B S D'],
    v: Float[Array, 'B S D'],
  ):
    D, dtype = self.config.width, self.compute.jnp_dtype
    kernel = self._param(
      'kernel',
      nn.initializers.xavier_uniform(),
      (D, 3 * D),
      ('embed', 'heads'),
    )
    bias = self._param('bias', nn.initializers.zeros, (3 * D,), ('heads',))
    parts = zip(jnp.split(kernel, 3, 1), jnp.split(bias, 3), strict=True)
    return [
      dot(x, w.astype(dtype), dtype) + b.astype(dtype)
      for x, (w, b) in zip((q, k, v), parts, strict=True)
    ]

  def _param(self, name, init, shape, axes):
    init = nn.with_logical_partitioning(init, axes)
    return self.param(name, init, shape, self.compute.jnp_param_dtype)


class HierarchyAttention(nn.Module):
  """Attention whose queries and keys know positions and whose values do not."""

  config: ClipEncoderConfig
  compute: Compute

  @nn.compact
  def __call__(self, q, k, v, mask, deterministic: bool):
    config = self.config
    D, N = config.width, config.n_heads
    q, k, v = InProjection(config, self.compute, name='in_proj')(q, k, v)

    def heads(z):
      z = z.reshape(*z.shape[:2], N, D // N)
      return constrain(z, 'batch', None, 'heads', None)

    q, k, v = heads(q), heads(k), heads(v)
    self.sow('intermediates', 'q', q)  # who looks at what is worth a look
    self.sow('intermediates', 'k', k)
    dropout = None
    if config.dropout and not deterministic:
      dropout = ProbabilityDropout(self.make_rng('dropout'), config.dropout)
    out = attend(
      q,
      [Segment(k, v, mask)],
      scale=(D // N) ** -0.5,
      implementation=self.compute.attention,
      dropout=dropout,
    )
    return Dense(D, ('heads', 'embed'), self.compute, name='out_proj')(
      out.reshape(*out.shape[:2], D)
    )


class _Layer(nn.Module):
  """What the layers of both stages are made of."""

  config: ClipEncoderConfig
  compute: Compute

  def setup(self):
    config, compute = self.config, self.compute
    self.attention = HierarchyAttention(config, compute)
    self.fc1 = Dense(config.mlp_hidden, ('embed', 'mlp'), compute)
    self.fc2 = Dense(config.width, ('mlp', 'embed'), compute)
    self.norm1 = layer_norm(config.norm_eps, compute.jnp_dtype)
    self.norm2 = layer_norm(config.norm_eps, compute.jnp_dtype)
    self.drop = Dropout(config.dropout)

  def feed_forward(self, x, deterministic):
    h = jax.nn.relu(self.fc1(x))
    return self.fc2(self.drop(h, deterministic=deterministic))


class TextLayer(_Layer):
  """Frames look at the words of the query.

  Both branches add to the raw stream; the feed-forward network reads the
  normalised one, and the second norm comes at the very end:

      v = v + attention(v + position, words)
      v = norm2(v + ffn(norm1(v)))
  """

  def __call__(self, video, text, text_mask, position, deterministic: bool):
    video = constrain(video, 'batch', None, None)
    h = self.attention(
      video + position, text, text, text_mask[:, None], deterministic
    )
    video = video + self.drop(h, deterministic=deterministic)
    h = self.feed_forward(self.norm1(video), deterministic)
    return self.norm2(video + self.drop(h, deterministic=deterministic)), None


class SelfLayer(_Layer):
  """Post-norm: the window's token and its frames look at one another."""

  def __call__(
    self, x, position, deterministic: bool, *, n_rows: int | None = None
  ):
    """All rows, or what becomes of the first few."""
    x = constrain(x, 'batch', None, None)
    placed = x + position
    h = self.attention(placed[:, :n_rows], placed, x, None, deterministic)
    x = self.norm1(x[:, :n_rows] + self.drop(h, deterministic=deterministic))
    h = self.feed_forward(x, deterministic)
    return self.norm2(x + self.drop(h, deterministic=deterministic)), None


class ClipEncoder(nn.Module):
  """One row for a window, or one a frame, that know what is asked for.

  Attributes:
    config: Architecture.
    out_width: Channels H of the language model.
    compute: Numerics.
  """

  config: ClipEncoderConfig
  out_width: int
  compute: Compute

  @nn.compact
  def __call__(
    self,
    video: Float[Array, 'B F D'],
    text: Float[Array, 'B T D'],
    text_mask: Bool[Array, 'B T'],
    *,
    select: str = 'cls',
    use_text: bool = True,
    deterministic: bool = True,
  ) -> ClipEncoderOutput:
    """Encodes windows.

    Args:
      video: Features of each window's frames.
      text: Features of the words of each window's query.
      text_mask: True on real words.
      select: Of `SELECTIONS`.
      use_text: Whether the text stage is run.
      deterministic: False switches dropout on.

    Returns:
      The selected rows and the states on the way to them.
    """
    config, dtype = self.config, self.compute.jnp_dtype
    if select not in SELECTIONS:
      raise ValueError(f'{select=} is not one of {SELECTIONS}')
    x, text = video.astype(dtype), text.astype(dtype)
    B, F, D = x.shape
    position = _positions(config, self.compute, F)
    if config.n_text_layers and use_text:
      x = self._stack(TextLayer, config.n_text_layers, 3, 'text_layers')(
        x, text, text_mask, position, deterministic
      )[0]
    read = x
    token = self._learned('global_token')
    x = jnp.concatenate([jnp.broadcast_to(token, (B, 1, D)), x], axis=1)
    position = jnp.concatenate(
      [self._learned('global_position')[None, None], position], axis=1
    )
    x = self._stack(SelfLayer, config.n_layers, 1, 'self_layers')(
      x, position, deterministic
    )[0]
    chosen = {'cls': x[:, :1], 'temporal': x[:, 1:], 'all': x}[select]
    rows = Dense(
      self.out_width, ('adapter', 'embed'), self.compute, name='projector'
    )(chosen)
    return ClipEncoderOutput(constrain(rows, 'batch', None, None), read, x)

  def _stack(self, layer, n_layers, n_arrays, name):
    stack = scan_layers(
      layer,
      n_layers,
      remat=self.compute.remat,
      in_axes=(nn.broadcast,) * (n_arrays + 1),
      switches=(n_arrays,),
    )
    return stack(self.config, self.compute, name=name)

  def _learned(self, name):
    init = nn.with_logical_partitioning(nn.initializers.normal(1.0), ('norm',))
    row = self.param(
      name, init, (self.config.width,), self.compute.jnp_param_dtype
    )
    return row.astype(self.compute.jnp_dtype)


def token_rows(
  encoder: ClipEncoder,
  params,
  video: Float[Array, 'B F D'],
  text: Float[Array, 'B T D'],
  text_mask: Bool[Array, 'B T'],
) -> Float[Array, 'B H']:
  """The row of each window that `encoder` selects by 'cls', for less.

  The last layer is run for the window's token alone: nobody looks at what
  becomes of the frames there.

  Args:
    encoder: A ClipEncoder.
    params: Its parameters.
    video: As the encoder's, as the others.
    text: See there.
    text_mask: See there.
  """
  config, compute = encoder.config, encoder.compute
  if config.n_layers == 1:
    return encoder.apply({'params': params}, video, text, text_mask).rows[:, 0]
  stacked = params['self_layers']
  before, last = (
    jax.tree.map(lambda x, part=part: x[part], stacked)
    for part in (slice(-1), -1)
  )
  shorter = encoder.clone(
    config=dataclasses.replace(config, n_layers=config.n_layers - 1)
  )
  x = shorter.apply(
    {'params': {**params, 'self_layers': before}}, video, text, text_mask
  ).states
  own = params['global_position'].astype(x.dtype)[None, None]
  position = _positions(config, compute, video.shape[1])
  x, _ = SelfLayer(config, compute).apply(
    {'params': last}, x, jnp.concatenate([own, position], 1), True, n_rows=1
  )
  return Dense(encoder.out_width, ('adapter', 'embed'), compute).apply(
    {'params': params['projector']}, x[:, 0]
  )


def _positions(
  config: ClipEncoderConfig, compute: Compute, n_frames: int
) -> Float[Array, '1 F D']:
  """Code of the place of each frame."""
  is_released = config.position_code == 'activations'
  code_dtype = compute.dtype if is_released else 'float32'
  code = position_code(n_frames, config.width, code_dtype)
  return jnp.asarray(code, compute.jnp_dtype)[None]
