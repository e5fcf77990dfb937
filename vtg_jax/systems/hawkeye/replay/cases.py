"""Recorded cases of HawkEye's rules, and what of the library computes them.

`RULES` says for each key which fields a case gives and which are computed, by
a function of `case_rules` or `case_rules_data`.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from vtg_jax.systems.hawkeye.replay import case_rules, case_rules_data
from vtg_jax.systems.replay import cases as engine
from vtg_jax.systems.replay.cases import ReplayedCases, Rule

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


def find_rule(key: str, _: Any) -> Rule | None:
  """The rule of a key, whatever its cases."""
  return RULES.get(key)


def replay_cases(folder: str | pathlib.Path) -> ReplayedCases:
  """Replays every entry of a folder's cases.json.

  Raises:
    BadInput: the file is missing or no JSON object.
  """
  return replay_values(engine.read_cases(folder))


def replay_values(recorded: Mapping[str, Any]) -> ReplayedCases:
  """Replays the contents of a file of cases; never raises for them."""
  return engine.replay_values(recorded, find_rule)
