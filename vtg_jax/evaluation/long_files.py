"""MAD, VidChapters-7M and MSR-VTT as items, over videos or their features."""

import contextlib
from collections.abc import Iterator, Sequence

from input_pipeline.frame_features import FrameFeatures
from input_pipeline.long_video.annotations import MomentFile, open_moments
from input_pipeline.long_video.clip_annotations import read_test_clips
from input_pipeline.long_video.features import open_frames
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.items import LongItem, RetrievalItem, Videos

KINDS = ('moments', 'chapters')


def long_items(
  path: str, kind: str, longer_than_s: float | None = None
) -> list[LongItem]:
  """Reads sentences of hours of video, one moment each.

  Args:
    path: the file.
    kind: of KINDS: 'moments' as MAD's files and the test file of
      VidChapters-7M are, 'chapters' as its lines are; see
      `input_pipeline.long_video.annotations`.
    longer_than_s: only videos that are longer, seconds; None for all.

  Raises:
    BadInput: another kind, or a file that is not of it.
  """
  if kind not in KINDS:
    raise BadInput(f'format {kind!r} is unknown; use one of {list(KINDS)}')
  if not path:
    raise BadInput('no annotation file is given; set annotations=FILE')
  file = MomentFile(path=str(path), kind=kind, longer_than_s=longer_than_s)
  return [
    LongItem(
      video=item.video,
      # The system asks for it in words of its own.
      question=item.sentence,
      gold=((item.start_s, item.end_s),),
      qid=item.query_id,
    )
    for item in open_moments(file)
  ]


def clip_items(path: str) -> list[RetrievalItem]:
  """Reads the sentences of clips, each to be found among all of them.

  Args:
    path: as MSR-VTT's test file is; see
      `input_pipeline.long_video.clip_annotations`.

  Raises:
    BadInput: it cannot be read, or names a clip twice.
  """
  if not path:
    raise BadInput('no annotation file is given; set annotations=FILE')
  clips = read_test_clips(path)
  among = tuple(dict.fromkeys(clip for clip, _ in clips))
  if len(among) < len(clips):
    raise BadInput(f'{path} names a clip twice; give a sentence a clip')
  return [
    RetrievalItem(video=clip, question=sentence.strip(), among=among)
    for clip, sentence in clips
  ]


@contextlib.contextmanager
def features_of(
  path: str, fps: float, names: Sequence[str]
) -> Iterator[Videos]:
  """Features of videos by name, from files as others release them.

  Args:
    path: see `input_pipeline.long_video.features`.
    fps: rows per second, where the files do not tell.
    names: of the videos that will be asked for.

  Yields:
    Name -> features; BadInput where there are none.
  """
  del names  # each is read when it is asked about
  file = open_frames(path, fps=fps)

  def read(name: str) -> FrameFeatures:
    return file.read(name)

  try:
    yield read
  finally:
    getattr(file, 'close', lambda: None)()
