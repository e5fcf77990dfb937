"""A system of its own: it answers with one share of every video.

Its checkpoint is a config.json with what `ToyGrounder` is made of.
"""

import json

from vtg_jax.convert import checkpoint
from vtg_jax.moments import Absent, Highlights, Moment
from vtg_jax.systems.grounder import BenchmarkOptions
from vtg_jax.systems.loading import OpensVideos
from vtg_jax.systems.registry import SYSTEMS, System

TOY = System(load='tests.systems.toy:load', convert='', export='')


class ToyGrounder(OpensVideos):
  """Looks at some frames, and says the same of all queries.

  Attributes:
    span: first and last share of the video that it answers with.
    score: of the answer; below 0.1 it answers that there is none.
    n_frames: frames it looks at, at even times.
    frame_size: pixels of a side of a frame.
  """

  system, notice = 'toy', ''
  benchmark_options = {
    'best': BenchmarkOptions(ground={'rounds': 2}),
    'paper': BenchmarkOptions(ground={'rounds': 2}),
  }

  def __init__(self, *, span=(0.25, 0.5), score=0.5, n_frames=4, size=16):
    self.span, self.score = span, score
    self.n_frames, self.frame_size = n_frames, size

  def announce(self, video, **_):
    video.announce(self._ids(video))

  def ground(self, video, queries, *, top_k=1, rounds=2):
    video = self.opened(video)
    assert len(video.get(self._ids(video))) == self.n_frames
    how = {'score': self.score, 'system': self.system}
    if self.score < 0.1:
      return [Absent(query=query, threshold=0.1, **how) for query in queries]
    start_s, end_s = (share * video.duration_s for share in self.span)
    return [
      Moment(start_s=start_s, end_s=end_s, query=query, **how)
      for query in queries
    ]

  def highlights(self, video, queries):
    del video
    return [
      Highlights(
        query=query, times_s=(2.0, 4.0), saliency=(1.5, 3.0), score=self.score
      )
      for query in queries
    ]

  def _ids(self, video):
    n = self.n_frames
    return video.frame_at([(i + 0.5) * video.duration_s / n for i in range(n)])


class ToyReader(ToyGrounder):
  """Reads a video from end to end, and keeps no frame."""

  announce = property()  # it has none

  def ready(self, video):
    for _ in video.stream(range(video.n_frames)):
      pass

  def ground(self, video, queries, *, top_k=1, rounds=2):
    self.ready(video)
    return super().ground(video, queries, top_k=top_k)


def save(folder, **made_of):
  folder.mkdir(parents=True)
  config = {'format_version': 1, 'system': 'toy', 'model': made_of}
  (folder / checkpoint.CONFIG).write_text(json.dumps(config))
  return folder


class ToyEncoder:
  """Finds no moments."""

  system, notice = 'toy', ''


def load(folder):
  made_of = checkpoint.read_config(folder)['model']
  return ToyGrounder(**made_of) if made_of else ToyEncoder()


def register(monkeypatch):
  """Makes the system known for the length of a test."""
  monkeypatch.setitem(SYSTEMS, 'toy', TOY)
