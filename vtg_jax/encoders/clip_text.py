"""CLIP's text encoder: a causal transformer, read at the end of the text."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from vtg_jax.encoders.block import BlockConfig, EncoderBlock
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.norm import layer_norm
from vtg_jax.nn.stack import scan_layers


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipTextConfig:
  """Architecture of a text encoder.

  Attributes:
    block: What the blocks are made of.
    n_layers: Blocks.
    vocab_size: Rows of the embedding.
    max_tokens: Longest text, start and end tokens included.
  """

  block: BlockConfig
  n_layers: int
  vocab_size: int
  max_tokens: int


def clip_text_l14() -> ClipTextConfig:
  """The text encoder that was trained with CLIP's ViT-L/14.

  Source: Hugging Face openai/clip-vit-large-patch14, config.json.
  """
  return ClipTextConfig(
    block=BlockConfig(
      width=768,
      n_heads=12,
      mlp_hidden=3072,
      norm='layer',
      norm_eps=1e-5,
      activation='quick_gelu',
      fused_qkv=False,
      qkv_biases='qkv',
      qk_norm=False,
      layer_scale=None,
    ),
    n_layers=12,
    vocab_size=49408,
    max_tokens=77,
  )


class ClipTextOutput(NamedTuple):
  """What the encoder computed.

  Attributes:
    tokens: Every token after the final norm.
    end: The last token of each text among them.
  """

  tokens: Float[Array, 'B T D']
  end: Float[Array, 'B D']


class ClipText(nn.Module):
  """Causal transformer over words.

  A token sees those before it and itself, so padding after a text changes
  nothing of it:

      a b c -      row sees column
      a  1 0 0 0
      b  1 1 0 0
      c  1 1 1 0
      -  1 1 1 1   read by nobody

  Source: Hugging Face `CLIPTextModel`.
  """

  config: ClipTextConfig
  compute: Compute

  @nn.compact
  def __call__(
    self, ids: Int[Array, 'B T'], mask: Bool[Array, 'B T']
  ) -> ClipTextOutput:
    """Encodes texts.

    Args:
      ids: Start token, words, end token, then padding of any kind.
      mask: True up to the end token.

    Returns:
      The states after the final norm.

    Raises:
      ValueError: when the texts are longer than the encoder reads.
    """
    config, dtype = self.config, self.compute.jnp_dtype
    width, T = config.block.width, ids.shape[1]
    if T > config.max_tokens:
      raise ValueError(
        f'the texts have {T} tokens, the encoder reads {config.max_tokens}'
      )
    words = nn.Embed(
      config.vocab_size,
      width,
      dtype=dtype,
      param_dtype=self.compute.jnp_param_dtype,
      embedding_init=nn.with_logical_partitioning(
        nn.initializers.normal(0.02), ('vocab', 'embed')
      ),
      name='embed',
    )
    positions = self.param(
      'positions',
      nn.with_logical_partitioning(
        nn.initializers.normal(0.01), ('positions', 'embed')
      ),
      (config.max_tokens, width),
      self.compute.jnp_param_dtype,
    )
    x = words(ids) + positions[:T].astype(dtype)
    causal = jnp.tril(jnp.ones((1, T, T), bool))
    stack = scan_layers(EncoderBlock, config.n_layers, remat=self.compute.remat)
    x, _ = stack(config.block, self.compute, name='layers')(x, None, causal)
    x = layer_norm(config.block.norm_eps, dtype, name='final_norm')(x)
    last = mask.sum(1) - 1
    end = jnp.take_along_axis(x, last[:, None, None], axis=1)[:, 0]
    return ClipTextOutput(x, end)
