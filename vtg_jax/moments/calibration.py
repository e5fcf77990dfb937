"""What a system's scores are worth, and when to answer "not in this video".

A checkpoint folder keeps it as calibration.json:
  {'format': 1,
   'moment': {'kind': 'isotonic', 'scores': [...], 'probabilities': [...]},
   'presence': {'kind': 'temperature', 'slope': 0.8, 'offset': -1.2,
                'of_probabilities': True},
   'absent_scores': [0.01, 0.02, 0.3],
   'hit_iou': 0.5, 'n_present': 500, 'fitted_on': 'ShapeStories validation'}
"""

import contextlib
import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.moments.moment import Absent, Moment, check_probability
from vtg_jax.moments.score_map import (
  Isotonic,
  Scores,
  Temperature,
  fit_isotonic,
  fit_temperature,
  is_number,
  score_map,
)

FILE = 'calibration.json'
# Another format is not read.
FORMAT = 1
KINDS = ('isotonic', 'temperature')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
  """What held-out answers say about a system's scores.

  The score is that of a query's best moment, as the system gives it.

  Attributes:
    moment: score -> probability that the moment is right, its IoU above
      `hit_iou`, where the query happens.
    presence: score -> probability that the query happens at all, where
      queries are as often absent as in the held-out ones.
    absent_scores: of held-out queries that do not happen, rising.
    hit_iou: what the IoU of a right moment exceeds.
    n_present: held-out queries that happen.
    fitted_on: what was held out, in words.
  """

  moment: Temperature | Isotonic
  presence: Temperature | Isotonic
  absent_scores: tuple[float, ...]
  hit_iou: float
  n_present: int
  fitted_on: str = ''

  def __post_init__(self):
    rising = tuple(self.absent_scores)
    object.__setattr__(self, 'absent_scores', rising)
    if not all(is_number(score) for score in rising):
      raise ValueError('absent_scores holds what is no finite number')
    if list(rising) != sorted(rising):
      raise ValueError('absent_scores does not rise')
    if not is_number(self.hit_iou):
      raise ValueError(f'hit_iou {self.hit_iou!r} is no number')
    check_probability('hit_iou', self.hit_iou)
    if type(self.n_present) is not int or self.n_present < 1:
      raise ValueError(f'n_present {self.n_present!r} is no number from 1 up')
    if not isinstance(self.fitted_on, str):
      raise ValueError(f'fitted_on {self.fitted_on!r} is no text')

  def threshold(self, false_alarm_rate: float) -> float:
    """Returns the score that a moment needs at some rate of false alarms.

    A false alarm is a moment given for a query that does not happen. Where
    such queries are exchangeable with the n held-out ones, as draws from one
    source are, the chance that one scores at least the threshold is no more
    than the rate, whatever the scores' distribution and however small n is:
    the threshold lies just above the k-th lowest held-out score with
    k = n + 1 - floor((n + 1) * rate), the split-conformal quantile.

    The chance is over the held-out queries too. With those given, the rate
    that comes about is off by about sqrt(rate * (1 - rate) / n) either way.

    Source: Vovk, Gammerman and Shafer (2005); Lei et al. (2018), section 2.

    Args:
      false_alarm_rate: above 0 and below 1.

    Raises:
      BadInput: a rate outside, or one for which too few absent queries were
        held out.
    """
    if not 0 < false_alarm_rate < 1:
      raise BadInput(
        f'a false-alarm rate of {false_alarm_rate} cannot be kept; give one '
        'above 0 and below 1'
      )
    n = len(self.absent_scores)
    # The summand lets 0.1 of 10 be 1.
    n_above = math.floor((n + 1) * false_alarm_rate + 1e-9)
    if not n_above:
      need = math.ceil(1 / false_alarm_rate - 1e-9) - 1
      raise BadInput(
        f'a false-alarm rate of {false_alarm_rate} needs {need} held-out '
        f'absent queries, and this calibration has {n}; ask for '
        f'{1 / (n + 1):.4f} or more, or calibrate on more'
      )
    if n_above > n:  # only with no held-out query at all
      raise BadInput(
        'this calibration has no held-out absent queries; calibrate on some'
      )
    return math.nextafter(self.absent_scores[n - n_above], math.inf)

  def judged(
    self,
    answers: Sequence[Moment | Absent],
    *,
    false_alarm_rate: float | None = None,
    absent_below: float | None = None,
  ) -> list[Moment | Absent]:
    """Returns a query's answers with calibrated scores, or that it is absent.

    Args:
      answers: of one query, best first, with the system's own scores.
      false_alarm_rate: answer `Absent` where the best score is below the
        `threshold` of this rate. The system's own score is compared: the maps
        may make unequal ones equal.
      absent_below: answer `Absent` where the query happens with less than
        this probability.

    Returns:
      The answers; with neither rule, those that the system found absent still
      are.

    Raises:
      BadInput: see `threshold`; or both rules.
      ValueError: an answer was calibrated already.
    """
    if any(answer.calibrated for answer in answers):
      raise ValueError('an answer is calibrated already; give raw scores')
    if false_alarm_rate is not None and absent_below is not None:
      raise BadInput(
        'false_alarm_rate and absent_below are two rules for the same answer; '
        'give one'
      )
    if not answers:
      return []
    best = answers[0]
    present = _one(self.presence, best.score)
    if absent_below is not None and present < absent_below:
      return [_absent(best, present, absent_below)]
    if false_alarm_rate is not None:
      needed = self.threshold(false_alarm_rate)
      if best.score < needed:
        return [_absent(best, present, _one(self.presence, needed))]
    return [
      _absent(
        one,
        _one(self.presence, one.score),
        _one(self.presence, one.threshold),
      )
      if isinstance(one, Absent)
      else dataclasses.replace(
        one, score=_one(self.moment, one.score), calibrated=True
      )
      for one in answers
    ]

  def to_json(self) -> dict[str, Any]:
    """Returns plain JSON types, as in the head of this file."""
    return {
      'format': FORMAT,
      'moment': self.moment.to_json(),
      'presence': self.presence.to_json(),
      'absent_scores': list(self.absent_scores),
      'hit_iou': self.hit_iou,
      'n_present': self.n_present,
      'fitted_on': self.fitted_on,
    }


