"""CLIP as other systems use it: frames and sentences in, features out."""

import functools
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float32, UInt8

from input_pipeline.frame_features import QueryFeatures
from input_pipeline.video import FrameStore, Resize, open_video
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.encoders.dual import DualEncoder, DualEncoderConfig, param_shapes
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.clip.release import SYSTEM, TOKENIZER, config_of_json
from vtg_jax.systems.clip.words import ClipTokenizer, canonical_query

# The checkpoint that comes with the library.
SHIPPED = Path(__file__).parents[2] / 'checkpoints' / 'clip_small'
# The folder in which a system's checkpoint holds its frame encoder.
PART = 'frame_encoder'
# What each encoder's parameters are called.
_IMAGE = ('image_encoder/', 'image_norm/', 'image_projection/')
_TEXT = ('text_encoder/', 'text_projection/')
# Frames that are encoded together. Fewer are padded, so that there is one
# program, and a frame's features do not depend on how many there are.
BATCH = 32
# Sentences that are encoded together, unless there is one.
TEXT_BATCH = 16


class FrameEncoder:
  """Encodes frames, and sentences for the same space.

  The parameters of an encoder are read when it is first used: what asks about
  an indexed video never reads those of the frames.

  Attributes:
    system: Name of the system, as grounders have it.
    config: Sizes.
    tokenizer: Of the sentences.
    name: What people call it.
    batch: Most frames that are encoded together.
  """

  system = SYSTEM
  batch = BATCH

  def __init__(
    self,
    config: DualEncoderConfig,
    read_params: Callable[[tuple[str, ...]], Mapping],
    tokenizer: ClipTokenizer,
    *,
    name: str = SYSTEM,
    compute: Compute | None = None,
  ):
    """Makes an encoder.

    Args:
      config: Sizes.
      read_params: Prefixes of paths -> nested dict of those parameters.
      tokenizer: Of the sentences.
      name: What people call it.
      compute: Numerics; float32 when None.

    Raises:
      BadInput: when the tokenizer does not fit the network.
    """
    if tokenizer.vocab_size > config.text.vocab_size:
      raise BadInput(
        f'the tokenizer has {tokenizer.vocab_size} tokens, the text encoder '
        f'{config.text.vocab_size}; give that of this model'
      )
    self.config = config
    self.tokenizer = tokenizer
    self.name = name
    self._read_params = read_params
    model = DualEncoder(config, compute or Compute())
    self._encode_frames = jax.jit(
      functools.partial(model.apply, method='encode_frames')
    )
    self._encode_text = jax.jit(
      functools.partial(model.apply, method='encode_text')
    )

  @functools.cached_property
  def _image_params(self):
    return jax.device_put(self._read_params(_IMAGE))

  @functools.cached_property
  def _text_params(self):
    return jax.device_put(self._read_params(_TEXT))

  @functools.cached_property
  def fingerprint(self) -> str:
    """Names what decides the features of frames: sizes, colours, parameters."""
    sizes = self.config.to_dict()
    del sizes['text']
    digest = hashlib.sha256(json.dumps(sizes, sort_keys=True).encode())
    leaves = flatten(self._image_params)
    for path in sorted(leaves):
      array = np.asarray(leaves[path])
      digest.update(f'{path} {array.dtype} {array.shape}'.encode())
      digest.update(array.reshape(-1).view(np.uint8))
    return digest.hexdigest()

  @property
  def n_compiled(self) -> int:
    """How many programs were compiled for it."""
    return self._encode_frames._cache_size() + self._encode_text._cache_size()

  @property
  def features(self) -> int:
    """Channels of the features."""
    return self.config.features

  def open_video(
    self,
    path: str | os.PathLike,
    *,
    resize: str = 'pil',
    on_progress: Callable[[int, int], None] | None = None,
  ) -> FrameStore:
    """Opens a video at the encoder's size.

    Args:
      path: Video file or folder of frames.
      resize: 'pil' for exactly what the checkpoint expects, 'swscale' for
        the fast one.
      on_progress: Called with (frames read, frames to read).

    Raises:
      BadInput: when it cannot be read.
    """
    size = Resize(size=self.config.image.image_size, method=resize)
    return open_video(path, resize=size, on_progress=on_progress)

  def start_encoding(self, frames: UInt8[np.ndarray, 'F h w C']) -> jax.Array:
    """Features of at most `BATCH` frames, perhaps still being computed.

    So that the next frames can be decoded meanwhile.

    Returns:
      Float array [BATCH, D] on the device, of which the first F rows count: to
      cut them off there would be a program for each number of frames.
    """
    padding = BATCH - len(frames)
    padded = np.pad(frames, [(0, padding), (0, 0), (0, 0), (0, 0)])
    params = {'params': self._image_params}
    return self._encode_frames(params, padded)

  def encode_frames(
    self, frames: UInt8[np.ndarray, 'F h w C']
  ) -> Float32[np.ndarray, 'F D']:
    """Features of frames, not normalised."""
    parts = [np.zeros((0, self.features), np.float32)]
    for start in range(0, len(frames), BATCH):
      some = frames[start : start + BATCH]
      encoded = np.asarray(self.start_encoding(some), np.float32)
      parts.append(encoded[: len(some)])
    return np.concatenate(parts)

  def encode_queries(self, queries: Sequence[str]) -> list[QueryFeatures]:
    """Features of queries, each written as `canonical_query` says.

    What is longer than the encoder reads is cut off.
    """
    ids, mask = self.tokenizer.rows([canonical_query(q) for q in queries])
    n, size = len(queries), 1 if len(queries) == 1 else TEXT_BATCH
    found = []
    for start in range(0, n, size):
      rows = np.minimum(np.arange(start, start + size), n - 1)  # repeats pad
      params = {'params': self._text_params}
      out = jax.device_get(self._encode_text(params, ids[rows], mask[rows]))
      for row in range(min(size, n - start)):
        tokens = out.token_features[row][out.token_mask[row]]
        found.append(
          QueryFeatures(
            token_features=tokens.astype(np.float32),
            cls_features=out.cls_features[row].astype(np.float32),
          )
        )
    return found


