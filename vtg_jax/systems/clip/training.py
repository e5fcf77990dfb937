"""How a dual encoder learns: from frames and the sentences true of them.

Deviates: CLIP saw 400 million pictures from the web. This stands in for it at
  the size of a laptop, on drawn frames of which everything is known.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from input_pipeline.loader import Batches
from vtg_jax.adapters.two_stream import average_patches
from vtg_jax.encoders.dual import DualEncoder, DualEncoderConfig, param_axes
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.clip import training_data
from vtg_jax.systems.clip.release import SYSTEM, TOKENIZER
from vtg_jax.systems.clip.starting_point import StartConfig, starting_point
from vtg_jax.systems.clip.training_data import GRID, DataOptions
from vtg_jax.systems.clip.words import ClipTokenizer
from vtg_jax.systems.training.extra_heads import WithHeads, without_heads
from vtg_jax.systems.training.naming import NAMES, naming_heads, naming_sums
from vtg_jax.systems.training.starting_point import StartingPoint
from vtg_jax.systems.training.system_task import SystemTask, TaskConfig
from vtg_jax.train.loss import LossSums

# Source: CLIP, arXiv 2103.00020, section 2.5.
_MOST_LOGIT_SCALE = 100.0
# Heads on patches, on the whole frame's features for each of its quarters, and
# on the sentence's.
_PATCH, _QUARTER, _TEXT = 'patch_', 'quarter{}_', 'text_'


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairsConfig(TaskConfig):
  """How a dual encoder is trained; the fields are those of `TaskConfig`."""

  start: StartConfig
  trainable: tuple[str, ...] = (r'.*',)
  compute: Compute = Compute()


class Pairs(SystemTask):
  """Tells the sentence of a frame, and the frame of a sentence, from others."""

  system = SYSTEM
  config_type = PairsConfig
  data_type = DataOptions
  axes_of = staticmethod(param_axes)
  config: PairsConfig
  model: DualEncoderConfig

  def __init__(self, values: Mapping[str, Any], **options):
    """As `SystemTask`."""
    super().__init__(values, **options)
    self._network = DualEncoder(self.model, self.config.compute)

  def _starting_point(self) -> StartingPoint:
    return starting_point(self.config.start)

  def batches(self, **share: int) -> Batches:
    """The training data of one process; see `training_data.batches`."""
    options, most = self.data_options(), self.model.text.max_tokens
    tokenizer = ClipTokenizer(
      self._start.tokenizer_files[TOKENIZER],
      max_tokens=min(most, options.text_tokens or most),
    )
    size = self.model.image.image_size
    return training_data.batches(options, tokenizer, size, **share)

  def n_tokens(self, batch: Mapping[str, np.ndarray]) -> int:
    """Tokens of the sentences."""
    return int(batch['mask'].sum())

  def flops_per_step(self, batch_size: int) -> None:
    """Not told: this is no figure of any paper's network."""

  def _sums(self, params, batch, rng, *, deterministic) -> LossSums:
    del rng, deterministic  # nothing is dropped
    return self._encoded(params, batch)[0]

  def _encoded(self, params, batch):
    """The loss, and the states that it was taken of."""
    apply, own = self._network.apply, {'params': params}
    B, N = batch['frames'].shape[:2]
    frames = batch['frames'].reshape(-1, *batch['frames'].shape[2:])
    seen = apply(own, frames, method='see_frames')
    ids, mask = (
      batch[name].reshape(-1, batch[name].shape[-1]) for name in ('ids', 'mask')
    )
    read = apply(own, ids, mask, method='encode_text')
    scale = jnp.exp(params['logit_scale']['scale'])
    scores = apply(own, seen.features, read.cls_features, method='scores')
    scores *= jnp.minimum(1, _MOST_LOGIT_SCALE / scale)
    asked = batch['asked'].reshape(-1)
    true = is_true(batch['shown'].reshape(B * N, -1), asked)
    K = batch['asked'].shape[1]
    own_frame = (jnp.arange(B)[:, None] * N + jnp.arange(K)).reshape(-1)
    return contrastive_sums(scores, true, own_frame), seen, read


