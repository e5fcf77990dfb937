"""A start for HawkEye's eyes where there are no pretrained ones.

ShapeStories know what each part of a frame shows. Linear heads on the features
of each patch, or on each video token, name colour, shape and action there;
what makes the features learns together with the heads, and the heads are
thrown away.

Deviates: the paper starts from a video encoder and a Q-Former that were trained
on millions of videos. This stands in for it at the size of a laptop.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.words import ACTIONS, COLOURS, PAIRS, SHAPES
from vtg_jax.systems.hawkeye.training import HawkEyeTask
from vtg_jax.train.freeze import flatten, join
from vtg_jax.train.loss import LossSums

# What is named -> its names in order of their number; 0 is that nothing is.
NAMES = {
  'colour': tuple(COLOURS),
  'shape': SHAPES,
  'action': ACTIONS,
}
HEADS = 'cell_heads'
# A cell without an object counts this much: there are many of them.
_EMPTY_WEIGHT = 0.15


def classes_of_pairs() -> Int[np.ndarray, 'N 3']:
  """Number of a pair -> classes of its parts; nothing, -1, is the last row."""
  parts = zip(*PAIRS, strict=True)  # colours, shapes, actions
  columns = [
    [*(names.index(part) + 1 for part in column), 0]
    for names, column in zip(NAMES.values(), parts, strict=True)
  ]
  return np.array(columns, np.int32).T


class CellWarmup(HawkEyeTask):
  """Trains the video encoder so that each patch tells what is there."""

  def __init__(self, values: Mapping[str, Any], **options):
    """As `HawkEyeTask`; samples must carry labels for each of the patches.

    Raises:
      BadInput: they do not.
    """
    values = dict(values)
    trainable = tuple(values.pop('trainable'))
    # The heads are no parameters of HawkEye: it must not look for them.
    own = tuple(p for p in trainable if not p.startswith(HEADS))
    super().__init__(values | {'trainable': own}, **options)
    grid, self._width = self._cells()
    given = values.get('data', {}).get('label_grid', 0)
    if given != grid:
      raise BadInput(
        f'data.label_grid is {given} and what is named of a frame has {grid} '
        f'cells along a side; set it to {grid}'
      )
    self.trainable = (*own, f'{HEADS}/.*')
    for name in NAMES:
      self.axes[f'{HEADS}/{name}/kernel'] = ('embed', 'labels')
      self.axes[f'{HEADS}/{name}/bias'] = ('labels',)

  def params(self, *, seed: int = 0) -> dict[str, Any]:
    """As `HawkEyeTask.params`, with the heads."""
    heads = {}
    for name, classes in NAMES.items():
      shape = (self._width, len(classes) + 1)
      heads[name] = {
        'kernel': np.zeros(shape, np.float32),
        'bias': np.zeros(shape[1:], np.float32),
      }
    return super().params(seed=seed) | {HEADS: heads}

  def flops_per_step(self, batch_size: int) -> None:
    """Not told: this is no figure of the paper's network."""

  def save(self, folder: Path | str, params: dict) -> None:
    """Writes a HawkEye without the heads."""
    flat = flatten(params)
    own = {p: x for p, x in flat.items() if not p.startswith(f'{HEADS}/')}
    super().save(folder, join({}, own))

  def _sums(self, params, batch, rng, *, deterministic):
    own = {k: v for k, v in params.items() if k != HEADS}
    features = self._features(own, batch)
    classes = jnp.asarray(classes_of_pairs())[batch['cell_pairs']]
    B, F, P, _ = features.shape
    classes = classes.reshape(B, F, P, len(NAMES))
    is_object = classes[..., 0] > 0
    weights = jnp.where(is_object, 1.0, _EMPTY_WEIGHT)
    total, parts = 0.0, {}
    for i, name in enumerate(NAMES):
      head = params[HEADS][name]
      logits = features @ head['kernel'] + head['bias']
      log_probs = jax.nn.log_softmax(logits)
      wanted = classes[..., i]
      losses = -jnp.take_along_axis(log_probs, wanted[..., None], -1)[..., 0]
      total += (weights * losses).sum()
      wrong = is_object & (logits.argmax(-1) != wanted)
      parts[f'wrong_{name}'] = (
        wrong.sum().astype(jnp.float32),
        is_object.sum().astype(jnp.float32),
      )
    return LossSums(total, weights.sum(), parts)

  def _cells(self) -> tuple[int, int]:
    """Cells along a frame's side, and width of their features."""
    return self.model.encoder.grid, self.model.encoder.width

  def _features(self, params, batch) -> Float[Array, 'B F P D']:
    frames = batch['frames']
    B, F = frames.shape[:2]
    return self._network.apply(
      {'params': params},
      frames,
      statistics=self.config.statistics,
      method='see_patches',
    ).reshape(B, F, -1, self._width)


class TokenWarmup(CellWarmup):
  """Trains the Q-Former so that each video token tells of a frame and cell.

  The tokens are dealt out to the frames in order, a square of cells to each.
  """

  def _cells(self) -> tuple[int, int]:
    n_tokens, n_frames = self.model.qformer.n_tokens, self.model.n_frames
    grid = math.isqrt(n_tokens // n_frames)
    if grid**2 * n_frames != n_tokens:
      raise BadInput(
        f'{n_tokens} video tokens are no square of cells for each of '
        f'{n_frames} frames; use {max(grid, 1) ** 2 * n_frames}'
      )
    return grid, self.model.llm.width

  def _features(self, params, batch) -> Float[Array, 'B F P D']:
    tokens = self._network.apply(
      {'params': params},
      batch['frames'],
      batch['text_ids'],
      batch['text_mask'],
      statistics=self.config.statistics,
      method='see',
    )
    return tokens.reshape(len(tokens), self.model.n_frames, -1, self._width)
