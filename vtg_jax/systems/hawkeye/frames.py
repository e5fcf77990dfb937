"""Which frames an interval shows, and the tables as they fill with them."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt8

from input_pipeline.frame_choice import (
  eval_frame_indices,
  message_times_s,
  timestamp_frame_times,
)
from input_pipeline.video import FrameStore
from vtg_jax.systems.checks import SAMPLINGS, check_known
from vtg_jax.systems.hawkeye.options import check_limits
from vtg_jax.systems.hawkeye.search import SearchTables
from vtg_jax.systems.hawkeye.tables import NodeFrames, SearchPlan, tree_of


def frames_of_interval(video: FrameStore, sampling: str, n_frames: int):
  """How an interval is shown, as a function of (start_s, end_s)."""

  def by_time(start_s, end_s):
    times_s = timestamp_frame_times(start_s, end_s, n_frames)
    ids = video.frame_at(times_s)
    return NodeFrames(
      frame_ids=ids,
      times_s=times_s - start_s,
      display_times_s=video.times_s[ids],
    )

  def by_paper(start_s, end_s):
    whole = (start_s, end_s) == (0.0, video.paper_duration_s)
    # Frame folders: the reference counts one frame too many, and never
    # subtracts the start of the interval in what it tells the model.
    max_frame = video.n_frames - (0 if video.is_folder else 1)
    ids = eval_frame_indices(
      None if whole else (start_s, end_s), video.fps, max_frame, n_frames
    )
    told_from_s = 0.0 if video.is_folder else start_s
    inside = np.clip(ids, 0, video.n_frames - 1)
    return NodeFrames(
      frame_ids=inside,
      times_s=message_times_s(ids, video.fps, bound_start_s=told_from_s),
      display_times_s=video.times_s[inside],
    )

  return by_paper if sampling == 'paper' else by_time


def duration_by(video: FrameStore, sampling: str) -> float:
  """Seconds that a search takes a video to last."""
  return video.paper_duration_s if sampling == 'paper' else video.duration_s


def frames_of_search(
  video: FrameStore, sampling: str, n_frames: int, max_rounds: int
) -> list[int]:
  """Distinct frames that a search of so many rounds could look at.

  Raises:
    BadInput: an option is out of range.
  """
  check_known('sampling', sampling, SAMPLINGS)
  check_limits(max_rounds=max_rounds)
  tree = tree_of(duration_by(video, sampling), max_rounds)
  shown = frames_of_interval(video, sampling, n_frames)
  spans = zip(tree.start_s, tree.end_s, strict=True)
  return sorted(
    {int(i) for a, b in spans for i in shown(float(a), float(b)).frame_ids}
  )


class FilledTables:
  """The tables of a plan on the device; frames arrive as they are decoded.

  Attributes:
    n_queries: Rows of the query tables: a power of two.
    n_rounds: Rounds they have room for.
    value: What the programs take.
  """

  def __init__(self, plan: SearchPlan, size: int):
    n_queries = len(plan.text['query_ids'])
    self.n_queries = 1 << (n_queries - 1).bit_length()
    padding = self.n_queries - n_queries
    text = dict(plan.text)
    for name in ('query_ids', 'query_len', 'order'):
      pad = [(0, padding)] + [(0, 0)] * (text[name].ndim - 1)
      text[name] = np.pad(text[name], pad, mode='edge')
    self.n_rounds = text['order'].shape[2]
    self._plan = plan
    self._frames = np.zeros((plan.frame_capacity, size, size, 3), np.uint8)
    self._text = jax.device_put(text)
    self._loaded = set()
    self.value: SearchTables | None = None

  def frames_of_nodes(self, nodes) -> list[int]:
    """Distinct frames of some nodes, those already loaded left out."""
    wanted = {
      int(frame)
      for node in np.unique(nodes)
      for frame in self._plan.nodes[int(node)].frame_ids
    }
    return sorted(wanted - self._loaded)

  def load(self, video: FrameStore, frame_ids) -> None:
    """Decodes frames and puts them on the device."""
    frame_ids = list(frame_ids)
    if frame_ids:
      rows = [self._plan.rows[i] for i in frame_ids]
      self._frames[rows] = video.get(frame_ids)
      self._loaded.update(frame_ids)
    if frame_ids or self.value is None:
      self.take(jnp.array(self._frames))

  def take(self, frames: UInt8[Array, 'M h w 3']) -> None:
    """Uses a frame table that is on the device already."""
    self.value = SearchTables(frames=frames, **self._text)
