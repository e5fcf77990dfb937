"""HawkEye's recorded rules: which library function computes which field.

Each function goes from the given fields of a case, and the whole file, to the
computed fields of the case. The functions only rename fields; whatever is
computed is computed by the library.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from input_pipeline import frame_choice, hawkeye_samples
from vtg_jax.decode import stopping
from vtg_jax.metrics import grounding, question_answering
from vtg_jax.moments import coarse, coarse_crop
from vtg_jax.recursion.interval_tree import STOP, grow_tree
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.config import RELEASED_STOP_IDS
from vtg_jax.systems.hawkeye.frames import frames_of_interval
from vtg_jax.systems.replay.cases import Case
from vtg_jax.train import schedule

# Coarse time and crops.


def _target(case: Case) -> coarse_crop.TargetSpan:
  return hawkeye_samples.target_span(case['example'])


def coarse_label(case: Case, _: Case) -> dict[str, Any]:
  """Labels the whole negative span by the strict rule."""
  crop = coarse_crop.whole_crop(_target(case))
  return {'video_span': [crop.start_s, crop.end_s], 'choice': crop.category}


def random_crop(case: Case, _: Case) -> dict[str, Any]:
  """Draws a crop with the recorded draws."""
  draws = _Draws(case['draws'])
  crop = coarse_crop.random_crop(
    _target(case),
    draws,
    num_frames=case['num_frames'],
    min_gold_clips=case['min_gold_clips'],
  )
  return {
    'num_draws': draws.taken,
    'video_span': [crop.start_s, crop.end_s],
    'gt_relative': [crop.target_start, crop.target_end],
    'choice': crop.category,
  }


_TIMED_CROPS = {
  'second': coarse_crop.random_crop_seconds,
  'frame': coarse_crop.random_crop_frames,
}


def timed_crop(case: Case, _: Case) -> dict[str, Any]:
  """Draws a crop whose answer is seconds or frames."""
  crop = _TIMED_CROPS[case['method']](
    _target(case), _Draws(case['draws']), num_frames=case['num_frames']
  )
  return {
    'video_span': [crop.start_s, crop.end_s],
    'gt': [crop.target_start, crop.target_end],
  }


# Frames.


def train_frames(case: Case, _: Case) -> dict[str, Any]:
  """Chooses frames for training, with recorded random numbers."""
  recorded = _RecordedGenerator(case)
  clip = {'start_frac': case['start_pos'], 'end_frac': case['end_pos']}
  if case['sample'] == 'middle':
    indices = frame_choice.middle_frame_indices(
      case['vlen'], case['num_frames'], **clip
    )
  elif case['sample'] == 'rand':
    indices = frame_choice.train_frame_indices(
      case['vlen'], case['num_frames'], **clip, rng=recorded
    )
  else:
    raise ValueError(f'sample {case["sample"]!r} is unknown')
  return {
    'used_permutation_fallback': recorded.permuted,
    'indices': indices.tolist(),
  }


def clip_frames(case: Case, _: Case) -> dict[str, Any]:
  """Chooses the middle frames of a clip and tells their seconds."""
  if case['sample'] != 'middle':
    raise ValueError(f'sample {case["sample"]!r} is unknown')
  count, fps = case['num_video_frames'], case['fps']
  start_frac, end_frac = frame_choice.clip_fractions(case['clip'], count, fps)
  indices = frame_choice.middle_frame_indices(
    count, case['num_frames'], start_frac=start_frac, end_frac=end_frac
  )
  relative = frame_choice.clip_relative_indices(indices, count, start_frac)
  times_s = frame_choice.message_times_s(relative, fps)
  return {
    'relative_indices': relative.tolist(),
    'sec': frame_choice.message_seconds(times_s),
  }


def eval_frames(case: Case, _: Case) -> dict[str, Any]:
  """Chooses frames as the evaluators do."""
  indices = frame_choice.eval_frame_indices(
    case['bound'], case['fps'], case['max_frame'], case['num_segments']
  )
  return {'indices': indices.tolist()}


def demo_frames(case: Case, _: Case) -> dict[str, Any]:
  """Chooses frames as the demo does."""
  indices = frame_choice.demo_frame_indices(
    case['num_frames'], case['num_segments']
  )
  return {'indices': indices.tolist()}


# Search.


def search(case: Case, _: Case) -> dict[str, Any]:
  """Searches with scripted replies.

  Of a round it takes the reply, the option order, and the bare question.

  How many frames a round shows is read off the first round's list.
  """
  count, fps = case['num_video_frames'], case['fps']
  video = _UnseenVideo(n_frames=count, fps=fps)
  n_frames = len(case['rounds'][0]['frame_indices'])
  shown_of = frames_of_interval(video, 'paper', n_frames)
  tree = grow_tree(
    video.paper_duration_s,
    case['max_turns'],
    choices=coarse.CATEGORIES,
    narrow=coarse.narrow,
    stop='throughout',
  )
  node, answers, rounds = 0, [], []
  while node != STOP:
    script = case['rounds'][len(answers)]
    order = script['option_order']
    bare_question = script['question'].split('\nOptions:')[0]
    shown = shown_of(float(tree.start_s[node]), float(tree.end_s[node]))
    answer = coarse.parse_answer(script['llm_message'], order)
    rounds.append(
      {
        'scripted': script['scripted'],
        'llm_message': script['llm_message'],
        'question': coarse.with_options(
          bare_question, coarse.option_lines(order)
        ),
        'video_msg': prompt.video_message(shown.times_s),
        'option_order': order,
        'frame_indices': shown.frame_ids.tolist(),
        'pred_answer': answer,
      }
    )
    answers.append(answer)
    node = tree.next_node[node, tree.choices.index(answer)]
  return {
    'duration': video.paper_duration_s,
    'initial_read_indices': rounds[0]['frame_indices'],
    'rounds': rounds,
    'pred_answer_list': answers,
    'final_span': list(coarse.span_of_path(video.paper_duration_s, answers)),
  }


class _UnseenVideo:
  """The numbers of a video file of which a record has no frames."""

  is_folder = False

  def __init__(self, *, n_frames: int, fps: float):
    self.n_frames, self.fps = n_frames, fps
    self.paper_duration_s = n_frames / fps
    self.times_s = np.arange(n_frames) / fps


# Scores.


def iou(case: Case, _: Case) -> dict[str, Any]:
  """Overlaps a span with each true span."""
  return {
    'iou': grounding.best_iou(case['pred'], case['gts']),
    'ious': [grounding.iou(case['pred'], gold) for gold in case['gts']],
  }


def round_scores(case: Case, _: Case) -> dict[str, Any]:
  """Scores answers round by round.

  Of the summary it takes the numbers of rounds and the thresholds."""
  turns = [entry['turns'] for entry in case['summary']]
  thresholds = sorted(
    {float(t) for entry in case['summary'] for t in entry['recall']}
  )
  ious = [
    grounding.ious_by_round(
      example['duration'],
      example['pred_answer_list'],
      grounding.gold_spans({'span': example['gt_span']}),
      max_rounds=max(turns),
    )
    for example in case['examples']
  ]
  by_round = grounding.scores_by_round(ious, thresholds=thresholds)
  return {
    'iou_per_turn': ious,
    'summary': [
      {
        'turns': n,
        'mean_iou': by_round[n - 1].mean_iou,
        'recall': {str(t): r for t, r in by_round[n - 1].recall.items()},
      }
      for n in turns
    ],
  }


def choice_match(case: Case, _: Case) -> dict[str, Any]:
  """Matches a reply with the gold option."""
  right = question_answering.choice_matches(case['pred'], case['gt'])
  return {'correct': right}


def timed_answer(case: Case, _: Case) -> dict[str, Any]:
  """Scores a reply that names seconds or frames."""
  if case['mode'] == 'grounding_frame':
    span = question_answering.frames_answer_span(
      case['pred'],
      duration_s=case['video_secs'],
      num_frames=case['num_frames'],
    )
  elif case['mode'] == 'grounding_sec':
    span = question_answering.seconds_answer_span(case['pred'])
  else:
    raise ValueError(f'mode {case["mode"]!r} is unknown')
  return {'iou': question_answering.timed_answer_iou(span, case['gt'])}


def choice_question(case: Case, _: Case) -> dict[str, Any]:
  """Builds a multiple-choice question and its gold option."""
  data = case['data']
  candidates, answer = data['candidates'], data['answer']
  return {
    'question': question_answering.choice_question(
      data['question'], candidates
    ),
    'answer': question_answering.choice_gold(candidates, answer),
  }


# Texts and training.


def stopping_rule(case: Case, _: Case) -> dict[str, Any]:
  """Asks whether a row is finished, on a list and in a buffer."""
  ids = case['ids']
  buffer = jnp.asarray([ids], jnp.int32)
  compiled = stopping.ends_with_stop(buffer, len(ids), RELEASED_STOP_IDS)
  listed = stopping.ends_with_any(ids, RELEASED_STOP_IDS)
  if bool(compiled[0]) != listed:
    raise ValueError(f'the two stopping rules disagree about {ids}')
  return {'stop': listed}


def prompts(case: Case, _: Case) -> dict[str, Any]:
  """Joins a conversation, closed and with an open answer."""
  system, messages = case['system'], case['messages']
  open_answer = None
  if messages[-1][1]:
    open_answer = prompt.chat_prompt(system, messages, open_answer=True)
  return {
    'prompt_no_answer': prompt.chat_prompt(system, messages),
    'prompt_with_answer': open_answer,
  }


def learning_rates(case: Case, _: Case) -> dict[str, Any]:
  """Computes learning rates; of the recorded ones it takes the steps."""
  total_steps = case['steps_per_epoch'] * case['epochs']
  rates = {
    step: schedule.cosine_with_floor(
      int(step),
      peak=case['base_lr'],
      warmup_steps=case['warmup_steps'],
      total_steps=total_steps,
      floor=case['min_lr_multi'],
    )
    for step in case['lr_at']
  }
  return {'total_steps': total_steps, 'lr_at': rates}


class _Draws:
  """Hands out recorded uniform numbers and counts them."""

  def __init__(self, draws):
    self._draws = draws
    self.taken = 0

  def __call__(self) -> float:
    if self.taken == len(self._draws):
      raise ValueError(f'more than the {self.taken} recorded draws are needed')
    self.taken += 1
    return self._draws[self.taken - 1]


class _RecordedGenerator:
  """Stands for a numpy Generator whose numbers were recorded."""

  def __init__(self, case):
    self._draws = case['draws']
    self._permutation = case['permutation_prefix']
    self.permuted = False

  def random(self, n: int) -> list[float]:
    if self._draws is None or len(self._draws) != n:
      raise ValueError(f'{n} draws are needed, recorded are {self._draws}')
    return self._draws

  def permutation(self, n: int) -> np.ndarray:
    self.permuted = True
    if self._permutation is None:
      raise ValueError(f'a permutation of {n} is needed, none is recorded')
    return np.asarray(self._permutation)
