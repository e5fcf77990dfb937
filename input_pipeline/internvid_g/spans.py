"""Scenes that are one, and where a caption holds and nothing looks like it.

Scenes that look alike are merged; around a caption's scenes the negative span
is the longest interval in which no other scene looks like them.

Source: HawkEye `internvid_g/` (arXiv 2403.10228, section 3.1).
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from vtg_jax.errors import BadInput

Scene = Sequence[float | int]  # [start_s, end_s]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MergeRule:
  """When two neighbouring scenes are one.

  Attributes:
    threshold: cosine similarity of features strictly above it is alike.
    method: 'last' compares a scene with the one before it, 'union' with every
      scene of the group so far.
  """

  threshold: float = 0.85
  method: Literal['last', 'union'] = 'last'

  def __post_init__(self) -> None:
    if self.method not in ('last', 'union'):
      raise BadInput(f"method is {self.method!r}; use 'last' or 'union'")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NegativeSpanRule:
  """Thresholds of the negative span; defaults are the paper's.

  Attributes:
    same_span: similarity strictly above it joins a neighbour to the caption's
      scenes; strictly below it a scene is unlike them.
    boundary_shift_s: how far a scene may stick out of the caption.
    min_caption_s: shorter captions are dropped.
    max_caption_s: longer captions are dropped, before and after joining.
    max_scenes: later scenes are not looked at.
  """

  same_span: float = 0.8
  boundary_shift_s: float = 0.25
  min_caption_s: float = 0.5
  max_caption_s: float = 10.0
  max_scenes: int = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionSpan:
  """Where a caption holds, and where nothing else looks like it.

  Attributes:
    start_s: start of the caption's scenes, seconds.
    end_s: their end.
    negative_start_s: start of the negative span, seconds.
    negative_end_s: its end.
    first_scene: index of the caption's first scene.
    last_scene: index of its last scene.
    scene_before: the similar scene that ends the negative span on the left;
      None where no single scene does.
    scene_after: likewise on the right.
  """

  start_s: float | int
  end_s: float | int
  negative_start_s: float | int
  negative_end_s: float | int
  first_scene: int
  last_scene: int
  scene_before: int | None
  scene_after: int | None


def scene_groups(
  similarity: ArrayLike, rule: MergeRule = MergeRule()
) -> list[tuple[int, int]]:
  """Groups consecutive scenes that look alike: (first, last) of each.

  Args:
    similarity: [scenes, scenes] cosine similarities.
    rule: when scenes are alike.
  """
  alike = _square(similarity) > rule.threshold
  groups: list[tuple[int, int]] = []
  for scene in range(len(alike)):
    if groups:
      first, last = groups[-1]
      start = first if rule.method == 'union' else last
      if alike[start : last + 1, scene].any():
        groups[-1] = (first, scene)
        continue
    groups.append((scene, scene))
  return groups


def merge_scenes(
  scenes: Sequence[Scene], similarity: ArrayLike, rule: MergeRule = MergeRule()
) -> tuple[list[list[float | int]], np.ndarray]:
  """Merges consecutive scenes that look alike.

  Args:
    scenes: [start_s, end_s] of each; may be more than `similarity` covers,
      the rest is dropped.
    similarity: [scenes, scenes] cosine similarities.
    rule: when scenes are alike.

  Returns:
    Merged scenes, and their similarities: the largest of each block.

  Raises:
    BadInput: the matrix is not square, or covers more scenes than there are.
  """
  matrix = _square(similarity)
  if len(matrix) > len(scenes):
    raise BadInput(
      f'similarities cover {len(matrix)} scenes, the video has {len(scenes)};'
      ' compute them again'
    )
  groups = scene_groups(matrix, rule)
  merged = [[scenes[first][0], scenes[last][1]] for first, last in groups]
  if not groups:
    return merged, matrix
  starts = [first for first, _ in groups]
  blocks = np.maximum.reduceat(matrix, starts, axis=0)
  return merged, np.maximum.reduceat(blocks, starts, axis=1)


def caption_span(
  start_s: float,
  end_s: float,
  scenes: Sequence[Scene],
  similarity: ArrayLike,
  duration_s: float,
  rule: NegativeSpanRule = NegativeSpanRule(),
) -> CaptionSpan | None:
  """Widens a caption over scenes like its own and finds its negative span.

      scene    0     1     2     3     4     5
      like 3?  yes   no    no    -     yes   no
                     |-----------| joined
                     |- negative ------|  to the similar scene on each side

  Args:
    start_s: start of the caption, seconds.
    end_s: its end.
    scenes: [start_s, end_s] of each, in order.
    similarity: [scenes, scenes] cosine similarities.
    duration_s: length of the video.
    rule: thresholds.

  Returns:
    The spans, or None where the caption is dropped: too short, too long, or
    covering no scene.
  """
  length_s = end_s - start_s
  if length_s < rule.min_caption_s or length_s > rule.max_caption_s:
    return None
  scenes = scenes[: rule.max_scenes]
  matrix = _square(similarity)[: len(scenes), : len(scenes)]
  found = _scenes_of_caption(start_s, end_s, scenes, rule.boundary_shift_s)
  if found is None:
    return None
  first, last = found
  if last >= len(matrix):
    raise BadInput(
      f'scene {last} has no similarities, they cover {len(matrix)} scenes;'
      ' compute them again'
    )

  joined_first, joined_last = _join_neighbours(
    matrix, first, last, rule.same_span
  )
  if joined_first < first:
    start_s = scenes[joined_first][0]
  if joined_last > last:
    end_s = scenes[joined_last][1]
  first, last = joined_first, joined_last
  if end_s - start_s > rule.max_caption_s:
    return None

  alike = matrix[first : last + 1].max(axis=0) >= rule.same_span
  before = np.flatnonzero(alike[:first])
  after = last + 1 + np.flatnonzero(alike[last + 1 :])
  n_before, n_after = first, len(matrix) - last - 1
  scene_before = scene_after = None
  if not len(before):
    negative_start_s = 0
  elif len(before) == n_before:
    negative_start_s = start_s
  else:
    scene_before = int(before[-1])
    negative_start_s = scenes[scene_before][1]
  if not len(after):
    negative_end_s = duration_s
  elif len(after) == n_after:
    negative_end_s = end_s
  else:
    scene_after = int(after[0])
    negative_end_s = scenes[scene_after][0]
  return CaptionSpan(
    start_s=start_s,
    end_s=end_s,
    negative_start_s=negative_start_s,
    negative_end_s=negative_end_s,
    first_scene=first,
    last_scene=last,
    scene_before=scene_before,
    scene_after=scene_after,
  )


def grounded_captions(
  video: str,
  captions: Iterable[Mapping[str, Any]],
  scenes: Sequence[Scene],
  similarity: ArrayLike,
  duration_s: float,
  rule: NegativeSpanRule = NegativeSpanRule(),
) -> list[dict[str, Any]]:
  """Builds a video's lines of the InternVid-G file, one a caption kept.

  Args:
    video: file name of the video.
    captions: {'start_sec', 'end_sec', 'captions': [text, ...]} of each span.
    scenes: [start_s, end_s] of each, in order.
    similarity: [scenes, scenes] cosine similarities.
    duration_s: length of the video.
    rule: thresholds.
  """
  lines = []
  for caption in captions:
    start_s, end_s = caption['start_sec'], caption['end_sec']
    span = caption_span(start_s, end_s, scenes, similarity, duration_s, rule)
    if span is None:
      continue
    lines += [
      {
        'video': video,
        'duration': duration_s,
        'start_sec': span.start_s,
        'end_sec': span.end_s,
        'neg_start_sec': span.negative_start_s,
        'neg_end_sec': span.negative_end_s,
        'caption': text,
        'start_scene': span.first_scene,
        'end_scene': span.last_scene,
        'neg_start_scene': span.scene_before,
        'neg_end_scene': span.scene_after,
      }
      for text in caption['captions']
    ]
  return lines


def _square(similarity: ArrayLike) -> np.ndarray:
  matrix = np.asarray(similarity, np.float64)
  if not matrix.size:
    return np.zeros((0, 0))
  if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
    raise BadInput(
      f'similarities have shape {matrix.shape}; give a square matrix'
    )
  return matrix


def _scenes_of_caption(
  start_s: float, end_s: float, scenes: Sequence[Scene], shift_s: float
) -> tuple[int, int] | None:
  """First scene that starts in the caption, last that ends in it, if any."""
  starts = [scene[0] for scene in scenes]
  ends = [scene[1] for scene in scenes]
  first = int(np.searchsorted(starts, start_s - shift_s, side='left'))
  if first == len(scenes):
    first = 0
  last = int(np.searchsorted(ends, end_s + shift_s, side='right')) - 1
  if last < 0:
    last = len(scenes) - 1
  return (first, last) if first <= last else None


def _join_neighbours(
  matrix: np.ndarray, first: int, last: int, same_span: float
) -> tuple[int, int]:
  """Goes on while neighbours look like the boundary scene it began with."""
  joined_first, joined_last = first, last
  while joined_first > 0 and matrix[joined_first - 1, first] > same_span:
    joined_first -= 1
  while (
    joined_last + 1 < len(matrix) and matrix[joined_last + 1, last] > same_span
  ):
    joined_last += 1
  return joined_first, joined_last
