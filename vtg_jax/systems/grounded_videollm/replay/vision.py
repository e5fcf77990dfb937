"""What the encoders make of a golden set's video."""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from vtg_jax.convert.clip_vit import clip_vit_table
from vtg_jax.convert.engine import plan
from vtg_jax.convert.internvideo2 import (
  internvideo2_alignment_table,
  internvideo2_table,
)
from vtg_jax.convert.param_tree import flatten
from vtg_jax.encoders.internvideo2 import (
  InternVideo2,
  InternVideo2Output,
  first_table,
  stretch_in_time,
)
from vtg_jax.encoders.internvideo2_alignment import (
  Alignment,
  AlignmentConfig,
  AlignmentOutput,
)
from vtg_jax.encoders.vit import Vit, VitOutput
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.replay.sections import (
  IMAGE_ENCODER,
  VIDEO_ENCODER,
  Sections,
)
from vtg_jax.systems.replay.golden_weights import read_params

# PyTorch's default, in the norms of the heads; no config tells it.
_HEAD_NORM_EPS = 1e-5


class GoldenVision:
  """Both encoders, which all language models of a set share.

  Attributes:
    n_segments: Segments of a video.
  """

  def __init__(
    self,
    sections: Sections,
    config: GroundedVideoLlmConfig,
    told: Mapping,
    inputs: Mapping[str, np.ndarray],
  ):
    """Takes note; nothing is read before it is asked for.

    Args:
      sections: The set's weights.
      config: Of any of its models.
      told: Its config.json's entry of the video encoder.
      inputs: Its inputs.
    """
    self._sections, self._config = sections, config
    self._told, self._inputs = told, inputs
    self.n_segments = config.n_segments
    # With the last block of the file, which only the alignment looks at.
    self._video = dataclasses.replace(
      config.video_encoder, n_layers=told['depth']
    )

  @functools.cached_property
  def images(self) -> VitOutput:
    """What the image encoder makes of all keyframes, batch by batch."""
    config = self._config.image_encoder
    keyframes = self._channels_last('spatial_pixel_values')
    images = keyframes.reshape(-1, *keyframes.shape[2:])
    table = clip_vit_table(
      patch_size=config.patch_size,
      n_layers=config.n_layers,
      channels=config.channels,
    )
    encoder = Vit(config, Compute())
    params = self._params(
      IMAGE_ENCODER,
      table.under('vision_model.'),
      'image_encoder',
      encoder,
      images,
    )
    return jax.jit(encoder.apply)({'params': params}, images)

  @functools.cached_property
  def clips(self) -> InternVideo2Output:
    """What the video encoder makes of all segments, batch by batch."""
    return jax.jit(InternVideo2(self._video, Compute()).apply)(
      {'params': self._video_params}, self._segments
    )

  @property
  def image_features(self) -> Float[Array, 'B S P D']:
    """Of the block that the model reads, class token left out."""
    return self._by_video(self.images.features)

  @property
  def video_features(self) -> Float[Array, 'B S F P D']:
    """The same of frames."""
    last = self.clips.layers[self._config.video_encoder.n_layers - 1]
    patches = last[:, 1:].reshape(self.clips.features.shape)
    return self._by_video(patches)

  @functools.cached_property
  def aligned(self) -> AlignmentOutput:
    """What the alignment's heads say of the first segment."""
    video, told = self._video, self._told
    heads = Alignment(
      AlignmentConfig(
        n_heads=told['heads'],
        pooled_width=told['clip_embed_dim'],
        token_width=told['clip_teacher_embed_dim'],
        clip_width=told['clip_teacher_final_dim'],
        n_layers=told['clip_return_layer'],
        norm_eps=_HEAD_NORM_EPS,
        table_steps=video.table_steps,
        grid=video.grid,
      ),
      Compute(),
    )
    layers = self.clips.layers[:, :1]
    params = self._params(
      VIDEO_ENCODER, internvideo2_alignment_table(), 'alignment', heads, layers
    )
    return jax.jit(heads.apply)({'params': params}, layers)

  @property
  def first_positions(self) -> Float[np.ndarray, 'T D']:
    """The table of positions that training began from."""
    video = self._video
    return first_table(
      n_steps=self._n_steps, grid=video.grid, width=video.block.width
    )

  def positions(self, key: str) -> Float[np.ndarray, 'T D']:
    """A stored table of positions, stretched to the segment."""
    return stretch_in_time(
      self._sections.source(VIDEO_ENCODER).read(key)[0],
      table_steps=self._video.table_steps,
      n_steps=self._n_steps,
    )

  @property
  def _n_steps(self) -> int:
    return self._config.frames_per_segment // self._video.tubelet_size

  @functools.cached_property
  def _video_params(self):
    video = self._video
    table = internvideo2_table(
      patch=(video.tubelet_size, video.patch_size, video.patch_size),
      n_layers=video.n_layers,
      channels=video.channels,
    )
    encoder = InternVideo2(video, Compute())
    return self._params(
      VIDEO_ENCODER, table, 'video_encoder', encoder, self._segments
    )

  @property
  def _segments(self):
    frames = self._channels_last('temporal_pixel_values')
    n_clips = len(frames) * self.n_segments
    return frames.reshape(n_clips, -1, *frames.shape[2:])

  def _channels_last(self, name):
    return jnp.moveaxis(jnp.asarray(self._inputs[name]), 2, -1)

  def _by_video(self, x):
    return x.reshape(-1, self.n_segments, *x.shape[1:])

  def _params(self, section, table, root, module, x):
    """A module's parameters, which the table has under `root`."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)
    expected = flatten({root: nn.meta.unbox(shapes)['params']})
    sources = [self._sections.source(section)]
    return read_params(plan(sources, table, expected))[root]
