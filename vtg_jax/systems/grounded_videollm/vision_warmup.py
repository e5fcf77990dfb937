"""The encoders learn to see before there is a language model to tell them.

What each part of each frame shows is known of ShapeStories. Features are
averaged as the adapter will average them, and linear heads name colour, shape
and action; the heads are thrown away.

Deviates: the paper starts from CLIP and InternVideo2, which were trained on
hundreds of millions of pictures and videos. This stands in for them at the
size of a laptop.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from vtg_jax.adapters.two_stream import average_patches
from vtg_jax.errors import BadInput
from vtg_jax.systems.grounded_videollm.training import GroundedVideoLlmTask
from vtg_jax.systems.training.extra_heads import WithHeads, without_heads
from vtg_jax.systems.training.naming import naming_heads, naming_sums
from vtg_jax.train.loss import LossSums

STREAMS = ('image', 'video')


class CellWarmup(WithHeads, GroundedVideoLlmTask):
  """Trains both encoders so that each part of a frame tells what is there."""

  def __init__(self, values: Mapping[str, Any], **options):
    """As `WithHeads`; samples must show segments and carry their labels.

    Raises:
      BadInput: they do not.
    """
    super().__init__(values, **options)
    data, grid = self.data_options(), self.model.two_stream.video_side
    if not self.model.two_stream.video_stream:
      raise BadInput(
        'start.model.two_stream.video_stream is false; this task trains both '
        'encoders'
      )
    if data.label_grid != grid or data.n_shown_segments is None:
      raise BadInput(
        f'data.label_grid is {data.label_grid} and data.n_shown_segments is '
        f'{data.n_shown_segments}; set the first to {grid} and the second to a '
        'number'
      )

  def heads(self) -> dict[str, tuple[int, int]]:
    """One head a stream for colour, shape and action each, 0 for nothing."""
    adapter = self.model.two_stream
    widths = adapter.image_width, adapter.video_width
    return {
      name: size
      for stream, width in zip(STREAMS, widths, strict=True)
      for name, size in naming_heads(width, prefix=f'{stream}_').items()
    }

  def _sums(self, params, batch, rng, *, deterministic):
    features = self._network.apply(
      {'params': without_heads(params)},
      batch['keyframes'],
      batch['frames'],
      self.data_options().n_shown_segments,
      method='encode_streams',
    )
    pairs = batch['cell_pairs']
    grid = pairs.shape[-1]
    total, weight, parts = 0.0, 0.0, {}
    for stream, x in zip(STREAMS, features, strict=True):
      B, F, P, D = x.shape
      side = round(P**0.5)
      cells = average_patches(x.reshape(B, F, side, side, D), grid)
      sums = naming_sums(params, cells, pairs, prefix=f'{stream}_')
      total, weight = total + sums.total, weight + sums.weight
      parts |= sums.parts
    return LossSums(total, jnp.asarray(weight), parts)