def is_true(
  shown: Int[Array, 'N P'], asked: Int[Array, ' Q']
) -> Bool[Array, 'N Q']:
  """Whether a frame shows what a sentence says, by the numbers of pairs."""
  return (shown[:, :, None] == asked).any(1)


def contrastive_sums(
  scores: Float[Array, 'N Q'],
  true: Bool[Array, 'N Q'],
  own_frame: Int[Array, ' Q'],
) -> LossSums:
  """How badly each sentence is told of its frame, and its frame of it.

  What is true by chance is neither right nor wrong: it is left out.

  Args:
    scores: Of frames and sentences.
    true: Whether they fit.
    own_frame: The frame of each sentence; the others have none.

  Returns:
    Sums over sentences; the parts count wrong choices.
  """
  is_own = jnp.arange(len(scores))[:, None] == own_frame  # [N Q]
  left_out = jnp.finfo(jnp.float32).min
  scores = jnp.where(true & ~is_own, left_out, scores.astype(jnp.float32))
  right = jnp.take_along_axis(scores, own_frame[None], 0)[0]  # [Q]
  of_frames = scores[own_frame]  # [Q Q], each sentence's frame a row
  frame_losses = jax.nn.logsumexp(of_frames, 1) - right
  text_losses = jax.nn.logsumexp(scores, 0) - right
  n = jnp.asarray(len(own_frame), jnp.float32)

  def count(wrong):
    return wrong.sum().astype(jnp.float32), n

  return LossSums(
    (frame_losses + text_losses).sum() / 2,
    n,
    {
      'pairs': ((frame_losses + text_losses).sum() / 2, n),
      'wrong/sentence': count(of_frames.max(1) > right),
      'wrong/frame': count(scores.max(0) > right),
    },
  )


class HintedPairs(WithHeads, Pairs):
  """The same, with heads that name colour, shape and action.

  They name those of each quarter of a frame, from its patches and from the
  features of the whole, and those of each sentence. The mean of each kind
  counts as much as that of the pairs.
  """

  def heads(self) -> dict[str, tuple[int, int]]:
    """For the patches, for each quarter, and for the sentences."""
    features = self.model.features
    heads = naming_heads(self.model.image.block.width, prefix=_PATCH)
    for quarter in range(GRID**2):
      heads |= naming_heads(features, prefix=_QUARTER.format(quarter))
    return heads | naming_heads(features, prefix=_TEXT)

  def _sums(self, params, batch, rng, *, deterministic) -> LossSums:
    sums, seen, read = self._encoded(without_heads(params), batch)
    shown = batch['shown'].reshape(-1, GRID**2)
    side = self.model.image.grid
    patches = seen.patches.reshape(-1, side, side, seen.patches.shape[-1])
    hints = [
      naming_sums(
        params,
        average_patches(patches, GRID).reshape(*shown.shape, -1),
        shown,
        prefix=_PATCH,
      ),
      naming_sums(
        params, read.cls_features, batch['asked'].reshape(-1), prefix=_TEXT
      ),
    ]
    quarters = [
      naming_sums(params, seen.features, shown[:, i], prefix=_QUARTER.format(i))
      for i in range(GRID**2)
    ]
    whole = jax.tree.map(lambda *x: sum(x), *[q[:2] for q in quarters])
    wrong = {
      f'wrong/whole_{name}': jax.tree.map(
        lambda *x: sum(x),
        *[
          q.parts[f'wrong/{_QUARTER.format(i)}{name}']
          for i, q in enumerate(quarters)
        ],
      )
      for name in NAMES
    }
    total = sums.total
    for hint, weight in [*(one[:2] for one in hints), whole]:
      total += sums.weight * hint / jnp.maximum(weight, 1)
    parts = sums.parts | wrong
    for one in hints:
      parts |= one.parts
    return LossSums(total, sums.weight, parts)
