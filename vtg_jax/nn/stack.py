"""Equal layers as one scanned layer with a leading `layers` axis."""

from flax import linen as nn


def scan_layers(
  block,
  n_layers: int,
  *,
  remat: bool,
  in_axes=nn.broadcast,
  switches: tuple[int, ...] = (),
):
  """Lifts a block to a stack that compiles once whatever its depth.

  The block's ``__call__(x, *inputs)`` returns ``(x, per_layer_output)``; what
  it sows into 'intermediates' is stacked in front, too.

  Args:
    block: Linen module class.
    n_layers: Depth; parameters gain a leading axis of this size.
    remat: Whether the backward pass recomputes each layer.
    in_axes: For each further input, 0 to slice it by layer or
      ``nn.broadcast`` to hand it to every layer.
    switches: Which further inputs, from 0, are Python values that the block
      branches on, such as `deterministic`.

  Returns:
    The lifted class.
  """
  if remat:
    block = nn.remat(
      block,
      prevent_cse=False,
      policy=None,
      static_argnums=tuple(2 + i for i in switches),  # after self and x
    )
  return nn.scan(
    block,
    variable_axes={'params': 0, 'intermediates': 0},
    split_rngs={'params': True, 'dropout': True},
    in_axes=in_axes,
    out_axes=0,
    length=n_layers,
    metadata_params={nn.PARTITION_NAME: 'layers'},
  )
