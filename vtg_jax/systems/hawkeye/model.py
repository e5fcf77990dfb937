"""HawkEye's network: video encoder, Q-Former, projection, decoder."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int, UInt8

from input_pipeline.pixels import (
  CLIP_MEAN,
  CLIP_STD,
  IMAGENET_MEAN,
  IMAGENET_STD,
)
from vtg_jax.adapters.qformer import QFormer, QFormerOutput
from vtg_jax.encoders.umt import Umt, UmtOutput
from vtg_jax.llm.decoder import Decoder
from vtg_jax.llm.splice import splice_rows
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.constrain import constrain
from vtg_jax.nn.dense import Dense
from vtg_jax.nn.norm import layer_norm
from vtg_jax.systems import parameters
from vtg_jax.systems.hawkeye.config import HawkEyeConfig

# What stands in the first slot of a training row: the reference's constant, or
# the BOS embedding, which inference has there.
FIRST_SLOTS = ('ones', 'bos')
# Mean and standard deviation of the colours. The reference evaluates with
# CLIP's and trains with ImageNet's.
STATISTICS = {
  'clip': (CLIP_MEAN, CLIP_STD),
  'imagenet': (IMAGENET_MEAN, IMAGENET_STD),
}


class HawkEye(nn.Module):
  """The network as one module with a method for each stage.

  Use it as a pure function:

      model.apply({'params': params}, video, method='encode_video')

  Source: HawkEye models/hawkeye_it.py, models/blip2/.
  """

  config: HawkEyeConfig
  compute: Compute

  def setup(self):
    config, compute = self.config, self.compute
    self.encoder = Umt(config.encoder, compute)
    self.vision_norm = layer_norm(config.vision_norm_eps, compute.jnp_dtype)
    self.qformer = QFormer(config.qformer, compute)
    self.projector = Dense(config.llm.width, ('adapter', 'embed'), compute)
    self.llm = Decoder(config.llm, compute)

  def encode_video(
    self, video: Float[Array, 'B F h w C']
  ) -> tuple[Float[Array, 'B S D'], UmtOutput]:
    """Features of all patches of all frames, normalised for the Q-Former."""
    out = self.encoder(video)
    B, F, P, D = out.features.shape
    return self.vision_norm(out.features.reshape(B, F * P, D)), out

  def video_tokens(
    self,
    features: Float[Array, 'B S D'],
    text_ids: Int[Array, 'B T'],
    text_mask: Bool[Array, 'B T'],
    *,
    deterministic: bool = True,
  ) -> tuple[Float[Array, 'B Q E'], QFormerOutput]:
    """The rows that stand for the video in the language model's input."""
    out = self.qformer(
      features, text_ids, text_mask, deterministic=deterministic
    )
    return self.projector(out.queries), out

  def see(
    self,
    frames: UInt8[Array, 'B F h w C'],
    text_ids: Int[Array, 'B T'],
    text_mask: Bool[Array, 'B T'],
    *,
    statistics: str = 'clip',
    deterministic: bool = True,
  ) -> Float[Array, 'B Q E']:
    """Raw uint8 frames to video tokens.

    Args:
      frames: Resized and cropped.
      text_ids: The Q-Former's instruction.
      text_mask: True on real text.
      statistics: Of `STATISTICS`, what the frames are normalised with.
      deterministic: False switches the Q-Former's dropout on; the encoder has
        none.
    """
    features = self.see_patches(frames, statistics=statistics)
    tokens, _ = self.video_tokens(
      features, text_ids, text_mask, deterministic=deterministic
    )
    return tokens

  def see_patches(
    self, frames: UInt8[Array, 'B F h w C'], *, statistics: str
  ) -> Float[Array, 'B S D']:
    """Raw uint8 frames to the normalised features of all their patches.

    Args:
      frames: At the encoder's size.
      statistics: Of `STATISTICS`, what the frames are normalised with.
    """
    mean, std = map(jnp.asarray, STATISTICS[statistics])
    pixels = (frames.astype(jnp.float32) / 255 - mean) / std
    return self.encode_video(constrain(pixels, 'batch', *[None] * 4))[0]

  def decode(self, embeds, positions, **kwargs):
    """The decoder's forward pass; see `Decoder.__call__`."""
    return self.llm(embeds, positions, **kwargs)

  def embed_tokens(self, ids: Int[Array, 'B T']) -> Float[Array, 'B T E']:
    """Rows of the word embedding."""
    return self.llm.embed_tokens(ids)

  def logits(self, hidden: Float[Array, '*B E']) -> Float[Array, '*B V']:
    """Scores over the vocabulary."""
    return self.llm.logits(hidden)

  def training_inputs(
    self,
    input_ids: Int[Array, 'B T'],
    video_tokens: Float[Array, 'B Q E'],
    video_start: Int[Array, ' B'],
    *,
    first_slot: str = 'ones',
  ) -> Float[Array, 'B T E']:
    """Embedded training rows.

    Slot 0 is the constant 1: the reference writes the BOS id into the
    embedding instead of looking it up. Inference uses the true BOS row.

    Args:
      input_ids: Laid out by `rows.training_row`; what stands under the video
        is ignored.
      video_tokens: From `video_tokens`.
      video_start: Position of the first video row.
      first_slot: Of `FIRST_SLOTS`: 'bos' uses the true BOS row here, too.
    """
    embeds = splice_rows(
      self.embed_tokens(input_ids), video_tokens, video_start
    )
    return embeds if first_slot == 'bos' else embeds.at[:, 0].set(1.0)

  def __call__(
    self,
    video,
    text_ids,
    text_mask,
    input_ids,
    attention_mask,
    video_start,
    *,
    deterministic: bool = True,
  ):
    """Teacher-forced scores of training rows.

    Args:
      video: [B F h w C], normalised.
      text_ids: [B T], the Q-Former's instruction.
      text_mask: [B T].
      input_ids: [B S], the language model's rows.
      attention_mask: [B S], False on padding.
      video_start: [B].
      deterministic: False switches all dropout on.

    Returns:
      Logits [B S V], float32.
    """
    features, _ = self.encode_video(video)
    tokens, _ = self.video_tokens(
      features, text_ids, text_mask, deterministic=deterministic
    )
    embeds = self.training_inputs(input_ids, tokens, video_start)
    return self.score_rows(embeds, attention_mask, deterministic=deterministic)

  def training_states(
    self,
    batch: Mapping[str, jax.Array],
    *,
    statistics: str = 'imagenet',
    first_slot: str = 'ones',
    deterministic: bool = False,
  ) -> Float[Array, 'B S E']:
    """Final states of a batch of training rows; `logits` scores them.

    Args:
      batch: frames uint8 [B F h w 3], text_ids and text_mask [B T], input_ids
        and attention_mask [B S], video_start [B]; other entries are ignored.
      statistics: See `see`.
      first_slot: See `training_inputs`.
      deterministic: False switches all dropout on.
    """
    tokens = self.see(
      batch['frames'],
      batch['text_ids'],
      batch['text_mask'],
      statistics=statistics,
      deterministic=deterministic,
    )
    embeds = self.training_inputs(
      batch['input_ids'],
      tokens,
      batch['video_start'],
      first_slot=first_slot,
    )
    return self.row_states(
      embeds, batch['attention_mask'], deterministic=deterministic
    )

  def score_rows(self, embeds, attention_mask, *, deterministic: bool = True):
    """Logits [B S V] of embedded rows padded on the right."""
    return self.logits(
      self.row_states(embeds, attention_mask, deterministic=deterministic)
    )

  def row_states(self, embeds, attention_mask, *, deterministic: bool = True):
    """Final states [B S E] of embedded rows padded on the right."""
    B, S = attention_mask.shape
    causal = jnp.tril(jnp.ones((S, S), bool))
    mask = causal & attention_mask.astype(bool)[:, None]
    positions = jnp.broadcast_to(jnp.arange(S), (B, S))
    out = self.llm(embeds, positions, mask=mask, deterministic=deterministic)
    return out.hidden


def init_params(config: HawkEyeConfig, rng: jax.Array, compute: Compute):
  """Fresh random parameters as one plain nested dict."""
  return parameters.drawn(_init, config, rng, compute)


def _init(config, rng, compute):
  """Parameters, each with the logical names of its axes."""
  model = HawkEye(config, compute)
  size, channels = config.encoder.image_size, config.encoder.channels
  n_rows = config.qformer.n_tokens + 2
  variables = model.init(
    rng,
    jnp.zeros((1, config.encoder.tubelet_size, size, size, channels)),
    jnp.zeros((1, 2), jnp.int32),
    jnp.ones((1, 2), bool),
    jnp.zeros((1, n_rows), jnp.int32),
    jnp.ones((1, n_rows), bool),
    jnp.ones((1,), jnp.int32),
  )
  return variables['params']


def param_shapes(config: HawkEyeConfig) -> dict:
  """Shapes and dtypes of the parameters, without making them."""
  return parameters.shapes(_init, config)


def param_axes(config: HawkEyeConfig) -> dict:
  """Logical names of every parameter's axes, such as ('embed', 'heads')."""
  return parameters.axes(_init, config)
