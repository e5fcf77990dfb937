"""Queries of an hour of video, with and without an index; and compilations.

    python -m benchmarks.table long_search

An hour of ShapeStories is written as a file (14,400 frames, a minute or two).
All programs are compiled on features of noise first. Then one query is asked
of the file as it is, which decodes and encodes it; the file is indexed; and
further queries are asked by the same process, each with a new sentence and the
path of the file alone.

Compilations are counted while a model is loaded and asked about features of
noise as long as 50 random videos of one minute to two hours, with sentences of
several lengths: noise shows nothing, so that every level hands on all it was
given.
"""

import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping

import jax
import numpy as np

from benchmarks.long_model import has_model, model_folder
from input_pipeline.feature_index import index_path
from input_pipeline.feature_layout import Made
from input_pipeline.frame_features import EvenFeatures
from input_pipeline.index_features import index_features
from vtg_jax.shape_stories import LONG_PRESETS, make_long_story, write_mp4
from vtg_jax.systems import registry

MINUTES, SEED = 60.0, 9_800_000
N_QUERIES = 5
N_VIDEOS, SHORTEST_S, LONGEST_S = 50, 60.0, 7200.0
_COMPILED = '/jax/core/compile/backend_compile_duration'
_SENTENCES = (
  'a red circle is rising',
  'it spins',
  'during which part does the small green star begin to blink and shake',
)


def can_run() -> bool:
  """Whether there is a model to ask."""
  return has_model()


def measure() -> dict:
  """Seconds of queries; compilations, in a process of their own."""
  counted = subprocess.run(
    [sys.executable, '-m', 'benchmarks.long_search', '--compilations'],
    check=True,
    capture_output=True,
    text=True,
  )
  with tempfile.TemporaryDirectory() as folder:
    return {
      'queries': queries(pathlib.Path(folder)),
      'compilations': json.loads(counted.stdout.splitlines()[-1]),
    }


def rows(result: dict) -> list[tuple[str, str, str]]:
  """(what, measured, target)."""
  asked, compiled = result['queries'], result['compilations']
  return [
    (
      f'a query on an indexed file of {asked["minutes"]:g} minutes over the '
      'first query without an index',
      f'{100 * asked["ratio"]:.1f} % ({asked["indexed_s"]:.2f} s, '
      f'{asked["first_s"]:.1f} s; one more on the open file '
      f'{asked["open_s"]:.2f} s)',
      '< 10 %',
    ),
    (
      f'programs compiled for {compiled["videos"]} videos of random lengths, '
      'sentences of several lengths',
      f'{compiled["programs"]} ({_named(compiled["names"])})',
      '<= 8',
    ),
  ]


def _named(names: Mapping[str, int]) -> str:
  """'encode, 2 ask_frames' of {'jit(encode)': 1, 'jit(ask_frames)': 2}."""
  bare = {
    name.removeprefix('jit(').removesuffix(')'): n for name, n in names.items()
  }
  return ', '.join(f'{n} {name}' if n > 1 else name for name, n in bare.items())


def queries(folder: pathlib.Path, *, minutes: float = MINUTES) -> dict:
  """Seconds of a query without an index, with one, and of one more."""
  path = folder / 'hour.mp4'
  seconds = (60 * minutes, 60 * minutes)
  story = make_long_story(LONG_PRESETS['standard'](duration_s=seconds), SEED)
  write_mp4(story, path)
  grounder = registry.load(model_folder(), calibrated=False)
  texts = [query.text for query in story.queries[: N_QUERIES + 1]]
  compile_all(grounder, seconds[0], texts)

  def timed(video, text) -> float:
    begin = time.perf_counter()
    grounder.ground(video, text)
    return time.perf_counter() - begin

  first_s = timed(path, texts[0])
  encoder = grounder.frame_encoder
  made = Made(
    model=encoder.name,
    fingerprint=encoder.fingerprint,
    resize='pil',
    fps=grounder.features_fps,
    dtype='float16',
  )
  begin = time.perf_counter()
  index_features(
    grounder.open_video(path),
    index_path(path),
    made,
    encoder.start_encoding,
    width=encoder.features,
    batch=encoder.batch,
  )
  index_s = time.perf_counter() - begin
  indexed_s = statistics.median(timed(path, text) for text in texts[1:])
  video = grounder.open_video(path)
  open_s = statistics.median(timed(video, text) for text in texts[1:])
  return {
    'minutes': minutes,
    'first_s': round(first_s, 3),
    'index_s': round(index_s, 3),
    'indexed_s': round(indexed_s, 4),
    'open_s': round(open_s, 4),
    'ratio': round(indexed_s / first_s, 4),
  }


def compile_all(grounder, duration_s: float, texts: list[str]) -> None:
  """Asks about noise, so that nothing is left to compile."""
  size = grounder.frame_encoder.config.image.image_size
  grounder.frame_encoder.encode_frames(np.zeros((1, size, size, 3), np.uint8))
  for text in texts:
    grounder.ground(noise(grounder, duration_s), text)


def noise(grounder, duration_s: float, seed: int = 0) -> EvenFeatures:
  """Features that show nothing."""
  fps = grounder.features_fps
  n = max(1, round(duration_s * fps))
  rng = np.random.default_rng(seed)
  shape = (n, grounder.frame_encoder.features)
  return EvenFeatures(features=rng.normal(size=shape).astype('f4'), fps=fps)


def compilations(n_videos: int = N_VIDEOS) -> dict:
  """Programs compiled for videos of random lengths."""
  rng = np.random.default_rng(0)
  lengths_s = np.exp(
    rng.uniform(math.log(SHORTEST_S), math.log(LONGEST_S), n_videos)
  )
  compiled: list[str] = []

  def note(event: str, seconds: float, **about) -> None:
    if event == _COMPILED:
      compiled.append(about.get('fun_name', ''))

  jax.monitoring.register_event_duration_secs_listener(note)
  grounder = registry.load(model_folder(), calibrated=False)
  for i, length_s in enumerate(lengths_s.tolist()):
    text = _SENTENCES[i % len(_SENTENCES)]
    grounder.ground(noise(grounder, length_s, i), text)
  return {
    'videos': n_videos,
    'programs': len(compiled),
    'names': dict(sorted(Counter(compiled).items())),
  }


if __name__ == '__main__':
  if sys.argv[1:] == ['--compilations']:
    print(json.dumps(compilations()))
  else:
    for what, measured, target in rows(measure()):
      print(f'{what}: {measured} (target: {target})')
