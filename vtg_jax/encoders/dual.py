"""Frames and sentences in one space: CLIP's two encoders as one module."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int, Num

from vtg_jax.encoders.clip_text import (
  ClipText,
  ClipTextConfig,
  clip_text_l14,
)
from vtg_jax.encoders.vit import Vit, VitConfig, clip_vit_l14
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import Dense
from vtg_jax.nn.norm import layer_norm

# ln(1 / 0.07), where CLIP's training starts.
_FIRST_LOGIT_SCALE = 2.6592


@dataclasses.dataclass(frozen=True, kw_only=True)
class DualEncoderConfig:
  """Architecture of both encoders.

  Attributes:
    image: Of frames.
    text: Of sentences.
    features: Channels E of the space they share.
    colour_mean: Subtracted from colours between 0 and 1.
    colour_std: What they are then divided by.
  """

  image: VitConfig
  text: ClipTextConfig
  features: int
  colour_mean: tuple[float, ...]
  colour_std: tuple[float, ...]

  def __post_init__(self):
    for name in ('colour_mean', 'colour_std'):
      if len(getattr(self, name)) != self.image.channels:
        raise ValueError(
          f'{name} has {len(getattr(self, name))} colours, frames have '
          f'{self.image.channels}'
        )

  def to_dict(self) -> dict[str, Any]:
    """Plain JSON types."""
    return dataclasses.asdict(self)


def clip_l14() -> DualEncoderConfig:
  """CLIP's ViT-L/14 for frames of 224 x 224.

  Source: Hugging Face openai/clip-vit-large-patch14, config.json and
    preprocessor_config.json.
  """
  return DualEncoderConfig(
    image=clip_vit_l14(image_size=224, n_layers=24),
    text=clip_text_l14(),
    features=768,
    colour_mean=(0.48145466, 0.4578275, 0.40821073),
    colour_std=(0.26862954, 0.26130258, 0.27577711),
  )


def small(*, vocab_size: int) -> DualEncoderConfig:
  """One that trains and runs on a laptop CPU: ours, not the paper's.

  Args:
    vocab_size: Of the tokenizer.
  """
  block = dataclasses.replace(
    clip_text_l14().block, width=96, n_heads=4, mlp_hidden=384
  )
  return DualEncoderConfig(
    image=VitConfig(
      block=block,
      n_layers=4,
      image_size=32,
      patch_size=8,
      channels=3,
      patch_bias=False,
      first_norm=True,
    ),
    text=ClipTextConfig(
      block=block, n_layers=3, vocab_size=vocab_size, max_tokens=40
    ),
    features=96,
    colour_mean=(0.5, 0.5, 0.5),
    colour_std=(0.25, 0.25, 0.25),
  )


class TextFeatures(NamedTuple):
  """What is known of sentences.

  Attributes:
    token_features: Words after the final norm, without start and end tokens
      and not projected; zeros after a sentence's last word.
    token_mask: True where there is a word.
    cls_features: The end token, projected, not normalised.
  """

  token_features: Float[Array, 'B N D']
  token_mask: Bool[Array, 'B N']
  cls_features: Float[Array, 'B E']


class FrameStates(NamedTuple):
  """What is known of frames.

  Attributes:
    features: Of the whole frame, projected, not normalised.
    patches: After the last block, row by row, not projected.
  """

  features: Float[Array, 'B E']
  patches: Float[Array, 'B P D']


class LogitScale(nn.Module):
  """The logarithm of what cosines are multiplied by; always float32."""

  @nn.compact
  def __call__(self) -> Float[Array, '']:
    init = nn.initializers.constant(_FIRST_LOGIT_SCALE)
    return self.param(
      'scale', nn.with_logical_partitioning(init, ()), (), jnp.float32
    )


class DualEncoder(nn.Module):
  """Both encoders as one module with a method for each.

  Use it as a pure function:

      model.apply({'params': params}, pixels, method='encode_frames')

  Source: Hugging Face `CLIPModel`.
  """

  config: DualEncoderConfig
  compute: Compute

  def setup(self):
    config, compute = self.config, self.compute
    project = ('embed', 'adapter')
    self.image_encoder = Vit(config.image, compute)
    self.image_norm = layer_norm(config.image.block.norm_eps, compute.jnp_dtype)
    self.image_projection = Dense(
      config.features, project, compute, use_bias=False
    )
    self.text_encoder = ClipText(config.text, compute)
    self.text_projection = Dense(
      config.features, project, compute, use_bias=False
    )
    self.logit_scale = LogitScale()

  def encode_frames(self, pixels: Num[Array, 'B h w C']) -> Float[Array, 'B E']:
    """Features of frames: the class token, projected, not normalised.

    Args:
      pixels: Colours from 0 to 255, of the configured size.
    """
    return self.see_frames(pixels).features

  def see_frames(self, pixels: Num[Array, 'B h w C']) -> FrameStates:
    """As `encode_frames`, and what became of each patch."""
    config = self.config
    images = pixels.astype(jnp.float32) / 255
    images = (images - jnp.asarray(config.colour_mean)) / jnp.asarray(
      config.colour_std
    )
    seen = self.image_encoder(images)
    features = self.image_projection(self.image_norm(seen.class_token))
    return FrameStates(features, seen.features)

  def encode_text(
    self, ids: Int[Array, 'B T'], mask: Bool[Array, 'B T']
  ) -> TextFeatures:
    """Features of sentences.

    Args:
      ids: Start token, words, end token, then padding of any kind.
      mask: True up to the end token.
    """
    out = self.text_encoder(ids, mask)
    words = mask[:, 2:]  # a word stands where the one after it is a token
    tokens = jnp.where(words[..., None], out.tokens[:, 1:-1], 0)
    return TextFeatures(tokens, words, self.text_projection(out.end))

  def __call__(
    self,
    pixels: Num[Array, 'B h w C'],
    ids: Int[Array, 'Q T'],
    mask: Bool[Array, 'Q T'],
  ) -> Float[Array, 'B Q']:
    """How well each frame and sentence fit: scaled cosines, float32."""
    frames = self.encode_frames(pixels)
    return self.scores(frames, self.encode_text(ids, mask).cls_features)

  def scores(
    self, frames: Float[Array, 'B E'], sentences: Float[Array, 'Q E']
  ) -> Float[Array, 'B Q']:
    """How well features of frames and sentences fit; see `__call__`."""
    cosines = _unit(frames) @ _unit(sentences).T
    return jnp.exp(self.logit_scale()) * cosines


def _unit(x: Float[Array, 'B E']) -> Float[Array, 'B E']:
  x = x.astype(jnp.float32)
  return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def init_params(config: DualEncoderConfig, rng: jax.Array, compute: Compute):
  """Fresh random parameters as one plain nested dict."""
  return nn.meta.unbox(
    jax.jit(_init, static_argnums=(0, 2))(config, rng, compute)
  )


def param_shapes(config: DualEncoderConfig) -> dict:
  """Shapes and dtypes of the parameters, without making them."""
  return jax.eval_shape(
    lambda: init_params(config, jax.random.key(0), Compute())
  )


def param_axes(config: DualEncoderConfig) -> dict:
  """Logical names of every parameter's axes, such as ('embed', 'heads')."""
  boxed = jax.eval_shape(
    lambda rng: _init(config, rng, Compute()), jax.random.key(0)
  )
  return jax.tree.map(
    lambda box: tuple(box.names),
    boxed,
    is_leaf=lambda x: isinstance(x, nn.Partitioned),
  )


def _init(config, rng, compute):
  """Parameters, each with the logical names of its axes."""
  size, T = config.image.image_size, config.text.max_tokens
  return DualEncoder(config, compute).init(
    rng,
    jnp.zeros((1, size, size, config.image.channels)),
    jnp.zeros((1, T), jnp.int32),
    jnp.ones((1, T), bool),
  )['params']
