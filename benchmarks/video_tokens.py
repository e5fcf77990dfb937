"""TimeChat's frames to video tokens on CPU, against the same modules in torch.

python -m benchmarks.table video_tokens

96 frames at 224 px and the sentences of their times go through the image
encoder, the image Q-Former and the video Q-Former, of full width, but with 2 of
39 blocks, 2 of 12 layers and both of 2. The torch modules are written plainly
with `scaled_dot_product_attention`, have the same random float32 weights, and
their tokens are compared. Both use all cores, in turns; the row shows the best
run of each. How often a video is read is no matter of time: once, whatever is
asked of it, see tests/systems/timechat/grounder_test.py.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import bests, medians, take_turns
from benchmarks.torch_video_tokens import tokens_in_torch
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.timechat.config import TimeChatConfig, full
from vtg_jax.systems.timechat.model import TimeChat, param_shapes
from vtg_jax.systems.timechat.shapes import TIME_TOKENS

SAME = 1e-3
# Of the sentence of a frame's time; the rest of its row is padding.
_WORDS = 12


def shallow() -> TimeChatConfig:
  """Full width, few layers, and hardly a language model."""
  config = full()
  few = {'n_layers': 2}
  return dataclasses.replace(
    config,
    encoder=dataclasses.replace(config.encoder, **few),
    qformer=dataclasses.replace(config.qformer, **few),
    llm=dataclasses.replace(
      config.llm, n_layers=1, vocab_size=8, mlp_hidden=8, lora=None
    ),
  )


def measure(config: TimeChatConfig | None = None, repeats: int = 4) -> dict:
  """Returns seconds of each, their ratio and the difference of tokens.

  Args:
    config: `shallow()` when None.
    repeats: Turns of each.

  Raises:
    RuntimeError: ours and torch's tokens differ.
  """
  config = config or shallow()
  params, inputs = _drawn(config)
  theirs = tokens_in_torch(config, params, *inputs)
  network = TimeChat(config, Compute())
  see = jax.jit(lambda params, *x: network.apply(params, *x, method='see'))
  on_device = jax.tree.map(jnp.asarray, ({'params': params}, *inputs))

  def ours():
    return see(*on_device)

  difference = float(np.abs(np.asarray(ours()) - theirs()).max())
  if not difference < SAME:
    raise RuntimeError(f'the two ways differ by {difference}')
  seconds = take_turns({'torch': theirs, 'ours': ours}, repeats=repeats)
  best = bests(seconds)
  return {
    **best,
    'medians': medians(seconds),
    'ratio': round(best['torch'] / best['ours'], 3),
    'frames': config.n_frames,
    'layers': [
      config.encoder.n_layers,
      config.qformer.n_layers,
      config.video_qformer.qformer.n_layers,
    ],
    'difference': difference,
  }


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  layers = ', '.join(map(str, result['layers']))
  return [
    (
      f'TimeChat, {result["frames"]} frames through image encoder and both '
      f'Q-Formers ({layers} layers, full width): torch time over ours',
      f'{result["ratio"]:.2f} ({result["torch"]:.1f} s, {result["ours"]:.1f} '
      's)',
      '>= 1',
    )
  ]


def _drawn(config: TimeChatConfig):
  """Random parameters but for the language model's, and a video."""
  rng = np.random.default_rng(0)

  def draw(path, leaf):
    noise = 0.02 * rng.standard_normal(leaf.shape, np.float32)
    return noise + 1 if path[-1].key == 'scale' else noise

  shapes = param_shapes(config)
  del shapes['llm']
  params = jax.tree_util.tree_map_with_path(draw, shapes)
  F, size = config.n_frames, config.encoder.image_size
  frames = rng.integers(0, 256, (1, F, size, size, 3), np.uint8)
  ids = rng.integers(0, config.qformer.vocab_size, (1, F, TIME_TOKENS))
  mask = np.broadcast_to(np.arange(TIME_TOKENS) < _WORDS, ids.shape)
  return params, (frames, ids, mask.copy())
