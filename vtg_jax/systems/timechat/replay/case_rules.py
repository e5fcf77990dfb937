"""TimeChat's recorded frames, rates, tables and texts, computed by the library.

Each function goes from the given fields of a case, and the whole file, to the
computed fields. The functions only rename fields.
"""

import random
from typing import Any

import numpy as np

from input_pipeline import frame_choice
from vtg_jax.nn import positions
from vtg_jax.systems.replay.cases import Case, Rule
from vtg_jax.systems.timechat import answers, chat
from vtg_jax.train.schedule import CosineUnderWarmup

# What the release ends with where it asks for a frame behind the last one.
_OUTSIDE = 'IndexError'


def even_frames(case: Case, _: Case) -> dict[str, Any]:
  """Chooses frames for evaluation, the wrong ones of the release as well.

  Of the recorded last numbers of a wrong choice it takes how many they are.
  """
  ids = frame_choice.even_frame_indices(
    case['vlen'], case['n_frms'], released=True
  )
  out = {'indices': ids.tolist(), **_told(ids, case['fps'])}
  if (ids >= case['vlen']).any():
    out['error'] = _OUTSIDE
  shown = len(case.get('raw_indices', ids))
  return {
    **out,
    'raw_indices': ids[len(ids) - shown :].tolist(),
    'raw_count': len(ids),
  }


def drawn_frames(case: Case, _: Case) -> dict[str, Any]:
  """Draws frames for training, from Python's and numpy's seeded numbers."""
  n_video, n_frames = case['vlen'], min(case['vlen'], case['n_frms'])
  intervals = frame_choice.clip_intervals(n_video, n_frames)
  permuted = any(end - start < 2 for start, end in intervals)
  numbers = random.Random(case['seed'])
  draws = permutation = None
  if permuted:
    permutation = np.random.RandomState(case['seed']).permutation(n_video)
  else:
    draws = [_place(numbers, end - 1 - start) for start, end in intervals]
  ids = frame_choice.train_frame_indices(
    n_video, n_frames, draws=draws, permutation=permutation
  )
  return {
    'intervals': [start for start, _ in intervals] + [intervals[-1][1]],
    'used_permutation_fallback': permuted,
    'indices': ids.tolist(),
    **_told(ids, case['fps'], scaled=permuted),
  }


def _place(numbers: random.Random, n: int) -> float:
  """Where in 0..1 the one of n is that Python's `choice` takes."""
  return (numbers.choice(range(n)) + 0.5) / n


def _told(ids, fps: float, *, scaled: bool = False) -> dict[str, Any]:
  times_s = frame_choice.message_times_s(ids, fps)
  message = chat.frames_message(times_s, scaled=scaled)
  told = chat.told_times(message)
  return {
    'msg': message,
    'timestamp_texts': [chat.qformer_sentence(one) for one in told],
  }


def learning_rates(case: Case, _: Case) -> dict[str, Any]:
  """Computes learning rates; of the recorded rows it takes the steps."""
  told = case['cfg']
  schedule = CosineUnderWarmup(
    start=told['warmup_lr'] if told['warmup_lr'] >= 0 else told['init_lr'],
    peak=told['init_lr'],
    least=told['min_lr'],
    warmup_steps=told['warmup_steps'],
    steps_per_epoch=told['iters_per_epoch'],
    total_steps=told['max_epoch'] * told['iters_per_epoch'],
  )

  def rate(epoch, step):
    return schedule.learning_rate(epoch * told['iters_per_epoch'] + step)

  return {
    'epoch_step_lr': [
      [epoch, step, rate(epoch, step)]
      for epoch, step, _ in case['epoch_step_lr']
    ]
  }


def resized_tables(case: Case, _: Case) -> dict[str, Any]:
  """Resizes the grid of a ViT's places and a row of frames' places."""
  (places,) = np.asarray(case['vit_in'], np.float32)
  grid = case['new_grid']
  n_before = len(places) - case['old_grid'] ** 2  # the class token
  square = places[n_before:].reshape(case['old_grid'], case['old_grid'], -1)
  resized = positions.resize_bicubic(square, grid, grid)
  resized = resized.reshape(grid * grid, -1)
  frames = np.asarray(case['frame_in'], np.float32)
  return {
    'vit_out': [np.concatenate([places[:n_before], resized]).tolist()],
    'frame_out': positions.resize_nearest(frames, case['frame_new_n']).tolist(),
  }


def prompts(case: Case, _: Case) -> dict[str, Any]:
  """Writes a prompt; of the recorded one it takes the frames' times."""
  message = case['prompt'].partition(f'{chat.CLOSE} ')[2]
  times_s = [float(told) for told in chat.told_times(message)]
  return {'prompt': chat.asked(case['question'], chat.frames_message(times_s))}


def parsed(case: Case, _: Case) -> dict[str, Any]:
  """Reads answers as the release does; of a record it takes what is given."""
  return {
    task: [read(entry) for entry in case[task]]
    for task, read in _READERS.items()
    if task in case
  }


def _parsed_span(entry: Case) -> dict[str, Any]:
  span = answers.read_span(entry['text'], released=True)
  return {'text': entry['text'], 'result': [list(span)] if span else []}


def _parsed_events(entry: Case) -> dict[str, Any]:
  events = answers.read_events(entry['text'], released=True)
  return {
    'text': entry['text'],
    'timestamps': [list(event.span) for event in events],
    'captions': [event.sentence for event in events],
  }


def _parsed_highlights(entry: Case) -> dict[str, Any]:
  text, duration_s = entry['text'], entry['duration']
  return {
    'text': text,
    'duration': duration_s,
    'highlights': [
      {'timestamp': told.time_s, 'saliency_score': told.saliency}
      for told in answers.read_highlights(text, released=True)
    ],
    'clip_scores': answers.read_clip_scores(text, duration_s, released=True),
  }


_READERS = {
  'tvg': _parsed_span,
  'dvc': _parsed_events,
  'vhd': _parsed_highlights,
}


def find_rule(key: str, _: Any) -> Rule | None:
  """The rule of a key; None for one of another room."""
  return RULES.get(key)


RULES = {
  'frame_sampling_uniform': Rule(
    replay=even_frames,
    gives=('vlen', 'fps', 'n_frms'),
    may_give=('raw_indices',),
    computes=(),
    may_compute=(
      'indices',
      'msg',
      'timestamp_texts',
      'error',
      'raw_indices',
      'raw_count',
    ),
  ),
  'frame_sampling_rand': Rule(
    replay=drawn_frames,
    gives=('vlen', 'fps', 'n_frms', 'seed'),
    computes=('intervals', 'used_permutation_fallback', 'indices'),
    may_compute=('msg', 'timestamp_texts'),
  ),
  'lr_schedule': Rule(
    replay=learning_rates,
    gives=('cfg', 'epoch_step_lr'),
    computes=('epoch_step_lr',),
    tolerance=1e-12,
    relative=True,
  ),
  'interp': Rule(
    replay=resized_tables,
    gives=('vit_in', 'old_grid', 'new_grid', 'frame_in', 'frame_new_n'),
    computes=('vit_out', 'frame_out'),
    one_case=True,
    # float32 of the record.
    tolerance=2e-6,
  ),
  'eval_prompts': Rule(
    replay=prompts,
    gives=('question', 'prompt'),
    may_give=('task',),
    computes=('prompt',),
  ),
  'parse': Rule(
    replay=parsed,
    gives=(),
    may_give=('tvg', 'dvc', 'vhd'),
    computes=(),
    may_compute=('tvg', 'dvc', 'vhd'),
    one_case=True,
  ),
}
