"""A folder of videos to InternVid-G: a line for each grounded sentence.

    videos/a.mp4, b.mp4 -> train.videos.jsonl    a line a video, as it goes
                        -> train.jsonl           a line a sentence, at the end

The first file is the record by which a run goes on after it was stopped; only
once every video is described is it known which captions match well enough.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from input_pipeline.build_record import Record, written_whole
from input_pipeline.internvid_g.description import (
  Captioner,
  ImageTextEmbedder,
  InternVidGConfig,
  VideoDescription,
  describe_video,
)
from input_pipeline.internvid_g.spans import (
  NegativeSpanRule,
  grounded_captions,
)
from input_pipeline.video_folder import find_videos
from vtg_jax.errors import BadInput

# What a video's description does not depend on.
_LATER = ('kept_quantile', 'negative', 'batch_size')


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuildReport:
  """What a run did.

  Attributes:
    n_videos: videos in the folder.
    n_described: those described in this run; others were done before.
    skipped: (video, why) of those that cannot be read.
    n_captions: captions of all videos.
    n_kept: those that match well enough.
    n_sentences: lines written: kept, and with a span of a useful length.
  """

  n_videos: int
  n_described: int
  skipped: tuple[tuple[str, str], ...]
  n_captions: int
  n_kept: int
  n_sentences: int


def build_dataset(
  folder: str | os.PathLike,
  out: str | os.PathLike,
  config: InternVidGConfig,
  *,
  embedder: ImageTextEmbedder,
  captioner: Captioner,
  on_skip: Callable[[str, str], None] | None = None,
  on_progress: Callable[[int, int], None] | None = None,
) -> BuildReport:
  """Describes the videos that are not yet described, then writes `out` whole.

  A line of `out`: {'video': 'a.mp4', 'duration': 9.0, 'start_sec': 3.0,
  'end_sec': 6.0, 'neg_start_sec': 0, 'neg_end_sec': 9.0, 'caption': 'a dog',
  'start_scene': 1, 'end_scene': 1, 'neg_start_scene': None,
  'neg_end_scene': None}

  Args:
    folder: searched through for video files; folders in it too.
    out: the file of sentences; its record lies beside it.
    config: thresholds.
    embedder: compares scenes, and captions with scenes.
    captioner: captions scenes.
    on_skip: is called with a video that cannot be read, and why.
    on_progress: is called with (videos done, videos).

  Raises:
    BadInput: no video in the folder, or the record is another run's.
  """
  folder, out = Path(folder), Path(out)
  videos = find_videos(folder)
  record = Record(
    record_path(out),
    {
      **_dotted(dataclasses.asdict(config)),
      'embedder': embedder.name,
      'captioner': captioner.name,
    },
    kind='InternVid-G videos 1',
  )
  n_described = 0
  skipped = []
  for n_done, video in enumerate(videos):
    if on_progress is not None:
      on_progress(n_done, len(videos))
    try:
      entry = _describe(folder, video, record, config, embedder, captioner)
    except (BadInput, av.error.FFmpegError, FileNotFoundError) as error:
      skipped.append((video, str(error)))
      if on_skip is not None:
        on_skip(*skipped[-1])
      continue
    if entry is not None:
      record.append(entry)
      n_described += 1
  if on_progress is not None:
    on_progress(len(videos), len(videos))
  unread = {video for video, _ in skipped}
  described = [video for video in videos if video not in unread]
  return _write_sentences(record, described, out, config, n_described, skipped)


def record_path(out: str | os.PathLike) -> Path:
  """Where the record of a run lies: train.jsonl -> train.videos.jsonl."""
  return Path(out).with_suffix('.videos.jsonl')


def least_match(matches: Sequence[float], quantile: float) -> float:
  """The quantile of all captions' matches; captions at it or above stay."""
  return float(np.quantile(matches, quantile)) if matches else 0.0


def sentences(
  video: str,
  description: VideoDescription,
  least: float,
  rule: NegativeSpanRule,
) -> list[dict[str, Any]]:
  """A video's lines of the file, by `grounded_captions`.

  Args:
    video: its name.
    description: its scenes and captions.
    least: captions of a lower match are left out.
    rule: thresholds of the negative span.
  """
  captions = [
    {
      'start_sec': caption.start_s,
      'end_sec': caption.end_s,
      'captions': [caption.text],
    }
    for caption in description.captions
    if caption.match >= least
  ]
  return grounded_captions(
    video,
    captions,
    description.merged,
    description.similarity,
    description.duration_s,
    rule,
  )


def _describe(
  folder: Path,
  video: str,
  record: Record,
  config: InternVidGConfig,
  embedder: ImageTextEmbedder,
  captioner: Captioner,
) -> dict[str, Any] | None:
  """A video's line of the record; None if it has one for this very file."""
  n_bytes = (folder / video).stat().st_size
  before = record.read(video)
  if before is not None and before['bytes'] == n_bytes:
    return None
  description = describe_video(
    os.fspath(folder / video), config, embedder=embedder, captioner=captioner
  )
  return {'video': video, 'bytes': n_bytes, **dataclasses.asdict(description)}


def _write_sentences(
  record: Record,
  videos: Sequence[str],
  out: Path,
  config: InternVidGConfig,
  n_described: int,
  skipped: Sequence[tuple[str, str]],
) -> BuildReport:
  """Reads the record twice: what the matches are, then what is kept."""
  matches = [
    caption.match
    for video in videos
    for caption in _description(record, video).captions
  ]
  least = least_match(matches, config.kept_quantile)
  n_sentences = 0
  with written_whole(out) as file:
    for video in videos:
      description = _description(record, video)
      for line in sentences(video, description, least, config.negative):
        file.write(json.dumps(line) + '\n')
        n_sentences += 1
  return BuildReport(
    n_videos=len(videos) + len(skipped),
    n_described=n_described,
    skipped=tuple(skipped),
    n_captions=len(matches),
    n_kept=sum(match >= least for match in matches),
    n_sentences=n_sentences,
  )


def _description(record: Record, video: str) -> VideoDescription:
  entry = record.read(video)
  fields = {k: v for k, v in entry.items() if k not in ('video', 'bytes')}
  return VideoDescription.from_json(fields)


def _dotted(fields: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  """{'cuts': {'threshold': 27}} -> {'cuts.threshold': 27}."""
  flat = {}
  for name, value in fields.items():
    if not prefix and name in _LATER:
      continue
    if isinstance(value, Mapping):
      flat |= _dotted(value, f'{prefix}{name}.')
    else:
      flat[prefix + name] = value
  return flat
