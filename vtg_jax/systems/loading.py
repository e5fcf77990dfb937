"""How every system's grounder comes by its weights and its frames."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax

from input_pipeline.video import FrameStore, Resize, open_video
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute


class Loaded(NamedTuple):
  """What a checkpoint folder holds, whatever the system.

  Attributes:
    config: Sizes of the network.
    params: Nested dict of arrays.
    compute: Numerics for this machine.
    notice: One line the user must read with every answer; empty if none.
  """

  config: Any
  params: dict
  compute: Compute
  notice: str


def load_network(
  folder: str | os.PathLike,
  *,
  read_sizes: Callable[[Mapping], Any],
  param_shapes: Callable[[Any], dict],
  dtype: str | None,
  attention: str,
) -> Loaded:
  """Reads a checkpoint folder of ours.

  Args:
    folder: Made by `vtg convert` or by training.
    read_sizes: The entry 'model' of config.json -> the system's sizes.
    param_shapes: Sizes -> what has the shape of each parameter, nested.
    dtype: Of parameters and activations; float32 on CPU and bfloat16
      elsewhere when None.
    attention: See `Compute.attention`.

  Raises:
    BadInput: when the folder is no such checkpoint, or is damaged.
  """
  description = checkpoint.read_config(folder)
  notice = description.get('notice', '')
  if not isinstance(notice, str):
    raise BadInput(
      f'the notice of {folder} is {notice!r}; correct its {checkpoint.CONFIG}'
    )
  try:
    config = read_sizes(description.get('model'))
  except BadInput as error:
    raise BadInput(f'{Path(folder) / checkpoint.CONFIG}: {error}') from error
  if dtype is None:
    dtype = 'float32' if jax.default_backend() == 'cpu' else 'bfloat16'
  compute = Compute(dtype=dtype, attention=attention)
  params = checkpoint.load_params(
    folder, dtype=compute.jnp_dtype, expected=flatten(param_shapes(config))
  )
  return Loaded(config, params, compute, notice)


class OpensVideos:
  """A grounder whose network sees square frames of one size.

  Attributes:
    frame_size: Pixels of their side.
    frame_fit: How a frame becomes a square; see `Resize`.
  """

  frame_size: int
  frame_fit: Literal['crop', 'stretch'] = 'crop'

  def open_video(
    self,
    path: str | os.PathLike,
    *,
    resize: str = 'pil',
    on_progress: Callable[[int, int], None] | None = None,
  ) -> FrameStore:
    """Opens a video for any number of questions; every frame is read once.

    Args:
      path: Video file or folder of frames.
      resize: 'pil' for exactly what the checkpoint expects, 'swscale' for
        the fast one.
      on_progress: Called with (frames read, frames to read), each time that
        frames are asked for which have not been read.

    Raises:
      BadInput: when it cannot be read.
    """
    size = Resize(size=self.frame_size, method=resize, fit=self.frame_fit)
    return open_video(path, resize=size, on_progress=on_progress)

  def opened(self, video: str | os.PathLike | FrameStore) -> FrameStore:
    """The video as this network sees it.

    Raises:
      BadInput: when it cannot be read, or was opened for another network.
    """
    if not isinstance(video, FrameStore):
      return self.open_video(video)
    size, fit = self.frame_size, self.frame_fit
    own, index = video.resize, video.index
    # Squares become the same either way.
    fits = own and (own.fit == fit or index.width == index.height)
    if not fits or own.size != size:
      raise BadInput(
        f'{video.path} was opened with {own}, this model sees frames of {size} '
        f'pixels by {fit!r}; open it with open_video of this grounder'
      )
    return video
