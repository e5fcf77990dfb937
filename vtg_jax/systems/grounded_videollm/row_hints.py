"""Hints on the way to the answer: what rows show, what is asked for, and when.

The words of the question, the video's rows that show what they say, and the
words of time that name those rows' places lie far apart. Where the generator of
the videos knows these things, hints make the way shorter:

- linear heads name colour, shape and action that each video row shows;
- half way through the layers, the same heads read them from the first attention
  head's keys of the video rows and from its queries round the start of the
  answer, which makes the two alike; that head looks at the rows that show what
  is asked for; another head's keys tell which frame a video row is of;
- at the end, a linear head says of each frame whether it is of the moment;
- words of time that are nearly right are less wrong than others.

Deviates: the paper learns from the answers alone, with a language model that
has read before and a projector that has seen a million captions.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from vtg_jax.errors import BadInput
from vtg_jax.nn.rope import apply_rope, rope_angles
from vtg_jax.shape_stories.cells import NOTHING
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.training import GroundedVideoLlmTask
from vtg_jax.systems.training.attention_hint import attention_losses, states_at
from vtg_jax.systems.training.extra_heads import (
  WithHeads,
  apply_head,
  without_heads,
)
from vtg_jax.systems.training.naming import naming_heads, naming_sums
from vtg_jax.train.loss import LossSums

_SHOWN, _CLOCK, _ROW = 'shows_target', 'clock', 'row_'
_HINTS = ('name', 'look', 'clock', 'frame', 'near')
# States round the answer's first token, which the hints are about; those from
# which the two times are told; and how blurred times are, in words.
_AROUND = (-2, -1, 0, 1, 2, 3)
_TELLS_START, _TELLS_END = 1, 3
_BLUR = 4.0


def row_pairs(
  cell_pairs: Int[Array, 'B F g g'], model: GroundedVideoLlmConfig
) -> Int[Array, 'B R']:
  """What each row of a video shows, a number in `words.PAIRS` or -1.

  Args:
    cell_pairs: What each part of each frame shows.
    model: Sizes; image rows have as many parts along a side as video rows.
  """
  B, F, side, _ = cell_pairs.shape
  S, adapter = model.n_segments, model.two_stream
  images = cell_pairs[:, jnp.array(model.keyframes)]  # [B S g g]
  if adapter.merges:  # each line ends with a newline
    images = jnp.pad(images, ((0, 0),) * 3 + ((0, 1),), constant_values=NOTHING)
  videos = cell_pairs.reshape(B, S, -1)
  n_video_rows = adapter.n_video_rows(model.frames_per_segment)
  parts = [
    images.reshape(B, S, -1),
    videos[..., :n_video_rows],  # none without the video stream
    jnp.full((B, S, 1), NOTHING, cell_pairs.dtype),
  ]
  return jnp.concatenate(parts, -1).reshape(B, -1)


def frames_of_rows(model: GroundedVideoLlmConfig) -> Int[Array, ' R']:
  """Which frame each row of a video is of; a separator is of the last one."""
  S, adapter = model.n_segments, model.two_stream
  frames = jnp.arange(model.n_frames).reshape(S, -1)
  keyframes = jnp.array(model.keyframes)[:, None]
  parts = [
    jnp.repeat(keyframes, adapter.n_image_rows, 1),
    jnp.repeat(frames, adapter.n_video_rows(1), 1),
    frames[:, -1:],
  ]
  return jnp.concatenate(parts, 1).reshape(-1)


def check_grid(task: GroundedVideoLlmTask) -> None:
  """Raises BadInput unless samples say what each video row shows."""
  adapter, data = task.model.two_stream, task.data_options()
  if adapter.image_side != adapter.video_side:
    raise BadInput(
      f'image rows are of {adapter.image_side} parts along a side and video '
      f'rows of {adapter.video_side}; hints need them alike'
    )
  if data.label_grid != adapter.video_side:
    raise BadInput(
      f'data.label_grid is {data.label_grid}; set it to {adapter.video_side}'
    )


class RowWarmup(WithHeads, GroundedVideoLlmTask):
  """Trains the projectors so that each video row tells what it shows."""

  def __init__(self, values: Mapping[str, Any], **options):
    """As `WithHeads`; samples must say what each row shows.

    Raises:
      BadInput: they do not.
    """
    super().__init__(values, **options)
    check_grid(self)

  def heads(self) -> dict[str, tuple[int, int]]:
    """One for colour, shape and action each, 0 for nothing."""
    return naming_heads(self.model.llm.width, prefix=_ROW)

  def _sums(self, params, batch, rng, *, deterministic):
    rows = self._network.apply(
      {'params': without_heads(params)},
      batch['keyframes'],
      batch['frames'],
      deterministic=True,
      method='see',
    )
    return naming_sums(
      params, rows, row_pairs(batch['cell_pairs'], self.model), prefix=_ROW
    )


class HintedAnswers(WithHeads, GroundedVideoLlmTask):
  """Answers, with the hints on questions for a moment.

  The mean of each hint counts as much as the mean of the answers' tokens.
  With gradient accumulation a hint's mean is that of its micro-batch.
  """

  def __init__(self, values: Mapping[str, Any], **options):
    """As `WithHeads`; samples must know what is asked and what rows show.

    Raises:
      BadInput: they do not.
    """
    super().__init__(values, **options)
    check_grid(self)
    if not self.data_options().max_asked:
      raise BadInput(
        'data.max_asked is 0; give the most questions that a sample has'
      )

  def heads(self) -> dict[str, tuple[int, int]]:
    """The names' and the clock's on attention heads, one number a frame."""
    llm, n_frames = self.model.llm, self.model.n_frames
    return naming_heads(llm.head_dim) | {
      _CLOCK: (llm.head_dim, n_frames),
      _SHOWN: (llm.width, n_frames),
    }

  def _sums(self, params, batch, rng, *, deterministic):
    own = without_heads(params)
    states, sown = self._states(
      own, batch, rng, deterministic=deterministic, mutable=['intermediates']
    )
    answers = self._answer_sums(own, states, batch)
    inside = sown['intermediates']['llm']['layers']
    layer = self.model.llm.n_layers // 2
    # Before positions turn them: [B T N D].
    queries, keys = (inside[name][0][layer] for name in ('q', 'k'))
    is_asked = batch['asked_pair'] != NOTHING  # [B A]
    around = jnp.maximum(
      batch['asked_at'][:, :, None] + jnp.array(_AROUND), 0
    ).reshape(len(is_asked), -1)  # [B A*N]
    shown = row_pairs(batch['cell_pairs'], self.model)  # [B R]
    parts = (
      answers.parts
      | _name(params, queries[:, :, 0], keys[:, :, 0], around, shown, batch)
      | self._look(queries, keys, around, shown, batch)
      | self._clock(params, keys[:, :, 1], batch)
      | _tell_frames(params, states, around, is_asked, batch)
      | self._near(own, states, is_asked, batch)
    )
    total = answers.total
    for name in _HINTS:
      hint, n = parts[name]
      total += answers.weight * hint / jnp.maximum(n, 1)
    return LossSums(total, answers.weight, parts)

  def _look(self, queries, keys, around, shown, batch) -> dict:
    config = self.model.llm
    angles = rope_angles(batch['positions'], config.head_dim, config.rope_theta)
    asked = _each_state(batch['asked_pair'])  # [B A*N]
    wanted = (shown[:, None] == asked[:, :, None]) & (asked != NOTHING)[
      :, :, None
    ]
    places = _video_places(batch, shown.shape[1])
    T = keys.shape[1]
    turn = jnp.take_along_axis(batch['turn'], around, 1)[:, :, None]
    seen = jnp.arange(T) <= around[:, :, None]
    seen &= (batch['turn'][:, None] == turn) | (batch['turn'] == 0)[:, None]

    def in_row(wanted, at):  # [N R], [R] -> [N T]
      return jnp.zeros((len(wanted), T), bool).at[:, at].set(wanted)

    losses = attention_losses(
      states_at(apply_rope(queries, *angles)[:, :, 0], around),
      apply_rope(keys, *angles)[:, :, 0],
      seen,
      jax.vmap(in_row)(wanted, places),
    )
    counts = wanted.any(-1)
    n = counts.sum().astype(jnp.float32)
    return {'look': (jnp.where(counts, losses, 0.0).sum(), n)}

  def _clock(self, params, keys, batch) -> dict:
    frames = frames_of_rows(self.model)
    places = _video_places(batch, len(frames))
    logits = apply_head(params, _CLOCK, states_at(keys, places))
    wanted = jnp.broadcast_to(frames, logits.shape[:-1])
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, wanted)
    n = jnp.asarray(losses.size, jnp.float32)
    off = jnp.abs(logits.argmax(-1) - wanted).astype(jnp.float32)
    return {'clock': (losses.sum(), n), 'off/clock': (off.sum(), n)}

  def _near(self, params, states, is_asked, batch) -> dict:
    """The loss on blurred times, and how good the likeliest moment is."""
    first, n_words = self._first_time, self.model.n_intervals + 1
    tells = batch['asked_at'][:, :, None] + jnp.array(
      [_TELLS_START, _TELLS_END]
    )  # [B A 2]
    B, A, _ = tells.shape
    at = states_at(states, tells.reshape(B, -1))
    logits = self._logits(params, at)[..., first : first + n_words]
    logits = logits.reshape(B, A, 2, n_words)
    told = jnp.take_along_axis(batch['labels'], tells.reshape(B, -1) + 1, 1)
    told = told.reshape(B, A, 2, 1) - first
    away = (jnp.arange(n_words) - told) / _BLUR
    target = jax.nn.softmax(-0.5 * away**2, axis=-1)
    losses = optax.softmax_cross_entropy(logits, target).mean(-1)
    start = logits[:, :, 0].argmax(-1)
    after = jnp.arange(n_words) >= start[..., None]
    end = jnp.where(after, logits[:, :, 1], -jnp.inf).argmax(-1)
    true_start, true_end = told[:, :, 0, 0], told[:, :, 1, 0]
    both = jnp.minimum(end, true_end) - jnp.maximum(start, true_start)
    either = jnp.maximum(end, true_end) - jnp.minimum(start, true_start)
    iou = jnp.maximum(both, 0) / jnp.maximum(either, 1)
    n = is_asked.sum().astype(jnp.float32)

    def over_asked(x):
      return jnp.where(is_asked, x, 0.0).sum(), n

    return {
      'near': over_asked(losses),
      'iou/likeliest': over_asked(iou),
      'iou/above_half': over_asked((iou > 0.5).astype(jnp.float32)),
    }

  @functools.cached_property
  def _first_time(self) -> int:
    """Token of <0>; those of the other times follow it."""
    return self.tokenizer().token_id('<0>')


def _video_places(batch, n_video) -> Int[Array, 'B R']:
  return batch['video_start'][:, None] + jnp.arange(n_video)


def _each_state(x: Array) -> Array:
  """What is known of each question, for each of its states."""
  return jnp.repeat(x, len(_AROUND), 1)


def _name(params, queries, keys, around, shown, batch) -> dict:
  places = _video_places(batch, shown.shape[1])
  asked = _each_state(batch['asked_pair'])
  of_rows = naming_sums(params, states_at(keys, places), shown)
  of_words = naming_sums(params, states_at(queries, around), asked)
  parts = {f'{name}/asked': part for name, part in of_words.parts.items()}
  # Few states against many rows: each kind counts as much.
  mean = of_rows.total / jnp.maximum(of_rows.weight, 1)
  mean += of_words.total / jnp.maximum(of_words.weight, 1)
  return {'name': (mean, jnp.ones(())), **of_rows.parts, **parts}


def _tell_frames(params, states, around, is_asked, batch) -> dict:
  logits = apply_head(params, _SHOWN, states_at(states, around))  # [B A*N F]
  shown = jnp.repeat(batch['shows_target'], len(_AROUND), 1)
  counts = _each_state(is_asked)[:, :, None] & jnp.ones_like(logits, bool)
  losses = optax.sigmoid_binary_cross_entropy(logits, shown)
  wrong = (logits > 0) != shown
  n = counts.sum().astype(jnp.float32)
  return {
    'frame': (jnp.where(counts, losses, 0.0).sum(), n),
    'wrong/frame': ((wrong & counts).sum().astype(jnp.float32), n),
  }
