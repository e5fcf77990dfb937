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
from typing import Any

from jaxtyping import Array, Float

from vtg_jax.errors import BadInput
from vtg_jax.systems.hawkeye.config import HawkEyeConfig
from vtg_jax.systems.hawkeye.training import HawkEyeTask
from vtg_jax.systems.training.extra_heads import WithHeads, without_heads
from vtg_jax.systems.training.naming import naming_heads, naming_sums


def token_grid(model: HawkEyeConfig) -> int:
  """Cells along a frame's side when each video token is given one.

  The tokens are dealt out to the frames in order, a square of cells to each.

  Raises:
    BadInput: when they do not come out even.
  """
  n_tokens, n_frames = model.qformer.n_tokens, model.n_frames
  grid = math.isqrt(n_tokens // n_frames)
  if grid**2 * n_frames != n_tokens:
    raise BadInput(
      f'{n_tokens} video tokens are no square of cells for each of '
      f'{n_frames} frames; use {max(grid, 1) ** 2 * n_frames}'
    )
  return grid


def check_label_grid(values: Mapping[str, Any], grid: int) -> None:
  """Raises BadInput unless samples say what each of the cells shows."""
  given = values.get('data', {}).get('label_grid', 0)
  if given != grid:
    raise BadInput(
      f'data.label_grid is {given} and what is named of a frame has {grid} '
      f'cells along a side; set it to {grid}'
    )


class CellWarmup(WithHeads, HawkEyeTask):
  """Trains the video encoder so that each patch tells what is there."""

  def __init__(self, values: Mapping[str, Any], **options):
    """As `WithHeads`; samples must carry labels for each of the cells.

    Raises:
      BadInput: they do not.
    """
    super().__init__(values, **options)
    check_label_grid(values, self._cells()[0])

  def heads(self) -> dict[str, tuple[int, int]]:
    """One head for colour, shape and action each, 0 for nothing."""
    _, width = self._cells()
    return naming_heads(width)

  def _sums(self, params, batch, rng, *, deterministic):
    features = self._features(without_heads(params), batch)
    B, F, P, _ = features.shape
    shown = batch['cell_pairs'].reshape(B, F, P)
    return naming_sums(params, features, shown)

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
    ).reshape(B, F, -1, self.model.encoder.width)


class TokenWarmup(CellWarmup):
  """Trains the Q-Former so that each video token tells of a frame and cell.

  See `token_grid` for which.
  """

  def _cells(self) -> tuple[int, int]:
    return token_grid(self.model), self.model.llm.width

  def _features(self, params, batch) -> Float[Array, 'B F P D']:
    tokens = self._network.apply(
      {'params': params},
      batch['frames'],
      batch['text_ids'],
      batch['text_mask'],
      statistics=self.config.statistics,
      method='see',
    )
    width = self.model.llm.width
    return tokens.reshape(len(tokens), self.model.n_frames, -1, width)
