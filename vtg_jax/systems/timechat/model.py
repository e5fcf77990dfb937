"""TimeChat's network: image encoder, two Q-Formers, projection, decoder."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int, UInt8

from input_pipeline.pixels import CLIP_MEAN, CLIP_STD
from vtg_jax.adapters.qformer import QFormer
from vtg_jax.adapters.video_qformer import VideoQFormer, VideoQFormerOutput
from vtg_jax.encoders.vit import Vit
from vtg_jax.llm.decoder import Decoder
from vtg_jax.llm.splice import splice_places
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain
from vtg_jax.nn.dense import Dense
from vtg_jax.nn.norm import layer_norm
from vtg_jax.systems import parameters
from vtg_jax.systems.timechat.config import TimeChatConfig


class TimeChat(nn.Module):
  """The network as one module with a method for each stage.

  Use it as a pure function:

      model.apply({'params': params}, frames, method='encode_frames')

  Source: TimeChat models/timechat.py.
  """

  config: TimeChatConfig
  compute: Compute

  def setup(self):
    config, compute = self.config, self.compute
    self.encoder = Vit(config.encoder, compute)
    self.vision_norm = layer_norm(config.vision_norm_eps, compute.jnp_dtype)
    self.qformer = QFormer(config.qformer, compute)
    self.video_qformer = VideoQFormer(config.video_qformer, compute)
    self.projector = Dense(config.llm.width, ('adapter', 'embed'), compute)
    self.llm = Decoder(config.llm, compute)

  def encode_frames(
    self, frames: Float[Array, 'B F h w C']
  ) -> tuple[Float[Array, 'B F P D'], Float[Array, 'B F P D']]:
    """Features of the class token and the patches of frames, one by one.

    Args:
      frames: Normalised.

    Returns:
      As normalised for the Q-Former, and as the encoder left them.
    """
    B, F = frames.shape[:2]
    images = frames.reshape(B * F, *frames.shape[2:])
    tokens = self.encoder(constrain(images, 'batch', *[None] * 3)).tokens
    tokens = tokens.reshape(B, F, *tokens.shape[1:])
    return self.vision_norm(tokens), tokens

  def frame_rows(
    self,
    features: Float[Array, 'B F P E'],
    time_ids: Int[Array, 'B F T'],
    time_mask: Bool[Array, 'B F T'],
    *,
    deterministic: bool = True,
  ) -> Float[Array, 'B F R D']:
    """The rows that stand for each frame: queries, then its time's words.

    Args:
      features: From `encode_frames`.
      time_ids: The sentence that tells each frame's time.
      time_mask: True on its real tokens.
      deterministic: False switches dropout on.
    """
    B, F, P, D = features.shape
    out = self.qformer(
      features.reshape(B * F, P, D),
      time_ids.reshape(B * F, -1),
      time_mask.reshape(B * F, -1),
      deterministic=deterministic,
    )
    rows = out.rows if self.config.keeps_text else out.queries
    return rows.reshape(B, F, *rows.shape[1:])

  def watch(
    self,
    rows: Float[Array, 'B F R D'],
    shown: Bool[Array, 'B F R'] | None = None,
    *,
    deterministic: bool = True,
  ) -> tuple[Float[Array, 'B Q E'], VideoQFormerOutput]:
    """The rows that stand for the video in the language model's input.

    Args:
      rows: From `frame_rows`.
      shown: See `VideoQFormer`.
      deterministic: False switches dropout on.
    """
    out = self.video_qformer(rows, shown, deterministic=deterministic)
    return self.projector(out.queries), out

  def see(
    self,
    frames: UInt8[Array, 'B F h w C'],
    time_ids: Int[Array, 'B F T'],
    time_mask: Bool[Array, 'B F T'],
    shown: Bool[Array, 'B F R'] | None = None,
    *,
    deterministic: bool = True,
  ) -> Float[Array, 'B Q E']:
    """Raw uint8 frames to video tokens.

    Args:
      frames: At the encoder's size.
      time_ids: See `frame_rows`.
      time_mask: See there.
      shown: See `VideoQFormer`.
      deterministic: False switches the Q-Formers' dropout on; the encoder has
        none.
    """
    mean, std = map(jnp.asarray, (CLIP_MEAN, CLIP_STD))
    pixels = (frames.astype(jnp.float32) / 255 - mean) / std
    features, _ = self.encode_frames(pixels)
    rows = self.frame_rows(
      features, time_ids, time_mask, deterministic=deterministic
    )
    return self.watch(rows, shown, deterministic=deterministic)[0]

  def embed_rows(
    self,
    input_ids: Int[Array, 'B T'],
    places: Int[Array, 'B T'],
    video_tokens: Float[Array, 'B Q E'],
  ) -> Float[Array, 'B T E']:
    """Embedded rows of a batch, the video in its places.

    Args:
      input_ids: Words; what stands under the video must be some word.
      places: See `llm.places`.
      video_tokens: From `watch`.
    """
    return splice_places(self.llm.embed_tokens(input_ids), video_tokens, places)

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
      positions: Of each token; counted from 0 when None, as in training,
        where padding is on the right.
      deterministic: False switches LoRA dropout on.
    """
    B, T = attention_mask.shape
    if positions is None:
      positions = jnp.broadcast_to(jnp.arange(T), (B, T))
    causal = jnp.tril(jnp.ones((T, T), bool))
    out = self.llm(
      embeds,
      positions,
      mask=causal & attention_mask.astype(bool)[:, None],
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
      batch: frames uint8 [B F h w 3], time_ids and time_mask [B F T], shown
        [B F R], and input_ids, places and attention_mask [B S]; other entries
        are ignored.
      deterministic: False switches all dropout on.
    """
    tokens = self.see(
      batch['frames'],
      batch['time_ids'],
      batch['time_mask'],
      batch.get('shown'),
      deterministic=deterministic,
    )
    embeds = self.embed_rows(batch['input_ids'], batch['places'], tokens)
    return self.row_states(
      embeds, batch['attention_mask'], deterministic=deterministic
    )

  def __call__(self, frames, time_ids, time_mask, ids):
    """Runs every stage once, on one video; for making parameters."""
    features, _ = self.encode_frames(frames)
    tokens, _ = self.watch(self.frame_rows(features, time_ids, time_mask))
    embeds = jnp.concatenate([tokens, self.embed_tokens(ids)], axis=1)
    mask = jnp.ones(embeds.shape[:2], bool)
    return self.logits(self.row_states(embeds, mask))


def init_params(config: TimeChatConfig, rng: jax.Array, compute: Compute):
  """Fresh random parameters as one plain nested dict."""
  return parameters.drawn(_init, config, rng, compute)


def _init(config, rng, compute):
  """Parameters, each with the logical names of its axes."""
  size, channels = config.encoder.image_size, config.encoder.channels
  variables = TimeChat(config, compute).init(
    rng,
    jnp.zeros((1, 1, size, size, channels)),
    jnp.zeros((1, 1, 1), jnp.int32),
    jnp.ones((1, 1, 1), bool),
    jnp.zeros((1, 1), jnp.int32),
  )
  return variables['params']


def param_shapes(config: TimeChatConfig) -> dict:
  """Shapes and dtypes of the parameters, without making them."""
  return parameters.shapes(_init, config)


def param_axes(config: TimeChatConfig) -> dict:
  """Logical names of every parameter's axes, such as ('embed', 'heads')."""
  return parameters.axes(_init, config)
