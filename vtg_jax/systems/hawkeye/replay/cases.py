"""Replays recorded cases of HawkEye's rules through the library.

A file of cases is a JSON object: a key names a rule, its value holds the
cases. `RULES` says for each key which fields a case gives and which are
computed; a function of `case_rules` or `case_rules_data` stands between them
and sees only what is given.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.systems.hawkeye.replay import case_rules, case_rules_data
from vtg_jax.systems.replay import Comparison, compare_values, failure

FILE_NAME = 'cases.json'


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReplayedCases:
  """What came of a file of cases.

  Attributes:
    comparisons: one a case, in the file's order; what could not be replayed
      is there as a failure.
    values: the file with every computed field computed by us; None in place
      of what could not be.
  """

  comparisons: tuple[Comparison, ...]
  values: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
  """How the cases of one key are replayed.

  Attributes:
    replay: from the given fields of a case, and the whole file, to the
      computed fields.
    gives: fields that a case must have.
    computes: fields that a case must have, and that are compared. A field in
      both holds questions and answers side by side.
    may_give: fields that a case may have.
    one_case: the key holds one case whose computed fields are lists, with a
      result for each entry; otherwise the key holds a list of cases.
    tolerance: largest difference of floats that passes. Seconds and scores
      are float64 in the reference's order of operations.
    relative: whether the tolerance is relative to each number.
  """

  replay: Callable[[case_rules.Case, case_rules.Case], dict[str, Any]]
  gives: tuple[str, ...]
  computes: tuple[str, ...]
  may_give: tuple[str, ...] = ()
  one_case: bool = False
  tolerance: float = 1e-9
  relative: bool = False


RULES = {
  'coarse_label_no_truncation': Rule(
    replay=case_rules.coarse_label,
    gives=('example',),
    computes=('video_span', 'choice'),
  ),
  'random_crop_choice': Rule(
    replay=case_rules.random_crop,
    gives=('example', 'num_frames', 'min_gold_clips', 'draws'),
    computes=('num_draws', 'video_span', 'gt_relative', 'choice'),
  ),
  'random_crop_second_frame': Rule(
    replay=case_rules.timed_crop,
    gives=('example', 'method', 'num_frames', 'draws'),
    computes=('video_span', 'gt'),
  ),
  'train_frame_indices': Rule(
    replay=case_rules.train_frames,
    gives=(
      'num_frames',
      'vlen',
      'start_pos',
      'end_pos',
      'sample',
      'draws',
      'permutation_prefix',
    ),
    computes=('used_permutation_fallback', 'indices'),
  ),
  'decord_reader_middle': Rule(
    replay=case_rules.clip_frames,
    gives=('num_video_frames', 'fps', 'clip', 'num_frames', 'sample'),
    computes=('relative_indices', 'sec'),
  ),
  'eval_frame_indices': Rule(
    replay=case_rules.eval_frames,
    gives=('bound', 'fps', 'max_frame', 'num_segments'),
    computes=('indices',),
  ),
  'demo_frame_indices': Rule(
    replay=case_rules.demo_frames,
    gives=('num_frames', 'num_segments'),
    computes=('indices',),
  ),
  'recursive_grounding_traces': Rule(
    replay=case_rules.search,
    gives=('num_video_frames', 'fps', 'max_turns', 'rounds'),
    computes=(
      'duration',
      'initial_read_indices',
      'rounds',
      'pred_answer_list',
      'final_span',
    ),
  ),
  'iou': Rule(
    replay=case_rules.iou,
    gives=('pred', 'gts'),
    computes=('iou', 'ious'),
  ),
  'recursive_metrics': Rule(
    replay=case_rules.round_scores,
    gives=('examples', 'summary'),
    computes=('iou_per_turn', 'summary'),
    one_case=True,
  ),
  'videoqa_choice_metric': Rule(
    replay=case_rules.choice_match,
    gives=('pred', 'gt'),
    computes=('correct',),
  ),
  'frame_second_metrics': Rule(
    replay=case_rules.timed_answer,
    gives=('mode', 'pred', 'gt'),
    may_give=('video_secs', 'num_frames'),
    computes=('iou',),
  ),
  'videoqa_template': Rule(
    replay=case_rules.choice_question,
    gives=('data',),
    computes=('question', 'answer'),
  ),
  'stopping': Rule(
    replay=case_rules.stopping_rule,
    gives=('ids',),
    computes=('stop',),
  ),
  'prompts': Rule(
    replay=case_rules.prompts,
    gives=('system', 'messages'),
    computes=('prompt_no_answer', 'prompt_with_answer'),
  ),
  'process_qa': Rule(
    replay=case_rules_data.process_qa,
    gives=('qa', 'msg'),
    computes=('conversation', 'qformer_instruction'),
  ),
  'lr_schedule': Rule(
    replay=case_rules.learning_rates,
    gives=(
      'steps_per_epoch',
      'epochs',
      'warmup_steps',
      'base_lr',
      'min_lr_multi',
      'lr_at',
    ),
    computes=('total_steps', 'lr_at'),
    tolerance=1e-12,
    relative=True,
  ),
  'data_preparing': Rule(
    replay=case_rules_data.data_preparing,
    gives=(
      'instructions',
      'questions',
      'charades_lines',
      'charades_lengths',
      'anetc',
      'internvid_lines',
      'outputs',
    ),
    may_give=('note',),
    computes=('outputs',),
    one_case=True,
  ),
  'internvid_merge': Rule(
    replay=case_rules_data.merge,
    gives=('input_scenes', 'input_similarity', 'outputs'),
    computes=('outputs',),
    one_case=True,
  ),
  'internvid_negative_span': Rule(
    replay=case_rules_data.negative_spans,
    gives=(
      'captions',
      'durations',
      'scenes_and_similarity',
      'thresholds',
      'output_sorted_by_caption',
    ),
    computes=('output_sorted_by_caption',),
    one_case=True,
  ),
}


def replay_cases(folder: str | pathlib.Path) -> ReplayedCases:
  """Replays every entry of a folder's cases.json.

  Raises:
    BadInput: the file is missing or no JSON object.
  """
  path = pathlib.Path(folder) / FILE_NAME
  try:
    recorded = json.loads(path.read_text(encoding='utf-8'))
  except FileNotFoundError:
    raise BadInput(f'{path} is missing; give a folder that has it') from None
  except ValueError as error:
    raise BadInput(f'{path} is not JSON: {error}; fetch it again') from error
  if not isinstance(recorded, dict):
    raise BadInput(f'{path} holds no JSON object; fetch it again')
  return replay_values(recorded)


def replay_values(recorded: Mapping[str, Any]) -> ReplayedCases:
  """Replays the contents of a file of cases; never raises for them."""
  comparisons: list[Comparison] = []
  values: dict[str, Any] = {}
  for key, cases in recorded.items():
    rule = RULES.get(key)
    if rule is None:
      comparisons.append(failure(key, f'no rule replays {key!r}'))
      values[key] = None
    elif rule.one_case:
      ours, results = _replay_one(key, rule, cases, recorded)
      values[key] = ours
      comparisons += results
    elif not isinstance(cases, list):
      comparisons.append(failure(key, 'is no list of cases'))
      values[key] = None
    else:
      values[key] = []
      for i, case in enumerate(cases):
        ours, result = _replay_listed(f'{key}[{i}]', rule, case, recorded)
        values[key].append(ours)
        comparisons.append(result)
  return ReplayedCases(comparisons=tuple(comparisons), values=values)


def _replay_listed(
  name: str, rule: Rule, case: Any, file: Mapping[str, Any]
) -> tuple[Any, Comparison]:
  """One case of a list, one result."""
  computed = _compute(rule, case, file)
  if isinstance(computed, str):
    return None, failure(name, computed, tolerance=rule.tolerance)
  want = {field: case[field] for field in rule.computes}
  return {**case, **computed}, _compare(name, rule, computed, want)


def _replay_one(
  key: str, rule: Rule, case: Any, file: Mapping[str, Any]
) -> tuple[Any, list[Comparison]]:
  """One large case, a result for each entry of its computed lists."""
  computed = _compute(rule, case, file)
  if isinstance(computed, str):
    return None, [failure(key, computed, tolerance=rule.tolerance)]
  results = []
  for field in rule.computes:
    name, got, want = f'{key}.{field}', computed[field], case[field]
    if not isinstance(want, Sequence) or len(got) != len(want):
      results.append(_compare(name, rule, got, want))
      continue
    results += [
      _compare(f'{name}[{i}]', rule, g, w)
      for i, (g, w) in enumerate(zip(got, want, strict=True))
    ]
  return {**case, **computed}, results


def _compute(
  rule: Rule, case: Any, file: Mapping[str, Any]
) -> dict[str, Any] | str:
  """The computed fields of a case, or why they could not be computed."""
  if not isinstance(case, Mapping):
    return f'case is a {type(case).__name__}, not an object'
  needed = {*rule.gives, *rule.computes}
  missing = sorted(needed - set(case))
  unknown = sorted(set(case) - needed - set(rule.may_give))
  if missing or unknown:
    return f'fields missing: {missing}, unknown: {unknown}'
  given = {
    field: case[field]
    for field in (*rule.gives, *rule.may_give)
    if field in case
  }
  try:
    return rule.replay(given, file)
  except Exception as error:  # whatever a strange case sets off is its result
    return f'{type(error).__name__}: {error}'


def _compare(name: str, rule: Rule, got: Any, want: Any) -> Comparison:
  return compare_values(name, got, want, rule.tolerance, relative=rule.relative)