def fit_calibration(
  scores: Scores,
  ious: Sequence[float | None],
  *,
  kind: str = 'isotonic',
  hit_iou: float = 0.5,
  of_probabilities: bool = True,
  fitted_on: str = '',
) -> Calibration:
  """Learns from held-out answers what scores are worth.

  Args:
    scores: of each query's best moment, as the system gives it.
    ious: of the same moment; None where the query does not happen.
    kind: 'isotonic' follows any rising curve and wants hundreds of answers;
      'temperature' follows a logistic one and makes do with dozens.
    hit_iou: what the IoU of a right moment exceeds.
    of_probabilities: whether scores are probabilities, for 'temperature';
      False takes them for logits.
    fitted_on: what was held out, in words.

  Raises:
    BadInput: an unknown kind, no query that happens or none that does not, or
      scores that cannot be calibrated.
  """
  if kind not in KINDS:
    raise BadInput(f'calibration {kind!r} is unknown; use one of {KINDS}')
  if len(scores) != len(ious):
    raise ValueError(f'{len(scores)=} but {len(ious)=}; give one IoU a score')
  answers = [
    (float(score), iou) for score, iou in zip(scores, ious, strict=True)
  ]
  present = [(score, iou) for score, iou in answers if iou is not None]
  absent = sorted(score for score, iou in answers if iou is None)
  if not present or not absent:
    raise BadInput(
      f'{len(present)} held-out queries happen and {len(absent)} do not; '
      'calibrate on some of both'
    )

  def fitted(scores, came_true):
    if kind == 'isotonic':
      return fit_isotonic(scores, came_true)
    return fit_temperature(scores, came_true, of_probabilities=of_probabilities)

  try:
    return Calibration(
      moment=fitted(
        [score for score, _ in present], [iou > hit_iou for _, iou in present]
      ),
      presence=fitted(
        [score for score, _ in answers], [iou is not None for _, iou in answers]
      ),
      absent_scores=tuple(absent),
      hit_iou=hit_iou,
      n_present=len(present),
      fitted_on=fitted_on,
    )
  except ValueError as error:
    raise BadInput(f'these scores cannot be calibrated: {error}') from error


def write_calibration(
  folder: str | os.PathLike, calibration: Calibration
) -> Path:
  """Writes the file of a folder, whole or not at all; returns where.

  Raises:
    BadInput: it cannot be written.
  """
  path = Path(folder) / FILE
  partial = path.with_name(f'.{FILE}.partial')
  try:
    partial.write_text(json.dumps(calibration.to_json(), indent=1) + '\n')
    os.replace(partial, path)
  except OSError as error:
    with contextlib.suppress(OSError):
      partial.unlink()
    raise BadInput(
      f'{path} cannot be written ({error.strerror}); make room, or choose '
      'another folder'
    ) from error
  return path


def read_calibration(folder: str | os.PathLike) -> Calibration | None:
  """Reads the file of a folder; None where there is none.

  Raises:
    BadInput: the file cannot be read, has another format, or holds what makes
      no calibration.
  """
  path = Path(folder) / FILE
  try:
    text = path.read_text(encoding='utf-8')
  except FileNotFoundError:
    return None
  except (OSError, UnicodeDecodeError) as error:
    raise BadInput(
      f'{path} cannot be read ({type(error).__name__}); restore it, or delete '
      'it to go without calibration'
    ) from error
  try:
    return calibration_from_json(json.loads(text))
  except (ValueError, RecursionError) as error:
    raise BadInput(
      f'{path} is no calibration ({" ".join(str(error).split())}); fit it '
      'anew, or delete it to go without'
    ) from error


def calibration_from_json(written: Any) -> Calibration:
  """Makes a calibration of what `to_json` returned.

  Raises:
    ValueError: another format, an entry too few or too many, or one that
      cannot be.
  """
  if not isinstance(written, Mapping):
    raise ValueError('it holds no table')
  entries = dict(written)
  if (found := entries.pop('format', None)) != FORMAT:
    raise ValueError(f'its format is {found!r}, and {FORMAT} is read here')
  wanted = {field.name for field in dataclasses.fields(Calibration)}
  if entries.keys() != wanted:
    raise ValueError(f'its entries differ in {sorted(entries.keys() ^ wanted)}')
  if not isinstance(entries['absent_scores'], list):
    raise ValueError('absent_scores is no list')
  for name in ('moment', 'presence'):
    entries[name] = score_map(entries[name])
  return Calibration(**entries)


def _absent(best: Moment | Absent, present: float, needed: float) -> Absent:
  """What is said in place of `best`; both are probabilities of presence."""
  return Absent(
    score=present,
    threshold=needed,
    query=best.query,
    calibrated=True,
    rounds=best.rounds,
    system=best.system,
    looked_at=best.looked_at,
    cost=best.cost,
  )


def _one(found: Temperature | Isotonic, score: float) -> float:
  return float(found([score])[0])
