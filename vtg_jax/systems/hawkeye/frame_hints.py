"""Hints on the way to the answer: what is asked, where it is seen, and when.

The right answer is one letter a sample, and what settles it lies far off: the
words of the question, the video tokens that show what they say, the frames
those are of. Where the generator of the videos knows these things, hints make
the way shorter, for the states in which the question has been read:

- half way through the layers, linear heads name colour, shape and action that
  are asked for from a head's queries, and those that are seen from its keys of
  the video tokens; being the same heads, they make the two alike;
- that head looks at the video tokens that show what is asked for;
- at the end a linear head says of each frame whether it is of the moment.

Deviates: the paper learns from the answer alone, with a language model that
has read before.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Int

from vtg_jax.nn.rope import apply_rope, rope_angles
from vtg_jax.shape_stories.cells import NOTHING
from vtg_jax.systems.hawkeye.cell_warmup import check_label_grid, token_grid
from vtg_jax.systems.hawkeye.rows import IGNORE
from vtg_jax.systems.hawkeye.training import HawkEyeTask
from vtg_jax.systems.hawkeye.training_data import OBJECTIVES
from vtg_jax.systems.training.attention_hint import attention_losses, states_at
from vtg_jax.systems.training.extra_heads import (
  WithHeads,
  apply_head,
  without_heads,
)
from vtg_jax.systems.training.naming import naming_heads, naming_sums
from vtg_jax.train.loss import LossSums

_HEAD = 'shows_target'
_HINTS = ('name', 'look', 'frame')
# As many tokens before the answer still belong to the list of options.
_N_STATES = 48


class HintedAnswers(WithHeads, HawkEyeTask):
  """Answers, with the hints on samples that ask for a moment.

  The mean of each hint counts as much as the mean of the answers' tokens.
  With gradient accumulation a hint's mean is that of its micro-batch.
  """

  def __init__(self, values: Mapping[str, Any], **options):
    """As `WithHeads`; samples must say what each video token may show.

    Raises:
      BadInput: they do not.
    """
    super().__init__(values, **options)
    check_label_grid(values, token_grid(self.model))

  def heads(self) -> dict[str, tuple[int, int]]:
    """The names' on an attention head, and one number a frame."""
    llm = self.model.llm
    of_frames = {_HEAD: (llm.width, self.data_options().n_frames)}
    return naming_heads(llm.head_dim) | of_frames

  def _sums(self, params, batch, rng, *, deterministic):
    own = without_heads(params)
    states, sown = self._states(
      own, batch, rng, deterministic=deterministic, mutable=['intermediates']
    )
    answers = self._answer_sums(own, states, batch)
    inside = sown['intermediates']['llm']['layers']
    layer = self.model.llm.n_layers // 2
    # Of the first head, before positions turn them: [B T 1 D].
    queries, keys = (inside[name][0][layer, :, :, :1] for name in ('q', 'k'))
    places = _find_places(batch, self.model.qformer.n_tokens)
    parts = (
      answers.parts
      | _name(params, queries[:, :, 0], keys[:, :, 0], places, batch)
      | self._look(queries, keys, places, batch)
      | _tell_frames(params, states, places, batch)
    )
    # Each hint's mean, whatever the answers' length.
    total = answers.total
    for name in _HINTS:
      hint, n = parts[name]
      total += answers.weight * hint / jnp.maximum(n, 1)
    return LossSums(total, answers.weight, parts)

  def _look(self, queries, keys, places, batch) -> dict:
    config, T = self.model.llm, keys.shape[1]
    angles = rope_angles(
      jnp.arange(T)[None], config.head_dim, config.rope_theta
    )
    wanted = _seen_pairs(batch) == batch['asked_pair'][:, None]  # [B Q]
    losses = attention_losses(
      states_at(apply_rope(queries, *angles)[:, :, 0], places.asked),
      apply_rope(keys, *angles)[:, :, 0],
      jnp.arange(T) <= places.asked[:, :, None],
      _at_tokens(wanted, batch['video_start'], T)[:, None],
    ).mean(-1)
    counts = (places.is_asked & wanted.any(-1)).astype(jnp.float32)
    return {'look': ((losses * counts).sum(), counts.sum())}


class _Places(NamedTuple):
  """Where things stand in the rows.

  Attributes:
    video: Positions of the video tokens.
    asked: Of the states in which the question has been read; the first of them
      is about to say the first learnt word.
    is_asked: Whether the row asks for a moment.
  """

  video: Int[Array, 'B Q']
  asked: Int[Array, 'B N']
  is_asked: Bool[Array, ' B']


def _find_places(batch: Mapping[str, Array], n_video: int) -> _Places:
  answer = (batch['labels'] != IGNORE).argmax(-1)[:, None]
  return _Places(
    video=batch['video_start'][:, None] + jnp.arange(n_video),
    asked=jnp.maximum(answer - 1 - jnp.arange(_N_STATES), 0),
    is_asked=batch['objective'] == OBJECTIVES.index('grounding'),
  )


def _seen_pairs(batch) -> Int[Array, 'B Q']:
  """What each video token shows, a number in `words.PAIRS`."""
  return batch['cell_pairs'].reshape(len(batch['cell_pairs']), -1)


def _name(params, queries, keys, places, batch) -> dict:
  features = [states_at(keys, places.video), states_at(queries, places.asked)]
  asked = jnp.where(places.is_asked, batch['asked_pair'], NOTHING)[:, None]
  pairs = [_seen_pairs(batch), jnp.broadcast_to(asked, places.asked.shape)]
  sums = naming_sums(
    params, jnp.concatenate(features, 1), jnp.concatenate(pairs, 1)
  )
  return {'name': (sums.total, sums.weight), **sums.parts}


def _tell_frames(params, states, places, batch) -> dict:
  logits = apply_head(params, _HEAD, states_at(states, places.asked))  # [B N F]
  shown = batch['shows_target'][:, None]  # [B 1 F]
  counts = places.is_asked[:, None, None] & jnp.ones_like(logits, bool)
  losses = optax.sigmoid_binary_cross_entropy(logits, shown)
  wrong = (logits > 0) != shown
  n = counts.sum().astype(jnp.float32)
  return {
    'frame': (jnp.where(counts, losses, 0.0).sum(), n),
    'wrong/frame': ((wrong & counts).sum().astype(jnp.float32), n),
  }


def _at_tokens(
  shown: Bool[Array, 'B Q'], video_start: Int[Array, ' B'], n_tokens: int
) -> Bool[Array, 'B T']:
  """What is said of the video tokens, said of all of a row's."""
  places = jnp.arange(n_tokens) - video_start[:, None]
  is_video = (places >= 0) & (places < shown.shape[1])
  inside = jnp.clip(places, 0, shown.shape[1] - 1)
  return is_video & jnp.take_along_axis(shown, inside, 1)
