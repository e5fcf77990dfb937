"""Hints on the way to the answer: which rows show what is asked, and where.

A small language model that has never read anything learns the few learnt words
of an answer slowly: what settles them lies far off. Where the generator of the
videos knows what rows show, hints make the way shorter:

- half way through the layers, the same linear heads name colour, shape and
  action from the first attention head's keys of the video rows and from its
  queries round the start of the answer, which makes the two alike;
- that head looks at the rows that show what is asked for;
- another head's keys tell which place a row has;
- at the end, a linear head says of each row whether it shows it;
- above the dense level, where rows know the query, a linear head on each row
  that comes out of the encoder of windows says the same.

Deviates: the paper learns from the answers alone, with a language model that
has read before.
"""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float

from vtg_jax.errors import BadInput
from vtg_jax.nn.rope import apply_rope, rope_angles
from vtg_jax.systems.revisionllm.prompt import IGNORE
from vtg_jax.systems.revisionllm.training import ReVisionLlmTask
from vtg_jax.systems.training.attention_hint import attention_losses, states_at
from vtg_jax.systems.training.extra_heads import (
  WithHeads,
  apply_head,
  without_heads,
)
from vtg_jax.systems.training.naming import naming_heads, naming_losses
from vtg_jax.train.loss import LossSums

_ROW, _CLOCK, _SHOWS = 'row', 'clock', 'shows'
# States round the answer's first word, which the hints are about.
_AROUND = (-2, -1, 0, 1, 2, 3)
# Rows that show what is asked count as often as this many others.
_SHOWN_WEIGHT = 4.0


class HintedAnswers(WithHeads, ReVisionLlmTask):
  """Answers, with the hints; the mean of each counts as much as theirs.

  With gradient accumulation a hint's mean is that of its micro-batch.
  """

  def __init__(self, values, **options):
    """As `WithHeads`; samples must tell what rows show.

    Raises:
      BadInput: they do not.
    """
    super().__init__(values, **options)
    if not self.data_options().hints:
      raise BadInput('data.hints is false; this task needs them: use true')

  def heads(self) -> dict[str, tuple[int, int]]:
    """The names' and the clock's on attention heads, a number for each row."""
    llm = self.model.llm
    most = max(map(self._n_visual, self._levels))
    return naming_heads(llm.head_dim) | {
      _CLOCK: (llm.head_dim, most),
      _SHOWS: (llm.width, most),
      _ROW: (llm.width, 1),
    }

  def _sums(self, params, batch, rng, *, deterministic) -> LossSums:
    own = without_heads(params)
    states, sown = self._states(
      own, batch, rng, deterministic=deterministic, mutable=['intermediates']
    )
    answers = self._answer_sums(own, states, batch)
    inside = sown['intermediates']
    layer = self.model.llm.n_layers // 2
    # Before positions turn them: [B T N D].
    queries, keys = (
      inside['llm']['layers'][name][0][layer] for name in ('q', 'k')
    )
    shows = shows_asked(batch)  # [B V]
    V = shows.shape[1]
    places = (batch['places'] == 0).argmax(1)[:, None] + jnp.arange(V)
    answer = (batch['labels'] != IGNORE).argmax(1)[:, None]
    around = jnp.maximum(answer + jnp.array(_AROUND), 0)  # [B A]
    hints = {
      'look': self._look(queries, keys, around, places, shows),
      'clock': _clock(params, states_at(keys[:, :, 1], places)),
      'row_of_answer': _tell_rows(
        apply_head(params, _SHOWS, states_at(states, around))[:, :, :V],
        shows[:, None],
      ),
    }
    if 'text' in batch:
      told = apply_head(params, _ROW, inside['visual'][0])[..., 0]
      hints['row'] = _tell_rows(told, shows)
    else:
      hints['name'] = _name(
        params,
        states_at(keys[:, :, 0], places),
        batch['row_pairs'],
        states_at(queries[:, :, 0], around),
        batch['asked_pair'],
      )
    total = answers.total
    for hint, n in hints.values():
      total += answers.weight * hint / jnp.maximum(n, 1)
    # The same names at every level, so that steps that take turns add up.
    none = jnp.zeros(()), jnp.zeros(())
    parts = {name: none for name in ('name', 'row')} | hints
    return LossSums(total, answers.weight, answers.parts | parts)

  def _look(self, queries, keys, around, places, shows):
    config, T = self.model.llm, keys.shape[1]
    angles = rope_angles(
      jnp.arange(T)[None], config.head_dim, config.rope_theta
    )

    def in_row(shown, at):  # [V], [V] -> [T]
      return jnp.zeros(T, bool).at[at].set(shown)

    losses = attention_losses(
      states_at(apply_rope(queries, *angles)[:, :, 0], around),
      apply_rope(keys, *angles)[:, :, 0],
      jnp.arange(T) <= around[:, :, None],
      jax.vmap(in_row)(shows, places)[:, None],
    ).mean(1)
    counts = shows.any(1)
    n = counts.sum().astype(jnp.float32)
    return jnp.where(counts, losses, 0.0).sum(), n


def shows_asked(batch) -> Bool[Array, 'B V']:
  """Whether each row of the video shows what is asked for."""
  return (batch['row_pairs'] == batch['asked_pair'][:, None, None]).any(-1)


def _clock(params, keys: Float[Array, 'B V D']):
  logits = apply_head(params, _CLOCK, keys)
  wanted = jnp.broadcast_to(jnp.arange(keys.shape[1]), logits.shape[:-1])
  losses = optax.softmax_cross_entropy_with_integer_labels(logits, wanted)
  return losses.sum(), jnp.asarray(losses.size, jnp.float32)


def _tell_rows(logits: Float[Array, '*B V'], shows: Bool[Array, '*#B V']):
  """How well it is told of each row whether it shows what is asked for."""
  shows = jnp.broadcast_to(shows, logits.shape)
  losses = optax.sigmoid_binary_cross_entropy(logits, shows)
  weights = jnp.where(shows, _SHOWN_WEIGHT, 1.0)
  return (weights * losses).sum(), weights.sum()


def _name(params, keys, row_pairs, queries, asked):
  """How well heads name what rows show, and what is asked for.

  Each kind of features counts as much.
  """
  asked = jnp.broadcast_to(asked[:, None, None], (*queries.shape[:2], 1))
  total = naming_losses(params, keys, row_pairs).mean()
  total += naming_losses(params, queries, asked).mean()
  return total, jnp.ones(())
