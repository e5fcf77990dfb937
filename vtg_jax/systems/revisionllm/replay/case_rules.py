"""ReVisionLLM's recorded searches: what of the library computes which field.

Each function goes from the given fields of a case to its computed ones. The
functions only rename fields; whatever is computed is computed by the library.
"""

from typing import Any

import numpy as np

from vtg_jax.metrics import grounding
from vtg_jax.metrics.ranked_recall import (
  DECIMALS,
  logged_ious,
  ranked_recall,
)
from vtg_jax.moments import frame_answers
from vtg_jax.recursion import hits, scores, windows
from vtg_jax.recursion.quirks import RELEASED
from vtg_jax.systems.replay_cases import Case
from vtg_jax.systems.revisionllm import prompt

# Frames of a second where a case does not say it.
FPS = 5
WINDOW_S, N_FRAMES = 125, 250
# How often windows are repeated, pass by pass.
ZOOMS = (4, 2, 1)


# Answers.


def dense_answers(case: Case) -> dict[str, Any]:
  """Reads the answers of a dense pass and scores them."""
  spans = hits.frame_spans(
    case['answers'],
    n_frames=case['num_frames_clip'],
    n_video_frames=case['num_frames_video'],
    quirks=RELEASED,
  )
  entropies = case.get('entropies')
  return {
    'clip_frames': {
      str(span.window): [span.first, span.last] for span in spans
    },
    'ious': [
      rounded_iou(
        span.share_of_video(
          n_frames=case['num_frames_clip'],
          n_video_frames=case['num_frames_video'],
        ),
        case['gt_fraction'],
      )
      for span in spans
    ],
    'kept_entropies': [entropies[span.window] for span in spans]
    if entropies
    else [],
  }


def rounded_iou(span, truth) -> float:
  """IoU as the release logs it."""
  return round(grounding.iou(span, truth), DECIMALS)


def sparse_answers(case: Case) -> dict[str, Any]:
  """Reads the answers of a sparse pass."""
  asked, n_segments = case['grounding_windows'], case['num_frames_video']
  found = {}
  for number, (answer, start, order, zoom) in enumerate(
    zip(
      case['answers'],
      case['starts'],
      case['permutations'],
      case['zooms'],
      strict=True,
    )
  ):
    call = windows.SparseCall(
      zoom=zoom, start=start, windows=tuple(order), order=tuple(order)
    )
    for place in hits.hit_places(
      call, answer, n_windows=len(asked), quirks=RELEASED
    ):
      found[str(number)] = list(
        hits.hit_interval(
          asked[place],
          n_windows=len(asked),
          n_segments=n_segments,
          quirks=RELEASED,
        )
      )
  return {'frames': found, 'hit': [int(holds(found.values(), case['gt']))]}


def holds(intervals, gold) -> bool:
  """Whether a hit holds all windows of the truth."""
  return any(
    first <= min(gold) and last >= max(gold) for first, last in intervals
  )


def entropies(case: Case) -> dict[str, Any]:
  """Sums up the entropies of the steps of answers."""
  stats = scores.entropy_stats(
    scores.step_entropy(np.array(case['logits'])), quirks=RELEASED
  )
  return {
    'stats_max_min_mean_std': [[s.max, s.min, s.mean, s.std] for s in stats]
  }


# Windows.


