"""A model that knows where the event is, and notes what it is asked."""

import numpy as np

from vtg_jax.moments import frame_answers
from vtg_jax.recursion.model import Reply
from vtg_jax.recursion.scores import EntropyStats


class KnowingModel:
  """Answers as a perfect one would; a window holds an event whole or not.

  Attributes:
    shapes: Of every call: its kind, level and shapes, as a compiler sees them.
    encoded: First and last frame of every window encoded.
    read: First and last frame of every dense window read.
  """

  def __init__(self, span_s, fps, *, finds=True):
    """Knows a span of seconds; `finds` False denies it on sparse levels."""
    self.start_s, self.end_s = span_s or (np.inf, np.inf)
    self.fps, self.finds = fps, finds
    self.shapes, self.encoded, self.read = [], [], []

  def holds(self, first, last):
    return first / self.fps <= self.start_s and self.end_s <= last / self.fps

  def encode(self, frame_idx):
    self.shapes.append(('encode', frame_idx.shape))
    ends = frame_idx[:, [0, -1]].astype(np.float64)
    self.encoded += [tuple(row) for row in np.unique(ends, axis=0)]
    return ends

  def ask_sparse(self, level, tokens, is_shown):
    self.shapes.append(('sparse', level, tokens.shape))
    replies = []
    for row, shown in zip(tokens, is_shown, strict=True):
      assert not np.diff(shown.astype(int)).max(initial=0) > 0
      named = [
        place
        for place, (first, last) in enumerate(row[shown])
        if self.finds and self.holds(first, last)
      ]
      replies.append(
        reply(frame_answers.places_answer(named[0], named[-1] + 1), sure=True)
        if named
        else reply(frame_answers.NOT_PRESENT, sure=False)
      )
    return replies

  def ask_dense(self, frame_idx):
    self.shapes.append(('dense', frame_idx.shape))
    replies = []
    n_frames = frame_idx.shape[1]
    ends = frame_idx[:, [0, -1]]
    self.read += [tuple(row) for row in np.unique(ends, axis=0).tolist()]
    for first, last in ends:
      if not self.holds(first, last):
        replies.append(reply(frame_answers.NOT_PRESENT, sure=False))
        continue
      window_s = (last - first) / self.fps
      labels = [
        frame_answers.frame_label(second - first / self.fps, window_s, n_frames)
        for second in (self.start_s, self.end_s)
      ]
      replies.append(reply(frame_answers.frames_answer(*labels), sure=True))
    return replies


def reply(answer, *, sure):
  mean = 0.1 if sure else 0.5
  return Reply(
    answer=answer, entropy=EntropyStats(max=1.0, min=0.0, mean=mean, std=0.1)
  )
