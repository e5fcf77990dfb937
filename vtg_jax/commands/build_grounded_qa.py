"""`vtg build-grounded-qa`: captions with times to grounded questions."""

from pathlib import Path
from typing import Annotated

import typer

from vtg_jax import report
from vtg_jax.commands.build_internvid_g import overridden
from vtg_jax.folder_lock import FolderLock


def build_grounded_qa(
  captions: Annotated[
    Path,
    typer.Argument(
      metavar='CAPTIONS.json',
      help='What happens in videos when, as in ActivityNet-Captions.',
    ),
  ],
  overrides: Annotated[
    list[str] | None,
    typer.Argument(
      metavar='KEY=VALUE',
      help='Choices such as distractors.count=4 or '
      'video_file=activitynet/{name}.mp4.',
    ),
  ] = None,
  *,
  out: Annotated[
    Path, typer.Option(metavar='FILE.json', help='The file to write.')
  ],
  writer: Annotated[
    str,
    typer.Option(
      metavar='MODEL',
      help='Writes the questions: a folder or Hugging Face id, the URL of a '
      "server of OpenAI's protocol, module:callable, or template.",
    ),
  ],
  served_model: Annotated[
    str | None,
    typer.Option(metavar='NAME', help="Which of the server's models."),
  ] = None,
  embedder: Annotated[
    str,
    typer.Option(
      metavar='MODEL',
      help='Finds answers that are alike: a folder or Hugging Face id of a '
      'model such as CLIP, module:callable, or words.',
    ),
  ] = 'words',
  download: Annotated[
    bool,
    typer.Option('--download', help='Fetch Hugging Face models not yet here.'),
  ] = False,
) -> None:
  """Write questions with options and evidence, or go on where a run stood."""
  from input_pipeline import grounded_qa
  from vtg_jax.dataset_builders import named_models

  config = overridden(grounded_qa.GroundedQaConfig(), overrides or ())
  videos = grounded_qa.read_captions(captions)
  report.check_output(out, ('.json',), keep=captions)
  with FolderLock(out.parent):
    models = {
      'writer': named_models.load_writer(
        writer, model=served_model, download=download
      ),
      'embedder': named_models.load_text_embedder(embedder, download=download),
    }
    with report.progress('asking about videos') as on_progress:
      done = grounded_qa.build_dataset(
        videos, out, config, **models, on_progress=on_progress
      )
  print(
    f'{out}: {done.n_items} questions about {done.n_videos} videos; '
    f'{done.n_events} events, {done.n_questions} usable questions; '
    f'{done.n_asked} videos asked about now'
  )
  for why, n_replies in sorted(done.refused.items()):
    report.notice(f'{n_replies} replies refused: {why}')
