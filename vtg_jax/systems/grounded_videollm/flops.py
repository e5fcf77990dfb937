"""Grounded-VideoLLM's matrix products; see `vtg_jax.systems.products`."""

from collections.abc import Collection, Iterator

from vtg_jax.systems import products
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.products import Product, dense

# Stage -> the stages it depends on; see `products.useful_flops`. The adapter's
# own rows, which are vectors, count as the image's projection.
_BEFORE = {
  'pixels': (),
  'image_encoder': (),
  'video_encoder': (),
  'image_projector': ('image_encoder',),
  'video_projector': ('video_encoder',),
  'llm': (
    'image_encoder',
    'video_encoder',
    'image_projector',
    'video_projector',
  ),
}
_LEARNED_ROWS = ('newline', 'separator')


def sample_products(
  config: GroundedVideoLlmConfig, *, row_tokens: int
) -> list[Product]:
  """The products of one sample's forward pass.

  Args:
    config: Sizes.
    row_tokens: Tokens of a row of the language model, video and padding
      included.
  """
  return [
    *visual_products(config),
    *products.decoder_products(config.llm, row_tokens),
  ]


def visual_products(config: GroundedVideoLlmConfig) -> Iterator[Product]:
  """The products that turn one video into rows of the language model."""
  image, video = config.image_encoder, config.video_encoder
  n_segments = config.n_segments
  n_steps = config.frames_per_segment // video.tubelet_size
  n_cubes = n_steps * video.grid**2
  adapter = config.two_stream
  streams = ('image', 'video') if adapter.video_stream else ('image',)
  for stage, encoder, n_patches, n_pixels in (
    ('image_encoder', image, image.grid**2, image.patch_size**2),
    (
      'video_encoder',
      video,
      n_cubes,
      video.patch_size**2 * video.tubelet_size,
    ),
  )[: len(streams)]:
    block = encoder.block
    yield dense(
      n_segments * n_patches,
      n_pixels * encoder.channels,
      block.width,
      f'{stage}/patch_embed/kernel',
      'pixels',
    )
    yield from products.encoder_products(
      stage,
      width=block.width,
      mlp_hidden=block.mlp_hidden,
      n_layers=encoder.n_layers,
      fused_qkv=block.fused_qkv,
      rows=n_segments * (1 + n_patches),  # with the class token
      n_together=1 + n_patches,
    )
  n_image = n_segments * adapter.n_image_rows + adapter.merges  # separator
  n_video = n_segments * adapter.n_video_rows(config.frames_per_segment)
  for name, rows, n_in in (
    ('image', n_image, adapter.reduced_image_width),
    ('video', n_video, adapter.video_width),
  )[: len(streams)]:
    H, path = adapter.width, f'two_stream/{name}_projector'
    own = f'{name}_projector'
    yield dense(rows, n_in, H, f'{path}/fc1/kernel', f'{name}_encoder')
    yield dense(rows, H, H, f'{path}/fc2/kernel', own)


def forward_flops(config: GroundedVideoLlmConfig, *, row_tokens: int) -> int:
  """Operations of the products of one sample's forward pass."""
  return products.forward_flops(sample_products(config, row_tokens=row_tokens))


def useful_flops(
  config: GroundedVideoLlmConfig,
  trainable: Collection[str],
  *,
  row_tokens: int,
) -> int:
  """Useful operations of one sample in a training step.

  Args:
    config: Sizes.
    trainable: Paths of the parameters that train, such as
      'llm/layers/qkv_proj/lora_a'.
    row_tokens: As for `sample_products`.

  Raises:
    ValueError: for the path of no stage.
  """
  return products.useful_flops(
    sample_products(config, row_tokens=row_tokens),
    set(map(_stage_of, trainable)),
    trainable,
    before=_BEFORE,
  )


def _stage_of(path: str) -> str:
  """'two_stream/video_projector/fc1/kernel' -> 'video_projector'."""
  top, _, rest = path.partition('/')
  if top != 'two_stream':
    return top
  part = rest.partition('/')[0]
  return 'image_projector' if part in _LEARNED_ROWS else part