def load(
  folder: str | os.PathLike | None = None, *, compute: Compute | None = None
) -> FrameEncoder:
  """Loads a checkpoint folder of a CLIP, or a system's that has one in it.

  Args:
    folder: Made by `vtg convert clip`, or with a folder `frame_encoder` in it;
      the shipped small model when left out.
    compute: Numerics; float32 when None.

  Raises:
    BadInput: when it is no such checkpoint, or damaged.
  """
  folder = Path(SHIPPED if folder is None else folder)
  name = folder.absolute().name
  if (folder / PART).is_dir():
    folder = folder / PART
  description = checkpoint.read_config(folder)
  if description['system'] != SYSTEM:
    raise BadInput(
      f'{folder} is of the system {description["system"]!r} and holds no '
      f'{PART}; give a checkpoint of {SYSTEM}, or of a system that looks '
      'through one'
    )
  config = config_of_json(description.get('model'))
  shapes = flatten(param_shapes(config))
  return FrameEncoder(
    config,
    lambda only: checkpoint.load_params(folder, only=only, expected=shapes),
    ClipTokenizer(
      checkpoint.tokenizer_file(folder, TOKENIZER),
      max_tokens=config.text.max_tokens,
    ),
    name=name,
    compute=compute,
  )


def save(
  out: str | os.PathLike,
  config: DualEncoderConfig,
  params: Mapping,
  tokenizer: str | os.PathLike,
  *,
  overwrite: bool = False,
) -> None:
  """Writes parameters in memory as a checkpoint folder.

  Args:
    out: The new folder; `SYSTEM_FOLDER/frame_encoder` makes it a part of a
      system's.
    config: Sizes.
    params: Nested dict of arrays.
    tokenizer: Its `tokenizer.json`.
    overwrite: Replace `out` where it is a checkpoint of ours.

  Raises:
    BadInput: `out` is in the way or the disk is full.
  """
  checkpoint.save_checkpoint(
    out,
    params,
    {'system': SYSTEM, 'model': config.to_dict()},
    tokenizer_files={TOKENIZER: tokenizer},
    overwrite=overwrite,
  )
