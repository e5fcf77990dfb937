"""The search in plain Python, one interval and one answer at a time.

`recursive_grounding` is the paper's loop, written from its description and
sharing no code with the library; `every_path` is what a beam of any width
approximates.

Source: HawkEye `tasks/test_recursive_grounding.py`.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

TEXTS = {
  'beginning': 'At the beginning of the video.',
  'middle': 'In the middle of the video.',
  'end': 'At the end of the video.',
  'throughout': 'Throughout the entire video.',
}
SYSTEM = (
  'Examine the video and choose the most appropriate choice in accordance '
  "with the video's content.\n"
)


@dataclasses.dataclass(frozen=True)
class OracleRound:
  start_s: float
  end_s: float
  frame_indices: list[int]
  video_msg: str
  question: str
  prompt: str
  answer: str


def recursive_grounding(
  query: str,
  *,
  video_frames: int,
  fps: float,
  orders: Sequence[Sequence[str]],
  reply: Callable[[int], str],
  max_turns: int,
  shown: int = 12,
) -> tuple[list[OracleRound], tuple[float, float]]:
  """Searches a video file; `reply(turn)` is what the model writes."""
  duration_s = video_frames / fps
  bound = None
  rounds = []
  for turn in range(max_turns):
    low_s, high_s = bound or (0, duration_s)
    indices = _indices(bound, fps, video_frames - 1, shown)
    seconds = [round(i / fps - (bound[0] if bound else 0), 1) for i in indices]
    message = (
      f'The video contains {shown} frames sampled at '
      f'{", ".join(str(s) for s in seconds)} seconds.'
    )
    options = [
      f'({letter}) {TEXTS[name]}'
      for letter, name in zip('ABCD', orders[turn], strict=True)
    ]
    question = '\n'.join(
      [f"Question: During which part of the video does '{query}' occur?"]
      + ['Options:', *options]
    )
    prompt = (
      f'{SYSTEM}###Human: <Video><VideoHere></Video> {message}\n'
      f'###Human: {SYSTEM}{question}\nOnly give the best option.\n'
      '###Assistant: Best option: ('
    )
    said = reply(turn).strip().lower()
    answer = 'throughout'
    for name, option in zip(orders[turn], options, strict=True):
      if said.startswith(option.lower()):
        answer = name
        break
    rounds.append(
      OracleRound(low_s, high_s, indices, message, question, prompt, answer)
    )
    middle_s, length_s = (low_s + high_s) / 2, high_s - low_s
    if answer == 'throughout':
      return rounds, (low_s, high_s)
    bound = {
      'beginning': (low_s, middle_s),
      'end': (middle_s, high_s),
      'middle': (middle_s - length_s / 4, middle_s + length_s / 4),
    }[answer]
  return rounds, bound


def _indices(bound, fps, max_frame, shown):
  start_s, end_s = bound or (-100000, 100000)
  first = max(0, round(start_s * fps))
  last = min(round(end_s * fps), max_frame)
  segment = (last - first) / shown
  # round() of a float is half to even, as numpy's rint
  return [
    math.trunc(first + segment / 2 + round(segment * i)) for i in range(shown)
  ]


def every_path(
  next_node: Sequence[Sequence[int]],
  log_probs: Callable[[int], Sequence[float]],
  max_rounds: int,
) -> list[tuple[float, tuple[int, ...]]]:
  """(log score, choices) of every way through the tree, best first."""
  finished, going = [], [(0.0, (), 0)]
  for turn in range(max_rounds):
    further = []
    for score, path, node in going:
      for choice, log_prob in enumerate(log_probs(node)):
        child = next_node[node][choice]
        step = score + log_prob, (*path, choice)
        if child < 0 or turn + 1 == max_rounds:
          finished.append(step)
        else:
          further.append((*step, child))
    going = further
  return sorted(finished, key=lambda item: -item[0])
