"""Recorded cases of ReVisionLLM's search, and what computes them."""

import functools
import re
from collections.abc import Callable
from typing import Any

from vtg_jax.systems.replay_cases import Case, Rule
from vtg_jax.systems.revisionllm.replay import case_rules

# A frame's index in every dense window.
_INDEX = re.compile(r'index_\d+')
# A window's length and the frames shown of it.
_SIZE = re.compile(r'window_(\d+(?:\.\d+)?)_frames_(\d+)')

_DENSE = ('answers', 'num_frames_clip', 'num_frames_video', 'gt_fraction')
_PARSED = ('clip_frames', 'ious', 'kept_entropies')


def find_rule(key: str, cases: Any) -> Rule | None:
  """The rule that replays the cases of a key; None where there is none."""
  match key:
    case 'dense_windows':
      return _dense_windows(cases)
    case 'seconds_to_frame_label':
      return _frame_labels(cases)
  return RULES.get(key)


def _rule(replay: Callable[[Case], dict], **options) -> Rule:
  """A rule whose function does not look at the rest of the file."""
  return Rule(replay=lambda case, _: replay(case), **options)


def _without_scores(case: Case, file: Case) -> dict[str, Any]:
  """The answers are those of another key, read without their entropies."""
  others = {field: file['dense_parse'][field] for field in _DENSE}
  return case_rules.dense_answers({**others, **case})


def _dense_windows(cases: Any) -> Rule:
  """Which frames of a window are told is known by their fields' names."""
  told = {
    field
    for case in (cases if isinstance(cases, list) else [])
    if isinstance(case, dict)
    for field in case
    if _INDEX.fullmatch(field)
  }
  return _rule(
    case_rules.dense_windows,
    gives=('fps', 'window', 'num_frames', 'n_feature_frames', 'calls'),
    may_give=('duration', 'query_shapes', 'prompt', 'errors'),
    computes=('num_windows', 'first_index', 'last_index', 'calls'),
    may_compute=('query_shapes', 'prompt', *sorted(told)),
  )


def _frame_labels(cases: Any) -> Rule:
  """Windows and their frames are told by the fields' names."""
  sizes = {
    field: (float(found[1]), int(found[2]))
    for field in (cases if isinstance(cases, dict) else {})
    if (found := _SIZE.fullmatch(field))
  }
  return _rule(
    functools.partial(case_rules.frame_labels, sizes),
    gives=tuple(sizes),
    may_give=('note',),
    computes=tuple(sizes),
    one_case=True,
  )


RULES = {
  'dense_parse': _rule(
    case_rules.dense_answers,
    gives=_DENSE,
    may_give=('entropies',),
    computes=_PARSED,
    one_case=True,
  ),
  'dense_parse_no_scores': Rule(
    replay=_without_scores,
    gives=(),
    may_give=_DENSE,
    computes=(),
    may_compute=_PARSED,
    one_case=True,
  ),
  'sparse_parse': _rule(
    case_rules.sparse_answers,
    gives=(
      'answers',
      'num_frames_video',
      'starts',
      'permutations',
      'zooms',
      'grounding_windows',
      'gt',
    ),
    computes=('frames', 'hit'),
    one_case=True,
  ),
  'gt_windows': _rule(
    case_rules.touched_windows,
    gives=('start', 'end', 'duration'),
    computes=('result',),
  ),
  'sparse_windows': _rule(
    case_rules.sparse_windows,
    gives=(
      'window',
      'num_frames',
      'fps',
      'batch',
      'n_feature_frames',
      'calls',
    ),
    may_give=('duration', 'stride_divisor', 'prompt', 'errors'),
    computes=('calls',),
    may_compute=('prompt',),
  ),
  'bottom_up_restriction': _rule(
    case_rules.restricted,
    gives=('duration', 'present_dense_windows', 'batch', 'calls'),
    may_give=(
      'num_dense',
      'errors',
      'window',
      'num_frames',
      'fps',
      'n_feature_frames',
    ),
    computes=('calls',),
  ),
  'recall_metrics': _rule(
    case_rules.recall, gives=('logs',), computes=('metrics',)
  ),
  'entropy': _rule(
    case_rules.entropies,
    gives=('logits',),
    computes=('stats_max_min_mean_std',),
    one_case=True,
    # The records are rounded to six decimals.
    tolerance=2e-6,
  ),
}
