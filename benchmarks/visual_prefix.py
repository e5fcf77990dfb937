"""A video's prefix on CPU, pixels to keys and values, against torch modules.

python -m benchmarks.table visual_prefix

The mid-size Grounded-VideoLLM of `benchmarks.prefix_reuse`: both encoders
4 x 384 on 96 frames and 12 keyframes, the adapter, and a prefill of 3420 rows
and the words before them through Phi 8 x 512. In torch the image encoder and
the language model are those of transformers, the video encoder and the adapter
are written plainly with `scaled_dot_product_attention`. Same random float32
weights, all cores, in turns; the keys and values are compared, and the best run
of each counts. Peak memory is that of a process of its own, beyond what it had
when weights and pixels were there.

The two streams against one are timed the same way: ours without the temporal
stream.
"""

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.prefix_reuse import mid_size
from benchmarks.timing import bests, medians, ratio, take_turns
from benchmarks.torch_prefix import prefix_in_torch
from vtg_jax.llm.decoder import KeyValues
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  param_shapes,
)

N_BEFORE = 16  # words before the video
SAME = 1e-3
WAYS = ('torch', 'ours', 'one_stream')


def mid_size_without_adapters() -> GroundedVideoLlmConfig:
  """As `prefix_reuse.mid_size`, adapters merged."""
  config = mid_size()
  return dataclasses.replace(
    config, llm=dataclasses.replace(config.llm, lora=None)
  )


def one_stream(config: GroundedVideoLlmConfig) -> GroundedVideoLlmConfig:
  """The same model without its temporal stream."""
  adapter = dataclasses.replace(config.two_stream, video_stream=False)
  return dataclasses.replace(config, two_stream=adapter)


def measure(
  config: GroundedVideoLlmConfig | None = None, repeats: int = 4
) -> dict:
  """Returns seconds, ratios, peak memory and the difference of the results.

  Args:
    config: Mid-size when None.
    repeats: Turns of each way.

  Raises:
    RuntimeError: ours and torch's keys and values differ.
  """
  config = config or mid_size_without_adapters()
  made = Inputs.draw(config)
  ways = {name: way(name, config, made) for name in WAYS}
  theirs = ways['torch']()
  difference = max(
    float(np.abs(np.asarray(a) - b).max())
    for a, b in zip(ways['ours'](), theirs, strict=True)
  )
  print(json.dumps({'difference': difference}), flush=True)
  if not difference < SAME:
    raise RuntimeError(f'the two prefixes differ by {difference}')
  del theirs
  seconds = take_turns(ways, repeats=repeats)
  best = bests(seconds)
  return {
    **best,
    'medians': medians(seconds),
    'ratio': round(best['torch'] / best['ours'], 3),
    'streams_ratio': ratio(seconds, 'ours', 'one_stream'),
    'rows': {
      'ours': config.n_video,
      'one_stream': one_stream(config).n_video,
    },
    'difference': difference,
    'peak_mb': {name: _peak_in_own_process(name) for name in WAYS},
  }


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  peak, n_rows = result['peak_mb'], result['rows']
  return [
    (
      f'Grounded-VideoLLM, encode and prefill a video ({n_rows["ours"]} rows): '
      'torch time over ours',
      f'{result["ratio"]:.2f} ({result["torch"]:.1f} s, {result["ours"]:.1f} '
      f's); peak memory {peak["torch"]} MB, {peak["ours"]} MB',
      '>= 1',
    ),
    (
      'Grounded-VideoLLM, the same: both streams over the image stream alone '
      f'({n_rows["one_stream"]} rows)',
      f'{result["streams_ratio"]:.2f} ({result["ours"]:.1f} s, '
      f'{result["one_stream"]:.1f} s); peak memory {peak["ours"]} MB, '
      f'{peak["one_stream"]} MB',
      '',
    ),
  ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inputs:
  """What all ways have in common.

  Attributes:
    params: Random, nested; those of both streams.
    keyframes: Raw pixels, uint8 [1 S h w 3].
    frames: The same, uint8 [1 F v u 3].
    before_ids: Words before the video.
  """

  params: dict
  keyframes: np.ndarray
  frames: np.ndarray
  before_ids: np.ndarray

  @classmethod
  def draw(cls, config: GroundedVideoLlmConfig) -> 'Inputs':
    """Random ones, the same each time."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
      noise = 0.02 * rng.standard_normal(leaf.shape, np.float32)
      is_one = path[-1].key in ('scale', 'ls1', 'ls2')
      return noise + 1 if is_one else noise

    def pixels(n, encoder):
      size = encoder.image_size
      return rng.integers(0, 256, (1, n, size, size, 3), np.uint8)

    return cls(
      params=jax.tree_util.tree_map_with_path(draw, param_shapes(config)),
      keyframes=pixels(config.n_segments, config.image_encoder),
      frames=pixels(config.n_frames, config.video_encoder),
      before_ids=rng.integers(3, 100, N_BEFORE),
    )


def way(
  name: str, config: GroundedVideoLlmConfig, made: Inputs
) -> Callable[[], object]:
  """What computes keys and values [L 1 T K H], all layers, in one of `WAYS`."""
  if name == 'torch':
    return prefix_in_torch(
      config, made.params, made.keyframes, made.frames, made.before_ids
    )
  return _in_jax(config if name == 'ours' else one_stream(config), made)


def _in_jax(config, made: Inputs):
  network = GroundedVideoLlm(config, Compute())
  params = jax.tree.map(jnp.asarray, made.params)
  if not config.two_stream.video_stream:
    del params['video_encoder'], params['two_stream']['video_projector']
  ids = jnp.asarray(made.before_ids)[None]

  @jax.jit
  def prefix(params, keyframes, frames) -> KeyValues:
    def apply(*args, method):
      return network.apply({'params': params}, *args, method=method)

    seen = apply(keyframes, frames, method='see')
    embeds = jnp.concatenate([apply(ids, method='embed_tokens'), seen], 1)
    positions = jnp.arange(embeds.shape[1])[None]
    return apply(embeds, positions, method='decode').kv

  pixels = jnp.asarray(made.keyframes), jnp.asarray(made.frames)
  return lambda: prefix(params, *pixels)


def _peak_in_own_process(name: str) -> int:
  done = subprocess.run(
    [sys.executable, '-m', 'benchmarks.visual_prefix', '--peak', name],
    cwd=Path(__file__).parents[1],
    check=True,
    stdout=subprocess.PIPE,
    text=True,
  )
  return int(done.stdout.split()[-1])


def _peak(name: str) -> int:
  """Megabytes that one way takes beyond weights and pixels."""
  config = mid_size_without_adapters()
  run = way(name, config, Inputs.draw(config))
  before = _resident_mb()
  for _ in range(2):
    jax.block_until_ready(run())
  most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
  return round(most - before)


def _resident_mb() -> float:
  pages = int(Path('/proc/self/statm').read_text().split()[1])
  return pages * resource.getpagesize() / 2**20


if __name__ == '__main__':
  parser = argparse.ArgumentParser()
  parser.add_argument('--peak', choices=WAYS, required=True)
  print(_peak(parser.parse_args().peak))
