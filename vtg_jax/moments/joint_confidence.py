"""How sure one may be of an answer, from several systems' scores and overlaps.

    logit P(a is right) = w0 + sum over systems of w * logit(score)
                             + sum over the others of v * IoU(a, other)

and likewise for P(the query happens), of the IoUs of all pairs. A file keeps
the weights of any sets of checkpoints:
  {'format': 1,
   'joint': [{'models': {'e3b0...': 'hawkeye_small', '01ba...': 'other'},
              'right': [[0.1, 0.8, 0.2, 3.0], [...]],
              'happens': [0.4, 0.2, 0.1, 2.5], 'hit_iou': 0.5,
              'n_present': 900, 'n_absent': 600,
              'fitted_on': 'ShapeStories, seeds 1000000:1000200'}, ...]}
"""

import contextlib
import dataclasses
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from vtg_jax.errors import BadInput
from vtg_jax.moments.agreement import Confidence, overlaps
from vtg_jax.moments.logistic import fit_logistic, sigmoid
from vtg_jax.moments.moment import Absent, Moment, check_probability
from vtg_jax.moments.score_map import is_number, logits_of

FILE = 'agreement.json'
# Another format is not read.
FORMAT = 1
# Scores nearer to 0 or 1 say no more than these: systems that are always sure
# would drown the others.
_MARGIN = 1e-4
# Of weights in units of their column's spread.
_RIDGE = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class JointAnswers:
  """Best answers of M systems to N queries.

  Attributes:
    scores: as the systems give them, 0..1.
    overlaps: IoU of each two, 0 with one that is absent.
  """

  scores: Float[np.ndarray, 'N M']
  overlaps: Float[np.ndarray, 'N M M']

  @property
  def logits(self) -> Float[np.ndarray, 'M N']:
    """Of the scores, a row a system."""
    return logits_of(self.scores.T, margin=_MARGIN)

  def overlaps_of(self, member: int) -> Float[np.ndarray, 'K N']:
    """IoU of one system's answers with each other one's, in order."""
    return np.delete(self.overlaps[:, member], member, axis=1).T

  @property
  def pairs(self) -> Float[np.ndarray, 'K N']:
    """IoU of each two, a row a pair."""
    n = self.scores.shape[1]
    pairs = list(itertools.combinations(range(n), 2))
    return np.stack([self.overlaps[:, a, b] for a, b in pairs])


