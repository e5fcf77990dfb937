"""Grounded-VideoLLM's network: two encoders, adapter, decoder."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int, UInt8

from input_pipeline.pixels import (
  CLIP_MEAN,
  CLIP_STD,
  IMAGENET_MEAN,
  IMAGENET_STD,
)
from vtg_jax.adapters.two_stream import TwoStream, TwoStreamOutput
from vtg_jax.encoders.internvideo2 import InternVideo2
from vtg_jax.encoders.vit import Vit
from vtg_jax.llm.decoder import Decoder
from vtg_jax.llm.splice import splice_rows
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain
from vtg_jax.systems import parameters
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig


class GroundedVideoLlm(nn.Module):
  """The network as one module with a method for each stage.

  Use it as a pure function:

      model.apply({'params': params}, keyframes, frames, method='see')

  Source: Grounded-VideoLLM models/llava_next_video.py.
  """

  config: GroundedVideoLlmConfig
  compute: Compute

  def setup(self):
    config, compute = self.config, self.compute
    self.image_encoder = Vit(config.image_encoder, compute)
    if config.two_stream.video_stream:
      self.video_encoder = InternVideo2(config.video_encoder, compute)
    self.two_stream = TwoStream(config.two_stream, compute)
    self.llm = Decoder(config.llm, compute)

  def encode(
    self,
    keyframes: Float[Array, 'B S h w C'],
    frames: Float[Array, 'B F v u C'],
    *,
    deterministic: bool = True,
  ) -> TwoStreamOutput:
    """The rows that stand for a video in the language model's input.

    Args:
      keyframes: One a segment, normalised for the image encoder.
      frames: All of them, normalised for the video encoder.
      deterministic: False switches the video encoder's stochastic depth on.
    """
    B, S = keyframes.shape[:2]
    images = keyframes.reshape(B * S, *keyframes.shape[2:])
    image = self.image_encoder(images).features
    image = image.reshape(B, S, *image.shape[1:])
    if not self.config.two_stream.video_stream:
      return self.two_stream(image, None)
    clips = frames.reshape(B * S, -1, *frames.shape[2:])  # segments are apart
    video = self.video_encoder(clips, deterministic=deterministic).features
    return self.two_stream(image, video.reshape(B, S, *video.shape[1:]))

  def see(
    self,
    keyframes: UInt8[Array, 'B S h w C'],
    frames: UInt8[Array, 'B F v u C'],
    *,
    deterministic: bool = True,
  ) -> Float[Array, 'B R H']:
    """Raw uint8 frames to the rows that stand for the video.

    Args:
      keyframes: One a segment, of the image encoder's size.
      frames: All of them, of the video encoder's size.
      deterministic: See `encode`.
    """
    normal_keyframes = _normalised(keyframes, CLIP_MEAN, CLIP_STD)
    normal_frames = _normalised(frames, IMAGENET_MEAN, IMAGENET_STD)
    return self.encode(
      normal_keyframes, normal_frames, deterministic=deterministic
    ).rows

  def decode(self, embeds, positions, **kwargs):
    """The decoder's forward pass; see `Decoder.__call__`."""
    return self.llm(embeds, positions, **kwargs)

  def embed_tokens(self, ids: Int[Array, 'B T']) -> Float[Array, 'B T H']:
    """Rows of the word embedding."""
    return self.llm.embed_tokens(ids)

  def logits(self, hidden: Float[Array, '*B H']) -> Float[Array, '*B V']:
    """Scores over the vocabulary."""
    return self.llm.logits(hidden)

  def encode_streams(
    self,
    keyframes: UInt8[Array, 'B K h w C'],
    frames: UInt8[Array, 'B F v u C'],
    n_segments: int,
  ) -> tuple[Float[Array, 'B K P D'], Float[Array, 'B F Q E']]:
    """What the encoders make of raw frames, before the adapter.

    Args:
      keyframes: Of the image encoder's size, any number.
      frames: Of the video encoder's size.
      n_segments: Into how many clips that do not see each other they are cut.
    """
    B, K = keyframes.shape[:2]
    F = frames.shape[1]
    images = _normalised(keyframes, CLIP_MEAN, CLIP_STD)
    clips = _normalised(frames, IMAGENET_MEAN, IMAGENET_STD)
    image = self.image_encoder(images.reshape(B * K, *images.shape[2:]))
    video = self.video_encoder(
      clips.reshape(B * n_segments, -1, *clips.shape[2:])
    )
    return (
      image.features.reshape(B, K, *image.features.shape[1:]),
      video.features.reshape(B, F, *video.features.shape[2:]),
    )

  def training_states(
    self,
    batch: Mapping[str, jax.Array],
    *,
    deterministic: bool = False,
    drop_path: bool = False,
  ) -> Float[Array, 'B S H']:
    """Final states of a batch of training rows; `logits` scores them.

    Args:
      batch: keyframes and frames as `see` has them; input_ids and
        attention_mask [B S], padded right, with room for the video from
        video_start [B] on; perhaps turn and positions [B S], see `row_states`.
        Other entries are ignored.
      deterministic: False switches the language model's dropout on.
      drop_path: The video encoder drops branches, as in the reference's
        training although it is frozen; not where `deterministic`.
    """
    rows = self.see(
      batch['keyframes'],
      batch['frames'],
      deterministic=deterministic or not drop_path,
    )
    return self.row_states(
      batch['input_ids'],
      batch['attention_mask'],
      rows,
      batch['video_start'],
      turn=batch.get('turn'),
      positions=batch.get('positions'),
      deterministic=deterministic,
    )

  def row_states(
    self,
    input_ids,
    attention_mask,
    rows,
    video_start,
    *,
    turn=None,
    positions=None,
    deterministic: bool = True,
  ):
    """Final states [B S H] of token rows with a video's rows in their room.

    Args:
      input_ids: [B S].
      attention_mask: [B S], False on padding.
      rows: [B R H], of the video.
      video_start: [B].
      turn: [B S], where questions stand side by side: the number of the one
        that a token belongs to, 0 for tokens that all may look at. Each sees
        those and its own only.
      positions: [B S], rotary positions; those in the row when None.
      deterministic: False switches dropout on.
    """
    embeds = splice_rows(self.embed_tokens(input_ids), rows, video_start)
    B, S = input_ids.shape
    causal = jnp.tril(jnp.ones((S, S), bool))
    mask = causal & attention_mask.astype(bool)[:, None]
    if turn is not None:
      own = turn[:, :, None] == turn[:, None]
      mask &= own | (turn == 0)[:, None]
    if positions is None:
      positions = jnp.broadcast_to(jnp.arange(S), (B, S))
    out = self.llm(
      embeds,
      positions,
      mask=mask,
      sequence_length=_longest(
        attention_mask, positions, video_start, rows.shape[1]
      ),
      deterministic=deterministic,
    )
    return out.hidden

  def __call__(self, keyframes, frames, input_ids, attention_mask, video_start):
    """Teacher-forced scores [B S V] of rows about normalised frames."""
    rows = self.encode(keyframes, frames).rows
    return self.logits(
      self.row_states(input_ids, attention_mask, rows, video_start)
    )


