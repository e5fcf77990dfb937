"""`vtg index`: features of videos, computed once for every later query."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from vtg_jax import report
from vtg_jax.errors import BadInput


def index(
  videos: Annotated[
    list[Path],
    typer.Argument(
      metavar='VIDEO',
      help='Video files, or folders of them; or .npy files of features that '
      'the encoder made at this rate.',
    ),
  ],
  model: Annotated[
    str | None,
    typer.Option(
      metavar='DIR|NAME',
      help='A checkpoint with an encoder of frames, or a shipped one by name; '
      'clip_small when left out, with which revisionllm_small sees, too.',
    ),
  ] = None,
  fps: Annotated[
    float, typer.Option(help='Frames that are encoded per second.')
  ] = 2.0,
  out: Annotated[
    Path | None,
    typer.Option(
      metavar='DIR',
      help='A folder for the indexes, in which no two videos have one name; '
      'they lie beside the videos when left out.',
    ),
  ] = None,
  rebuild: Annotated[
    bool,
    typer.Option('--rebuild', help='Make anew what is there, whatever it is.'),
  ] = False,
  resize: Annotated[
    Literal['pil', 'swscale'],
    typer.Option(help='Exact resizing, or the fast one.'),
  ] = 'pil',
  dtype: Annotated[
    Literal['float16', 'float32'],
    typer.Option(help='How features are kept.'),
  ] = 'float32',
) -> None:
  """Encode the frames of videos once, for every later query.

  An index that is whole and of its video is left alone. A run that was stopped
  goes on where it was.
  """
  from input_pipeline.feature_layout import Made
  from vtg_jax.systems import registry
  from vtg_jax.systems.clip import frame_encoder

  jobs = places(videos, out)
  report.keep_compilations()
  folder = None if model is None else registry.folder_of(model)
  encoder = frame_encoder.load(folder)
  made = Made(
    model=encoder.name,
    fingerprint=encoder.fingerprint,
    resize=resize,
    fps=fps,
    dtype=dtype,
  )
  lines, n_failed = [], 0
  try:
    for video, path in jobs:
      try:
        lines.append(_indexed(video, path, encoder, made, rebuild=rebuild))
      except BadInput as error:
        if len(jobs) == 1:
          raise
        report.notice(f'skipped {video}: {error}')
        n_failed += 1
  except KeyboardInterrupt:
    report.notice('interrupted; what is done is kept, run it again to go on')
    raise
  finally:  # what is done is told even when the rest is not
    for line in lines:
      print(line)
  if n_failed:
    raise BadInput(
      f'{n_failed} of {len(jobs)} videos are not indexed; the notes say why'
    )


def places(videos: Sequence[Path], out: Path | None) -> list[tuple[Path, Path]]:
  """Each video and where its index goes, folders searched through.

  Raises:
    BadInput: a video is not there, or two would have one index.
  """
  from input_pipeline.feature_files import is_feature_file
  from input_pipeline.feature_index import index_path
  from input_pipeline.video_folder import find_videos

  found: dict[Path, Path] = {}
  for given in videos:
    if is_feature_file(given) and given.suffix.lower() != '.npy':
      raise BadInput(
        f'{given} is of a file with features of many videos, which needs no '
        'index; give FILE/NAME to vtg ground'
      )
    names = [given]
    if given.is_dir():
      try:
        names = [given / name for name in find_videos(given)]
      except BadInput:
        names = [given]  # perhaps a folder of frames
    elif not given.exists():
      raise BadInput(f'there is no video {given}; check its name')
    for video in names:
      path = index_path(video, out)
      other = found.setdefault(path, video)
      if other.resolve() != video.resolve():
        raise BadInput(
          f'{other} and {video} would have one index, {path}; index them into '
          'two folders'
        )
  return [(video, path) for path, video in found.items()]


def _indexed(video: Path, path: Path, encoder, made, *, rebuild: bool) -> str:
  """Indexes one video if need be; the line about it."""
  from input_pipeline import feature_index
  from input_pipeline.feature_files import is_feature_file, read_features
  from input_pipeline.index_features import index_features, index_stored

  if path.exists() and not rebuild:
    try:
      there = feature_index.read_index(path)
      feature_index.check_source(there, video)
      feature_index.check_made(
        there,
        fingerprint=made.fingerprint,
        fps=made.fps,
        resize=made.resize,
        dtype=made.dtype,
      )
      return f'{path}: {len(there.features)} frames, up to date'
    except feature_index.BadIndex as error:
      if not error.replaceable:
        raise
      report.notice(f'made anew: {error}')
  start_s = time.perf_counter()
  if is_feature_file(video):
    stored = read_features(video, fps=made.fps)
    if stored.features.shape[1] != encoder.features:
      raise BadInput(
        f'the features of {video} have {stored.features.shape[1]} channels, '
        f'those of {encoder.name} {encoder.features}; name the encoder that '
        'made them with --model'
      )
    index_stored(stored, video, path, made, anew=rebuild)
    return f'{path}: {len(stored.features)} frames, features as they were'
  frames = encoder.open_video(video, resize=made.resize)
  with report.progress(f'indexing {video.name}') as on_progress:
    index_features(
      frames,
      path,
      made,
      encoder.start_encoding,
      width=encoder.features,
      batch=encoder.batch,
      anew=rebuild,
      on_progress=on_progress,
    )
  took_s = time.perf_counter() - start_s
  return (
    f'{path}: {len(frames.ids_at_rate(made.fps))} frames of '
    f'{frames.duration_s:.1f} s at {made.fps:g} per second, in {took_s:.1f} s'
  )
