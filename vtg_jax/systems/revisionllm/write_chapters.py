"""Computes the features of chapters of long ShapeStories, once.

    python -m vtg_jax.systems.revisionllm.write_chapters OUT --model DIR

Frames are drawn, encoded and forgotten; what is kept of a chapter of 45 s at 2
rows a second are 17 KB for 96 channels. See `chapters` for what is written.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from input_pipeline.index_features import encoded_rows
from input_pipeline.pixels import Resize
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.config import PRESETS
from vtg_jax.shape_stories.story_video import StoryVideo
from vtg_jax.systems.clip import frame_encoder
from vtg_jax.systems.clip.frame_encoder import FrameEncoder
from vtg_jax.systems.revisionllm.chapters import (
  ABOUT,
  EVENTS,
  FRAMES,
  N_SENTENCES,
  N_WORDS,
  WORDS,
  frame_ids,
  make_chapter,
  n_rows,
  sentence_of,
  told,
)


def write_chapters(
  out: str | Path,
  encoder: FrameEncoder,
  seeds: Sequence[int],
  *,
  fps: float,
  preset: str = 'standard',
  on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
  """Writes a pool of chapters.

  A folder without its chapters.json is none, and that is written last.

  Args:
    out: the folder; what is in it is replaced.
    encoder: of frames and sentences.
    seeds: of the chapters, of the training split.
    fps: rows per second.
    preset: difficulty.
    on_progress: is called with (chapters done, chapters).

  Raises:
    BadInput: a seed of another split.
  """
  out = Path(out)
  out.mkdir(parents=True, exist_ok=True)
  (out / ABOUT).unlink(missing_ok=True)
  size = Resize(size=encoder.config.image.image_size)
  frames, events, durations_s = [], [], []
  for number, seed in enumerate(seeds):
    story = make_chapter(seed, preset)
    chapter, video = told(story), StoryVideo(story, resize=size)
    ids = frame_ids(story, np.arange(n_rows(chapter, fps)), fps)
    encoded = encoded_rows(
      video, ids, encoder.start_encoding, batch=encoder.batch
    )
    frames += [features.astype(np.float16) for _, features in encoded]
    durations_s.append(chapter.duration_s)
    events += [
      (number, *event)
      for event in zip(
        chapter.pairs, chapter.start_s, chapter.end_s, strict=True
      )
    ]
    on_progress(number + 1, len(seeds))
  _save(out / FRAMES, np.concatenate(frames))
  _save(out / EVENTS, np.array(events, np.float32))
  words = [
    query.token_features
    for query in encoder.encode_queries(
      [sentence_of(i) for i in range(N_SENTENCES)]
    )
  ]
  n_words = np.array([len(x) for x in words], np.int32)
  padded = np.zeros((len(words), n_words.max(), encoder.features), np.float16)
  for row, x in zip(padded, words, strict=True):
    row[: len(x)] = x
  _save(out / WORDS, padded)
  _save(out / N_WORDS, n_words)
  about = {
    'model': encoder.name,
    'fingerprint': encoder.fingerprint,
    'preset': preset,
    'seeds': [int(seed) for seed in seeds],
    'fps': fps,
    'duration_s': durations_s,
  }
  (out / ABOUT).write_text(json.dumps(about))


def _save(path: Path, array: np.ndarray) -> None:
  np.save(path, array, allow_pickle=False)


def main(arguments: list[str] | None = None) -> int:
  """Reads the command line and writes the pool; returns the exit code."""
  parser = argparse.ArgumentParser(
    prog='python -m vtg_jax.systems.revisionllm.write_chapters',
    description='Compute the features that a small ReVisionLLM trains on.',
  )
  parser.add_argument('out', metavar='OUT', help='the folder')
  parser.add_argument(
    '--model', metavar='DIR', help='the encoder; the shipped one if left out'
  )
  parser.add_argument('--first-seed', type=int, default=0, metavar='SEED')
  parser.add_argument('--chapters', type=int, default=4000, metavar='N')
  parser.add_argument('--fps', type=float, default=2.0)
  parser.add_argument('--config', choices=PRESETS, default='standard')
  options = parser.parse_args(arguments)

  def show(done, total):
    if done % 100 == 0 or done == total:
      print(f'{done} of {total} chapters', file=sys.stderr, flush=True)

  try:
    if options.chapters < 1 or not options.fps > 0:
      raise BadInput(
        f'{options.chapters} chapters at {options.fps} rows a second cannot '
        'be; use more'
      )
    first = options.first_seed
    write_chapters(
      options.out,
      frame_encoder.load(options.model),
      range(first, first + options.chapters),
      fps=options.fps,
      preset=options.config,
      on_progress=show,
    )
  except BadInput as error:
    print(error, file=sys.stderr)
    return 2
  return 0


if __name__ == '__main__':
  sys.exit(main())