def _longest(attention_mask, positions, video_start, n_video) -> jax.Array:
  """Tokens of the batch's longest row, without what all rows are padded with.

  A video that nobody looks at counts, as in the reference.
  """
  seen = attention_mask.astype(bool)
  length = jnp.where(seen, positions + 1, 0).max(1)
  looked_at = jnp.take_along_axis(seen, video_start[:, None], axis=1)[:, 0]
  return (length + jnp.where(looked_at, 0, n_video)).max()


def _normalised(frames, mean, std) -> jax.Array:
  frames = constrain(frames.astype(jnp.float32), 'batch', *[None] * 4)
  return (frames / 255 - jnp.asarray(mean)) / jnp.asarray(std)


def init_params(
  config: GroundedVideoLlmConfig, rng: jax.Array, compute: Compute
):
  """Fresh random parameters as one plain nested dict."""
  return parameters.drawn(_init, config, rng, compute)


def _init(config, rng, compute):
  """Parameters, each with the logical names of its axes."""
  image, video = config.image_encoder, config.video_encoder
  n_rows = config.two_stream.n_segment_rows(1)
  variables = GroundedVideoLlm(config, compute).init(
    rng,
    jnp.zeros((1, 1, image.image_size, image.image_size, image.channels)),
    jnp.zeros((1, 1, video.image_size, video.image_size, video.channels)),
    jnp.zeros((1, n_rows + 1), jnp.int32),
    jnp.ones((1, n_rows + 1), bool),
    jnp.zeros((1,), jnp.int32),
  )
  return variables['params']


def param_shapes(config: GroundedVideoLlmConfig) -> dict:
  """Shapes and dtypes of the parameters, without making them."""
  return parameters.shapes(_init, config)


def param_axes(config: GroundedVideoLlmConfig) -> dict:
  """Logical names of every parameter's axes, such as ('embed', 'heads')."""
  return parameters.axes(_init, config)
