"""Hints on the way to the answer: what frames show, and when they are.

A small TimeChat that has read nothing and seen nothing learns the few learnt
words of an answer slowly: what settles them lies far off. Where the generator
of the videos knows what frames show, hints make the way shorter. In the first
stage, before any words:

- each query of the video Q-Former looks at one frame of its window;
- linear heads name colour, shape and action that this frame shows from the
  video token, and the first digits of its place in the whole.

Then, while answers are learnt:

- half way through the layers, the same linear heads name what is shown from
  the first attention head's keys of the video tokens, and what is asked for
  from its queries round the start of the answer, which makes the two alike;
- that head looks at the tokens of the frames that are asked about;
- another head's keys tell which frame a token is of;
- at the end, a linear head says of each frame whether it is asked about.

Deviates: the paper learns from the answers alone, with an image encoder,
  Q-Formers and a language model that have seen and read before.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from vtg_jax.errors import BadInput
from vtg_jax.nn.rope import apply_rope, rope_angles
from vtg_jax.systems.timechat.training import TimeChatTask
from vtg_jax.systems.training.attention_hint import attention_losses, states_at
from vtg_jax.systems.training.extra_heads import (
  WithHeads,
  apply_head,
  without_heads,
)
from vtg_jax.systems.training.naming import naming_heads, naming_losses
from vtg_jax.train.loss import LossSums

_SHOWN, _CLOCK = 'shows_target', 'clock'
# First digits of a place, of four, that video tokens tell: a hundred places.
_DIGITS = {'tens': 1000, 'ones': 100}
# States round the first word that tells of an event; in the last ones its
# places have been written, and its caption begins.
_AROUND = range(-2, 16)
_INSIDE = ['intermediates']


class _Hinted(WithHeads, TimeChatTask):
  """A task whose samples know what frames show, a video token a frame."""

  def __init__(self, values: Mapping[str, Any], **options):
    """As `WithHeads`.

    Raises:
      BadInput: samples do not tell, or a window has not as many tokens as
        frames.
    """
    super().__init__(values, **options)
    video = self.model.video_qformer
    if not video.qformer.n_tokens == video.window == video.stride:
      raise BadInput(
        f'windows of {video.window} frames begin every {video.stride} and have '
        f'{video.qformer.n_tokens} tokens each; hints need these alike'
      )
    if not self.data_options().max_asked:
      raise BadInput(
        'data.max_asked is 0; give the most events that a sample tells of'
      )


class FrameWarmup(_Hinted):
  """Trains what comes before the words: a token tells of its frame."""

  def heads(self) -> dict[str, tuple[int, int]]:
    """One for colour, shape and action each, and one a digit."""
    width = self.model.llm.width
    return naming_heads(width) | {name: (width, 10) for name in _DIGITS}

  def _sums(self, params, batch, rng, *, deterministic):
    tokens, sown = self._network.apply(
      {'params': without_heads(params)},
      batch['frames'],
      batch['time_ids'],
      batch['time_mask'],
      batch['shown'],
      deterministic=deterministic,
      rngs={'dropout': rng},
      method='see',
      mutable=_INSIDE,
    )
    is_frame = batch['shown'].any(-1)  # [B F]
    n = is_frame.sum().astype(jnp.float32)

    def over_frames(x):
      return jnp.where(is_frame, x, 0.0).sum(), n

    pairs = batch['frame_pairs']
    tokens = tokens[:, : pairs.shape[1]]
    parts = {
      'name': over_frames(naming_losses(params, tokens, pairs)),
      'own_frame': over_frames(self._own_frame(sown, batch['shown'])),
    }
    for name, worth in _DIGITS.items():
      wanted = batch['frame_codes'] // worth % 10
      losses = optax.softmax_cross_entropy_with_integer_labels(
        apply_head(params, name, tokens), wanted
      )
      parts[name] = over_frames(losses)
    return LossSums(sum(total for total, _ in parts.values()), n, parts)

  def _own_frame(self, sown, shown) -> Float[Array, 'B F']:
    """How much of the attention of each token misses its frame."""
    inside = sown['intermediates']['video_qformer']['qformer']
    B, F, R = shown.shape
    V = self.model.video_qformer.window
    frames = jnp.pad(shown, ((0, 0), (0, -F % V), (0, 0)))
    seen = jnp.repeat(frames.reshape(-1, 1, V * R), V, 1)
    own = jnp.arange(V)[:, None] == jnp.arange(V * R) // R
    losses, n = 0.0, 0
    for layer in inside.values():
      both = layer['cross_attention']
      for head in range(self.model.video_qformer.qformer.n_heads):
        losses += attention_losses(
          both['q'][0][:, :, head], both['k'][0][:, :, head], seen, own[None]
        )
        n += 1
    return losses.reshape(B, -1)[:, :F] / n


class HintedAnswers(_Hinted):
  """Answers, with the hints; the mean of each counts as much as theirs.

  With gradient accumulation a hint's mean is that of its micro-batch.
  """

  def heads(self) -> dict[str, tuple[int, int]]:
    """The names' and the clock's on attention heads, a number a frame."""
    llm, n_frames = self.model.llm, self.model.n_frames
    return naming_heads(llm.head_dim) | {
      _CLOCK: (llm.head_dim, n_frames),
      _SHOWN: (llm.width, n_frames),
    }

  def _sums(self, params, batch, rng, *, deterministic) -> LossSums:
    own = without_heads(params)
    states, sown = self._states(
      own, batch, rng, deterministic=deterministic, mutable=_INSIDE
    )
    answers = self._answer_sums(own, states, batch)
    layer = self.model.llm.n_layers // 2
    layers = sown['intermediates']['llm']['layers']
    # Before positions turn them: [B T N D].
    queries, keys = (layers[name][0][layer] for name in ('q', 'k'))
    is_asked = batch['shows_target'].any(-1)  # [B Q]
    hints = _Hints(params, self.model.llm, batch)
    parts = {
      'name': hints.name(queries, keys),
      'look': hints.look(queries, keys, is_asked),
      'clock': hints.clock(keys),
      'frame': hints.frames(states, is_asked),
    }
    total = answers.total
    for hint, n in parts.values():
      total += answers.weight * hint / jnp.maximum(n, 1)
    return LossSums(total, answers.weight, answers.parts | parts)


class _Hints:
  """The hints on one batch; each gives a sum and how much it is over."""

  def __init__(self, params, llm, batch):
    self._params, self._llm, self._batch = params, llm, batch
    B, F = batch['frame_codes'].shape
    first = (batch['places'] == 0).argmax(1)[:, None]
    self._video = first + jnp.arange(F)  # [B F]
    around = batch['asked_at'][:, :, None] + jnp.array(_AROUND)
    T = batch['labels'].shape[1]
    self._around = jnp.clip(around, 0, T - 1).reshape(B, -1)  # [B Q*N]
    self._is_frame = batch['shown'].any(-1)

  def name(self, queries, keys):
    """Names of what frames show, and of what is asked for."""
    asked = self._each_state(self._batch['asked_pair'])
    of_frames = naming_losses(
      self._params,
      states_at(keys[:, :, 0], self._video),
      self._batch['frame_pairs'],
    )
    of_words = naming_losses(
      self._params, states_at(queries[:, :, 0], self._around), asked[:, :, None]
    )
    # Few states against many frames: each kind counts as much.
    both = of_frames.mean() + _mean(of_words, asked >= 0)
    return both, jnp.ones(())

  def look(self, queries, keys, is_asked):
    """Attention on frames that are asked about."""
    T = keys.shape[1]
    angles = rope_angles(
      jnp.arange(T)[None], self._llm.head_dim, self._llm.rope_theta
    )

    def in_row(shows, at):  # [N F], [F] -> [N T]
      return jnp.zeros((len(shows), T), bool).at[:, at].set(shows)

    losses = attention_losses(
      states_at(apply_rope(queries, *angles)[:, :, 0], self._around),
      apply_rope(keys, *angles)[:, :, 0],
      jnp.arange(T) <= self._around[:, :, None],
      jax.vmap(in_row)(
        self._each_state(self._batch['shows_target']), self._video
      ),
    )
    counts = self._each_state(is_asked)
    n = counts.sum().astype(jnp.float32)
    return jnp.where(counts, losses, 0.0).sum(), n

  def clock(self, keys):
    """Which frame each token is of."""
    logits = apply_head(
      self._params, _CLOCK, states_at(keys[:, :, 1], self._video)
    )
    wanted = jnp.broadcast_to(jnp.arange(logits.shape[1]), logits.shape[:2])
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, wanted)
    n = self._is_frame.sum().astype(jnp.float32)
    return jnp.where(self._is_frame, losses, 0.0).sum(), n

  def frames(self, states, is_asked):
    """Whether each frame is asked about."""
    logits = apply_head(self._params, _SHOWN, states_at(states, self._around))
    shows = self._each_state(self._batch['shows_target'])
    counts = self._each_state(is_asked)[:, :, None] & self._is_frame[:, None]
    losses = optax.sigmoid_binary_cross_entropy(logits, shows)
    n = counts.sum().astype(jnp.float32)
    return jnp.where(counts, losses, 0.0).sum(), n

  def _each_state(self, x: Array) -> Array:
    """What is known of each question, for each of its states."""
    return jnp.repeat(x, len(_AROUND), 1)


def _mean(x: Array, counts: Array) -> Array:
  return jnp.where(counts, x, 0.0).sum() / jnp.maximum(counts.sum(), 1)
