"""HawkEye's matrix products; see `vtg_jax.systems.products`."""

from collections.abc import Collection, Iterator

from vtg_jax.systems import products
from vtg_jax.systems.hawkeye.config import HawkEyeConfig
from vtg_jax.systems.products import Product, dense

# In the order of the data; see `Product.reads`.
STAGES = ('pixels', 'encoder', 'qformer', 'projector', 'llm')
_BEFORE = {stage: STAGES[:i] for i, stage in enumerate(STAGES)}
# Tops of parameters' paths that are no stage's name -> their stage.
_STAGE_OF = {'vision_norm': 'encoder'}


def sample_products(
  config: HawkEyeConfig, *, row_tokens: int, instruction_tokens: int
) -> list[Product]:
  """The products of one sample's forward pass.

  Args:
    config: Sizes.
    row_tokens: Tokens of a row of the language model, video and padding
      included.
    instruction_tokens: Tokens the Q-Former reads, padding included.
  """
  return [
    *_encoder(config),
    *products.qformer_products(
      config.qformer,
      stage='qformer',
      path='qformer',
      features_from='encoder',
      n=1,
      n_features=_n_cubes(config),
      n_text=instruction_tokens,
    ),
    dense(
      config.qformer.n_tokens,
      config.qformer.width,
      config.llm.width,
      'projector/kernel',
      'qformer',
    ),
    *products.decoder_products(config.llm, row_tokens),
  ]


def forward_flops(
  config: HawkEyeConfig, *, row_tokens: int, instruction_tokens: int
) -> int:
  """Operations of the products of one sample's forward pass."""
  return products.forward_flops(
    sample_products(
      config, row_tokens=row_tokens, instruction_tokens=instruction_tokens
    )
  )


def useful_flops(
  config: HawkEyeConfig,
  trainable: Collection[str],
  *,
  row_tokens: int,
  instruction_tokens: int,
) -> int:
  """Useful operations of one sample in a training step.

  Args:
    config: Sizes.
    trainable: Paths of the parameters that train, such as
      'llm/layers/q_proj/lora_a'. All products after the first stage in which
      something trains, and those in it, are taken to need a gradient for
      their input.
    row_tokens: As for `sample_products`.
    instruction_tokens: As for `sample_products`.

  Raises:
    ValueError: for the path of no stage.
  """
  tops = {path.partition('/')[0] for path in trainable}
  return products.useful_flops(
    sample_products(
      config, row_tokens=row_tokens, instruction_tokens=instruction_tokens
    ),
    {_STAGE_OF.get(top, top) for top in tops},
    trainable,
    before=_BEFORE,
  )


def _encoder(config: HawkEyeConfig) -> Iterator[Product]:
  encoder = config.encoder
  n_pixels = encoder.patch_size**2 * encoder.tubelet_size * encoder.channels
  T, D = _n_cubes(config), encoder.width
  yield dense(T, n_pixels, D, 'encoder/patch_embed/kernel', 'pixels')
  yield from products.encoder_products(
    'encoder',
    width=D,
    mlp_hidden=encoder.mlp_hidden,
    n_layers=encoder.n_layers,
    fused_qkv=True,
    rows=T,
    n_together=T,
  )


def _n_cubes(config: HawkEyeConfig) -> int:
  encoder = config.encoder
  return config.n_frames // encoder.tubelet_size * encoder.grid**2