def dense_windows(case: Case) -> dict[str, Any]:
  """Cuts a video into dense windows and batches them."""
  size = windows.WindowSize(
    window_s=case['window'], n_frames=case['num_frames'], fps=case['fps']
  )
  made = windows.dense_windows(case['n_feature_frames'], size, RELEASED)
  shown = made.frame_idx(range(len(made)))
  # The size of a batch, a feature's width and a query's tokens are not ours.
  (batch, _, width), *_ = case['calls']
  starts = range(0, len(made), batch)
  calls = [[len(shown[i : i + batch]), shown.shape[1], width] for i in starts]
  out = {
    'num_windows': len(made),
    'first_index': shown[:, 0].tolist(),
    'last_index': shown[:, -1].tolist(),
    'calls': calls,
  }
  if 'prompt' in case:
    out['prompt'] = asked_again(case['prompt'], prompt.FRAMES_QUESTION)
  for place in range(shown.shape[1]):
    out[f'index_{place}'] = shown[:, place].tolist()
  if 'query_shapes' in case:
    # The query is repeated for a whole batch once and for all.
    (tokens, mask), *_ = case['query_shapes']
    most = calls[0][0]
    out['query_shapes'] = [[[most, *tokens[1:]], [most, *mask[1:]]]]
  return out


def sparse_windows(case: Case) -> dict[str, Any]:
  """Cuts a video into sparse windows and lists the calls about them."""
  size = windows.WindowSize(
    window_s=case['window'],
    n_frames=case['num_frames'],
    fps=case['fps'],
    sparse_strides=case.get('stride_divisor', windows.SPARSE_STRIDES),
  )
  made = windows.sparse_windows(case['n_feature_frames'], size, RELEASED)
  calls = windows.sparse_calls(range(len(made)), case['batch'], ZOOMS, RELEASED)
  out = {'calls': _told(made, calls, case['calls'])}
  if 'prompt' in case:
    out['prompt'] = asked_again(case['prompt'], prompt.VIDEO_QUESTION)
  return out


def restricted(case: Case) -> dict[str, Any]:
  """Lists the calls about windows near those found by a dense pass."""
  size = windows.WindowSize(
    window_s=case.get('window', WINDOW_S),
    n_frames=case.get('num_frames', N_FRAMES),
    fps=case.get('fps', FPS),
  )
  n_features = case.get('n_feature_frames', int(case['duration'] * size.fps))
  made = windows.sparse_windows(n_features, size, RELEASED)
  try:
    asked = windows.restricted_windows(
      len(made), case['present_dense_windows'], case['batch'], RELEASED
    )
  except ValueError:
    # The release loses such a query.
    return {'calls': []}
  calls = windows.sparse_calls(asked, case['batch'], ZOOMS, RELEASED)
  return {'calls': _told(made, calls, case['calls'])}


def asked_again(text: str, template: str) -> str:
  """Asks a recorded question again, from its sentence."""
  before, after = template.split('{}')
  sentence = text.partition(before)[2].removesuffix(after)
  return prompt.question(sentence, template=template)


def _told(made, calls, recorded) -> list[dict[str, Any]]:
  """Calls in the words of a record, whose features have its width."""
  width = recorded[0]['shape'][-1] if recorded else 0
  told = []
  for call in calls:
    rows = np.array(call.shown, int)
    told.append(
      {
        'shape': [1, call.n_tokens, made.n_frames, width],
        'window_first_index': made.first[rows].tolist(),
        'window_last_index': made.last[rows].tolist(),
      }
    )
  fields = set(recorded[0]) if recorded else set()
  return [{f: call[f] for f in call if f in fields} for call in told]


def touched_windows(case: Case) -> dict[str, Any]:
  """Lists the windows that a moment touches."""
  touched, count = windows.windows_touched(
    case['start'], case['end'], case['duration']
  )
  return {'result': [touched, count]}


# Labels and metrics.


def frame_labels(sizes: dict[str, tuple[float, int]], case: Case):
  """Labels times; `sizes` are the window and its frames of each field."""
  return {
    field: [
      [offset_s, frame_answers.frame_label(offset_s, window_s, n_frames)]
      for offset_s, _ in case[field]
    ]
    for field, (window_s, n_frames) in sizes.items()
  }


def recall(case: Case) -> dict[str, Any]:
  """Scores logs."""
  ious = [logged_ious(log['info']) for log in case['logs']]
  return {'metrics': ranked_recall(ious).percents()}