@dataclasses.dataclass(frozen=True, kw_only=True)
class JointConfidence:
  """What held-out answers say about some checkpoints together.

  Attributes:
    models: fingerprint of each checkpoint -> what it is called; in the order
      of all else.
    right: weights of each one's probability to be right, as in the head of
      this file: a constant, the logits, the IoUs with the others.
    happens: weights of the probability that the query happens: a constant,
      the logits, the IoUs of all pairs.
    hit_iou: what the IoU of a right answer exceeds.
    n_present: held-out queries that happen.
    n_absent: and that do not.
    fitted_on: what was held out, in words.
  """

  models: Mapping[str, str]
  right: tuple[tuple[float, ...], ...]
  happens: tuple[float, ...]
  hit_iou: float
  n_present: int
  n_absent: int
  fitted_on: str = ''

  def __post_init__(self):
    n = len(self.models)
    if n < 2:
      raise ValueError(f'{n} models have nothing to agree on; give two')
    wanted = [2 * n] * n + [1 + n + n * (n - 1) // 2]
    weights = [*self.right, self.happens]
    if [len(row) for row in weights] != wanted:
      raise ValueError(f'the weights of {n} models are {wanted} numbers')
    if not all(is_number(x) for row in weights for x in row):
      raise ValueError('a weight is no finite number')
    if not is_number(self.hit_iou):
      raise ValueError(f'hit_iou {self.hit_iou!r} is no number')
    check_probability('hit_iou', self.hit_iou)

  def probabilities(self, given: JointAnswers) -> Float[np.ndarray, 'M N']:
    """Returns of each system, in order, how likely its answers are right."""
    return np.stack(
      [
        sigmoid(np.asarray(weights) @ columns_of_right(given, member))
        for member, weights in enumerate(self.right)
      ]
    )

  def presence(self, given: JointAnswers) -> Float[np.ndarray, ' N']:
    """Returns how likely the queries happen."""
    return sigmoid(np.asarray(self.happens) @ columns_of_presence(given))

  def confidence(
    self, answers: Mapping[str, tuple[str, Moment | Absent]]
  ) -> Confidence:
    """Returns how sure one may be of the answers to one query.

    Args:
      answers: what to call a system -> the fingerprint of its checkpoint, and
        its best answer with the system's own score.

    Raises:
      ValueError: they are other checkpoints, or a score was calibrated.
    """
    names = {of: name for name, (of, _) in answers.items()}
    if names.keys() != self.models.keys():
      raise ValueError('these are not the checkpoints that were fitted')
    best = [answers[names[of]][1] for of in self.models]
    if any(one.calibrated for one in best):
      raise ValueError('an answer is calibrated already; give raw scores')
    given = JointAnswers(
      scores=np.array([[one.score for one in best]], np.float64),
      overlaps=overlaps(best)[None],
    )
    found = {
      names[of]: 0.0 if isinstance(one, Absent) else float(probability)
      for of, one, (probability,) in zip(
        self.models, best, self.probabilities(given), strict=True
      )
    }
    return Confidence(
      right={name: found[name] for name in answers},
      happens=float(self.presence(given)[0]),
      hit_iou=self.hit_iou,
    )

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types, as in the head of this file."""
    return {
      **dataclasses.asdict(self),
      'models': dict(self.models),
      'right': [list(row) for row in self.right],
      'happens': list(self.happens),
    }


def columns_of_right(
  given: JointAnswers, member: int
) -> Float[np.ndarray, 'K N']:
  """What tells whether one system's answers are right."""
  return _with_constant([*given.logits, *given.overlaps_of(member)])


def columns_of_presence(given: JointAnswers) -> Float[np.ndarray, 'K N']:
  """What tells whether queries happen."""
  return _with_constant([*given.logits, *given.pairs])


def fit_joint(
  models: Mapping[str, str],
  given: JointAnswers,
  ious: Float[np.ndarray, 'N M'],
  happens: Bool[np.ndarray, ' N'],
  *,
  hit_iou: float = 0.5,
  fitted_on: str = '',
) -> JointConfidence:
  """Learns from held-out answers what scores and overlaps are worth.

  Args:
    models: fingerprint -> name, in the order of the answers.
    given: held-out answers.
    ious: of each with what is true; not looked at where a query does not
      happen.
    happens: whether each query happens.
    hit_iou: what the IoU of a right answer exceeds.
    fitted_on: what was held out, in words.

  Raises:
    BadInput: no query that happens or none that does not, or scores that are
      no probabilities.
  """
  n_present, n_absent = int(happens.sum()), int((~happens).sum())
  if not n_present or not n_absent:
    raise BadInput(
      f'{n_present} held-out queries happen and {n_absent} do not; calibrate '
      'on some of both'
    )
  present = JointAnswers(
    scores=given.scores[happens], overlaps=given.overlaps[happens]
  )
  try:
    return JointConfidence(
      models=dict(models),
      right=tuple(
        fit_weights(columns_of_right(present, member), came_true > hit_iou)
        for member, came_true in enumerate(ious[happens].T)
      ),
      happens=fit_weights(columns_of_presence(given), happens),
      hit_iou=hit_iou,
      n_present=n_present,
      n_absent=n_absent,
      fitted_on=fitted_on,
    )
  except ValueError as error:
    raise BadInput(f'these scores cannot be calibrated: {error}') from error


def fit_weights(
  columns: Float[np.ndarray, 'K N'], came_true: Bool[np.ndarray, ' N']
) -> tuple[float, ...]:
  """Returns the logistic weights of columns, the first of which is constant.

  The outcomes count a little less than certain, as in `fit_temperature`.
  """
  middle, spread = columns.mean(axis=1), columns.std(axis=1)
  spread[spread == 0] = 1.0
  middle[0] = 0.0
  even = (columns - middle[:, None]) / spread[:, None]
  n_true = float(came_true.sum())
  targets = np.where(
    came_true, (n_true + 1) / (n_true + 2), 1 / (len(came_true) - n_true + 2)
  )
  ridge = np.full(len(even), _RIDGE)
  ridge[0] = 0.0
  weights = fit_logistic(even, targets, np.zeros(len(even)), ridge=ridge)
  weights = weights / spread
  weights[0] -= float(weights[1:] @ middle[1:])
  return tuple(weights.tolist())


def write_joint(path: str | os.PathLike, new: Sequence[JointConfidence]):
  """Adds to a file, whole or not at all, what replaces the same checkpoints'.

  Raises:
    BadInput: it cannot be written, or what is there is no such file.
  """
  path = Path(path)
  known = {frozenset(one.models): one for one in read_joint(path)}
  known |= {frozenset(one.models): one for one in new}
  written = {
    'format': FORMAT,
    'joint': [one.to_json() for one in known.values()],
  }
  partial = path.with_name(f'.{path.name}.partial')
  try:
    partial.write_text(json.dumps(written, indent=1) + '\n')
    os.replace(partial, path)
  except OSError as error:
    with contextlib.suppress(OSError):
      partial.unlink()
    raise BadInput(
      f'{path} cannot be written ({error.strerror}); make room, or choose '
      'another place'
    ) from error


def read_joint(path: str | os.PathLike) -> list[JointConfidence]:
  """Reads a file; nothing where there is none.

  Raises:
    BadInput: the file cannot be read, has another format, or holds what makes
      no such thing.
  """
  try:
    text = Path(path).read_text(encoding='utf-8')
  except FileNotFoundError:
    return []
  except (OSError, UnicodeDecodeError) as error:
    raise BadInput(
      f'{path} cannot be read ({type(error).__name__}); restore it, or delete '
      'it to go without a combined confidence'
    ) from error
  try:
    return _from_json(json.loads(text))
  except (ValueError, TypeError, RecursionError) as error:
    raise BadInput(
      f'{path} holds no combined confidence ({" ".join(str(error).split())}); '
      'fit it anew, or delete it to go without'
    ) from error


def _from_json(written: Any) -> list[JointConfidence]:
  if not isinstance(written, Mapping) or written.get('format') != FORMAT:
    raise ValueError(f'it has not format {FORMAT}')
  found = []
  for entries in written['joint'] if 'joint' in written else ():
    entries = dict(entries)
    if not isinstance(entries.get('models'), Mapping):
      raise ValueError('models is no table')
    entries['right'] = tuple(tuple(row) for row in entries.get('right', ()))
    entries['happens'] = tuple(entries.get('happens', ()))
    found.append(JointConfidence(**entries))
  return found


def _with_constant(rows) -> Float[np.ndarray, 'K N']:
  return np.stack([np.ones_like(rows[0]), *rows])
