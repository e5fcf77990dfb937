"""TimeChat's matrix products; see `vtg_jax.systems.products`."""

from collections.abc import Collection, Iterator

from vtg_jax.systems import products
from vtg_jax.systems.products import Product, dense
from vtg_jax.systems.timechat.config import TimeChatConfig

# In the order of the data; see `products.useful_flops`.
STAGES = ('pixels', 'encoder', 'qformer', 'video_qformer', 'projector', 'llm')
_BEFORE = {stage: STAGES[:i] for i, stage in enumerate(STAGES)}
# Tops of parameters' paths that are no stage's name -> their stage.
_STAGE_OF = {'vision_norm': 'encoder'}


def sample_products(
  config: TimeChatConfig, *, row_tokens: int, time_tokens: int
) -> list[Product]:
  """The products of one sample's forward pass.

  Args:
    config: Sizes.
    row_tokens: Tokens of a row of the language model, video and padding
      included.
    time_tokens: Of the sentence about a frame's time, padding included.
  """
  return [
    *visual_products(config, time_tokens=time_tokens),
    *products.decoder_products(config.llm, row_tokens),
  ]


def visual_products(
  config: TimeChatConfig, *, time_tokens: int
) -> Iterator[Product]:
  """The products that turn one video into rows of the language model."""
  encoder, video = config.encoder, config.video_qformer
  F, block, P = config.n_frames, encoder.block, encoder.grid**2
  n_pixels = encoder.patch_size**2 * encoder.channels
  yield dense(
    F * P, n_pixels, block.width, 'encoder/patch_embed/kernel', 'pixels'
  )
  yield from products.encoder_products(
    'encoder',
    width=block.width,
    mlp_hidden=block.mlp_hidden,
    n_layers=encoder.n_layers,
    fused_qkv=block.fused_qkv,
    rows=F * (1 + P),  # with the class token
    n_together=1 + P,
  )
  yield from products.qformer_products(
    config.qformer,
    stage='qformer',
    path='qformer',
    features_from='encoder',
    n=F,
    n_features=1 + P,
    n_text=time_tokens,
    keeps_text=config.keeps_text,
  )
  rows = config.qformer.n_tokens + config.keeps_text * time_tokens
  n_together = min(video.window, F) if video.stride else F
  yield from products.qformer_products(
    video.qformer,
    stage='video_qformer',
    path='video_qformer/qformer',
    features_from='qformer',
    n=video.n_windows(F),
    n_features=n_together * rows,
  )
  width = video.qformer.width
  yield dense(
    video.n_tokens(F),
    width,
    config.llm.width,
    'projector/kernel',
    'video_qformer',
  )


def useful_flops(
  config: TimeChatConfig,
  trainable: Collection[str],
  *,
  row_tokens: int,
  time_tokens: int,
) -> int:
  """Useful operations of one sample in a training step.

  Args:
    config: Sizes.
    trainable: Paths of the parameters that train, such as
      'llm/layers/q_proj/lora_a'. All products after the first stage in which
      something trains, and those in it, are taken to need a gradient for
      their input.
    row_tokens: As for `sample_products`.
    time_tokens: As for `sample_products`.

  Raises:
    ValueError: for the path of no stage.
  """
  tops = {path.partition('/')[0] for path in trainable}
  return products.useful_flops(
    sample_products(config, row_tokens=row_tokens, time_tokens=time_tokens),
    {_STAGE_OF.get(top, top) for top in tops},
    trainable,
    before=_BEFORE,
  )
