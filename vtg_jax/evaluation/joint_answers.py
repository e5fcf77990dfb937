"""Runs of several models over the same sentences, side by side."""

import dataclasses
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.records import SAMPLES, SETTINGS
from vtg_jax.moments.joint_confidence import (
  JointAnswers,
  JointConfidence,
  fit_joint,
)
from vtg_jax.moments.overlap import iou

Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Sentences:
  """What M models answered to N sentences, none of which failed.

  Attributes:
    given: their scores, and how far their answers overlap.
    ious: of each answer with what is true; 0 where nothing is.
    happens: whether each sentence happens.
    videos: of each sentence.
    spans: of each model, in order: start and end of each answer, None where
      it found none.
    gold: true spans of each sentence; none where it does not happen.
  """

  given: JointAnswers
  ious: Float[np.ndarray, 'N M']
  happens: Bool[np.ndarray, ' N']
  videos: list[str]
  spans: list[list[tuple[float, float] | None]]
  gold: list[list[tuple[float, float]]]

  def where(self, kept: Bool[np.ndarray, ' N']) -> 'Sentences':
    """Some of the sentences."""
    some = np.flatnonzero(kept)
    return Sentences(
      given=JointAnswers(
        scores=self.given.scores[some], overlaps=self.given.overlaps[some]
      ),
      ious=self.ious[some],
      happens=self.happens[some],
      videos=[self.videos[i] for i in some],
      spans=[[spans[i] for i in some] for spans in self.spans],
      gold=[self.gold[i] for i in some],
    )

  def of(self, members: Sequence[int]) -> 'Sentences':
    """Of some of the models."""
    members = list(members)
    return dataclasses.replace(
      self,
      given=JointAnswers(
        scores=self.given.scores[:, members],
        overlaps=self.given.overlaps[:, members][:, :, members],
      ),
      ious=self.ious[:, members],
      spans=[self.spans[m] for m in members],
    )


def side_by_side(
  runs: Mapping[str, Sequence[Record]], part: str = ''
) -> Sentences:
  """Lines of one part of a benchmark, of the sentences that no model failed.

  Args:
    runs: name of a model -> its lines, one a sentence, in the same order.
    part: of the benchmark.
  """
  together = [
    lines
    for lines in zip(*runs.values(), strict=True)
    if lines[0]['part'] == part and all(r['error'] is None for r in lines)
  ]
  n_models = len(runs)
  overlaps = np.tile(np.eye(n_models), (len(together), 1, 1))
  for i, lines in enumerate(together):
    for a, b in itertools.combinations(range(n_models), 2):
      both = lines[a]['pred_span'], lines[b]['pred_span']
      if None not in both:
        overlaps[i, a, b] = overlaps[i, b, a] = iou(*both)
  shape = (len(together), n_models)
  return Sentences(
    given=JointAnswers(
      scores=_numbers(together, 'score').reshape(shape), overlaps=overlaps
    ),
    ious=_numbers(together, 'iou').reshape(shape),
    happens=np.array([bool(lines[0]['gt_span']) for lines in together], bool),
    videos=[lines[0]['video'] for lines in together],
    spans=[
      [lines[m]['pred_span'] for lines in together] for m in range(n_models)
    ],
    gold=[lines[0]['gt_span'] or [] for lines in together],
  )


def _numbers(together, name: str) -> Float[np.ndarray, '...']:
  return np.array(
    [[r[name] or 0.0 for r in lines] for lines in together], np.float64
  )


def fit_all_joint(
  fingerprints: Mapping[str, str],
  held_out: Sentences,
  *,
  hit_iou: float,
  fitted_on: str,
) -> list[JointConfidence]:
  """Learns of every two models or more of some what they say together.

  Args:
    fingerprints: name -> of its checkpoint, in the order of the answers.
    held_out: their answers to learn from.
    hit_iou: what the IoU of a right answer exceeds.
    fitted_on: what was held out, in words.

  Returns:
    The one of all models last.

  Raises:
    BadInput: two models are the same, or see `fit_joint`.
  """
  names = list(fingerprints)
  if len(set(fingerprints.values())) < len(names):
    raise BadInput(f'two of {names} are the same checkpoint; give each once')
  found = []
  for n in range(2, len(names) + 1):
    for some in itertools.combinations(range(len(names)), n):
      answers = held_out.of(some)
      found.append(
        fit_joint(
          {fingerprints[names[m]]: names[m] for m in some},
          answers.given,
          answers.ious,
          answers.happens,
          hit_iou=hit_iou,
          fitted_on=fitted_on,
        )
      )
  return found


def read_runs(
  folders: Mapping[str, Path],
) -> tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]:
  """Reads whole runs of one benchmark.

  Args:
    folders: name of a model -> where its results lie.

  Returns:
    Settings and lines of each, the lines in the order of the sentences.

  Raises:
    BadInput: one cannot be read, or they are of other sentences or videos.
  """
  settings, runs = {}, {}
  for name, folder in folders.items():
    try:
      settings[name] = json.loads((folder / SETTINGS).read_text('utf-8'))
      text = (folder / SAMPLES).read_text('utf-8')
      lines = [json.loads(line) for line in text.splitlines()]
      runs[name] = sorted(lines, key=lambda line: line['sample'])
    except (OSError, ValueError, KeyError, TypeError) as error:
      raise BadInput(
        f'{folder} holds no whole run ({type(error).__name__}); evaluate '
        f'{name} there'
      ) from error
  for entry in ('items', 'videos', 'backend'):
    if len({one.get(entry) for one in settings.values()}) > 1:
      raise BadInput(
        f'the runs {[str(folder) for folder in folders.values()]} differ in '
        f'{entry}; evaluate all models on the same'
      )
  if len({len(lines) for lines in runs.values()}) > 1:
    raise BadInput('a run is not whole; evaluate that model to its end')
  return settings, runs
