"""`vtg build-internvid-g`: a folder of videos to grounded sentences."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from vtg_jax import report
from vtg_jax.folder_lock import FolderLock

Config = TypeVar('Config')


def build_internvid_g(
  folder: Annotated[
    Path, typer.Argument(metavar='FOLDER', help='A folder of video files.')
  ],
  overrides: Annotated[
    list[str] | None,
    typer.Argument(
      metavar='KEY=VALUE',
      help="Thresholds other than the paper's, such as cuts.threshold=30.",
    ),
  ] = None,
  *,
  out: Annotated[
    Path, typer.Option(metavar='FILE.jsonl', help='The file to write.')
  ],
  embedder: Annotated[
    str | None,
    typer.Option(
      metavar='MODEL',
      help='Compares scenes and captions: a folder or Hugging Face id, or '
      "module:callable; the paper's CLIP when left out.",
    ),
  ] = None,
  captioner: Annotated[
    str | None,
    typer.Option(
      metavar='MODEL',
      help="Captions scenes, named likewise; the paper's BLIP-2 when left out.",
    ),
  ] = None,
  download: Annotated[
    bool, typer.Option('--download', help='Fetch models that are not here.')
  ] = False,
) -> None:
  """Find scenes in videos, caption them, and write InternVid-G sentences.

  A run that was stopped goes on where it was; what is done lies beside FILE.
  """
  report.check_output(out, ('.jsonl',), keep=folder)
  from input_pipeline import internvid_g
  from input_pipeline.internvid_g.dataset import find_videos
  from vtg_jax.dataset_builders import hugging_face, named_models

  config = overridden(internvid_g.InternVidGConfig(), overrides or ())
  find_videos(folder)  # says what is wrong before models are loaded
  embedder = embedder or hugging_face.PAPER_EMBEDDER
  captioner = captioner or hugging_face.PAPER_CAPTIONER
  with FolderLock(out.parent):
    models = {
      'embedder': named_models.load_embedder(embedder, download=download),
      'captioner': named_models.load_captioner(captioner, download=download),
    }
    with report.progress('describing videos') as on_progress:
      done = internvid_g.build_dataset(
        folder,
        out,
        config,
        **models,
        on_skip=lambda video, why: report.notice(f'skipped {video}: {why}'),
        on_progress=on_progress,
      )
  print(
    f'{out}: {done.n_sentences} sentences from '
    f'{done.n_videos - len(done.skipped)} videos; {done.n_captions} captions, '
    f'{done.n_kept} match well enough; {done.n_described} videos described '
    f'now, {len(done.skipped)} skipped'
  )


def overridden(config: Config, overrides: Sequence[str]) -> Config:
  """The frozen dataclass with entries replaced by `key=value`, the key dotted.

  Raises:
    BadInput: there is no such entry, or the value does not fit it.
  """
  import ml_collections

  from vtg_jax import config_file

  entries = ml_collections.ConfigDict(dataclasses.asdict(config))
  entries.lock()
  for text in overrides:
    config_file.override(entries, text)
  return _rebuilt(config, entries.to_dict())


def _rebuilt(config, entries: dict):
  """The frozen dataclass, and those in it, from their entries."""
  values = {
    name: _rebuilt(getattr(config, name), value)
    if dataclasses.is_dataclass(getattr(config, name))
    else value
    for name, value in entries.items()
  }
  return type(config)(**values)
