"""The video encoder on CPU against the same module written in torch.

python -m benchmarks.table video_encoder

One clip of 12 frames at 224 px in 16 px patches is 2352 tokens. The torch
module is written plainly with `scaled_dot_product_attention`, has the same
weights, and its output is compared. Both use all cores, in turns; the row shows
the best run of each.
"""

import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from benchmarks.timing import bests, medians, take_turns
from vtg_jax.encoders.umt import Umt, UmtConfig, position_table
from vtg_jax.nn.compute import Compute

N_FRAMES = 12
# Width, layers, heads, repeats. The second is the released width, two layers.
SIZES = ((384, 12, 6, 9), (1024, 2, 16, 9))


def umt_config(width: int, n_layers: int, n_heads: int) -> UmtConfig:
  """224 px in 16 px patches, MLP four times as wide."""
  return UmtConfig(
    width=width,
    n_layers=n_layers,
    n_heads=n_heads,
    mlp_hidden=4 * width,
    image_size=224,
    patch_size=16,
    tubelet_size=1,
    channels=3,
    norm_eps=1e-6,
  )


def measure() -> dict:
  """Returns seconds of each, their ratio and the difference of outputs."""
  return {
    f'{n_layers} x {width}': _compare(
      umt_config(width, n_layers, n_heads), repeats
    )
    for width, n_layers, n_heads, repeats in SIZES
  }


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  return [
    (
      f'video encoder {size}, 2352 tokens: torch time over ours',
      f'{row["ratio"]:.2f} ({row["torch"] * 1e3:.0f} ms, '
      f'{row["ours"] * 1e3:.0f} ms)',
      '>= 1',
    )
    for size, row in result.items()
  ]


def _compare(config: UmtConfig, repeats: int) -> dict:
  import torch

  torch.set_num_threads(os.cpu_count())
  rng = np.random.default_rng(0)
  side = config.image_size
  video = rng.normal(size=(1, N_FRAMES, side, side, 3)).astype(np.float32)
  model = Umt(config, Compute())
  params = _random_params(model, video, rng)
  ours = jax.jit(lambda p, x: model.apply({'params': p}, x).features)
  theirs = _torch_encoder(config, params)
  pixels = jnp.asarray(video)
  tensor = torch.from_numpy(video).permute(0, 4, 1, 2, 3).contiguous()
  device = jax.tree.map(jnp.asarray, params)
  with torch.inference_mode():
    got = np.asarray(ours(device, pixels)).reshape(1, -1, config.width)
    difference = float(np.abs(got - theirs(tensor).numpy()).max())
    if difference > 1e-3:
      raise RuntimeError(f'the two encoders differ by {difference}')
    seconds = take_turns(
      {'torch': lambda: theirs(tensor), 'ours': lambda: ours(device, pixels)},
      repeats=repeats,
    )
  best = bests(seconds)
  return {
    **best,
    'medians': medians(seconds),
    'ratio': round(best['torch'] / best['ours'], 3),
    'max_abs_diff': difference,
  }


def _random_params(model: Umt, video: np.ndarray, rng) -> dict:
  """Kernels of standard deviation 0.02, other parameters near their start."""
  shapes = jax.eval_shape(
    lambda key: model.init(key, jnp.zeros(video.shape)), jax.random.key(0)
  )['params']

  def draw(path, leaf):
    noise = 0.02 * rng.normal(size=leaf.shape).astype(np.float32)
    return noise + 1 if path[-1].key == 'scale' else noise

  return jax.tree_util.tree_map_with_path(draw, nn.meta.unbox(shapes))


def _torch_encoder(config: UmtConfig, params: Mapping):
  """The same function of [B C F h w], in torch."""
  import torch
  from torch.nn import functional as F

  width, n_heads = config.width, config.n_heads

  class Block(torch.nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self):
      super().__init__()
      self.norm1 = torch.nn.LayerNorm(width, eps=config.norm_eps)
      self.qkv = torch.nn.Linear(width, 3 * width)
      self.proj = torch.nn.Linear(width, width)
      self.norm2 = torch.nn.LayerNorm(width, eps=config.norm_eps)
      self.fc1 = torch.nn.Linear(width, config.mlp_hidden)
      self.fc2 = torch.nn.Linear(config.mlp_hidden, width)

    def forward(self, x):
      B, T, D = x.shape
      qkv = self.qkv(self.norm1(x)).view(B, T, 3, n_heads, D // n_heads)
      q, k, v = qkv.permute(2, 0, 3, 1, 4)
      out = F.scaled_dot_product_attention(q, k, v)
      x = x + self.proj(out.transpose(1, 2).reshape(B, T, D))
      return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

  class Encoder(torch.nn.Module):
    """Patches, positions, blocks."""

    def __init__(self):
      super().__init__()
      patch = (1, config.patch_size, config.patch_size)
      self.patch_embed = torch.nn.Conv3d(3, width, patch, stride=patch)
      table = position_table(config, N_FRAMES)
      self.register_buffer('table', torch.from_numpy(np.float32(table)))
      self.blocks = torch.torch.nn.ModuleList(
        Block() for _ in range(config.n_layers)
      )

    def forward(self, video):
      x = self.patch_embed(video).flatten(2).transpose(1, 2) + self.table
      for block in self.blocks:
        x = block(x)
      return x

  encoder = Encoder().eval()
  state = {'table': encoder.table}

  def linear(name, layer, index=...):
    state[f'{name}.weight'] = torch.tensor(layer['kernel'][index].T)
    state[f'{name}.bias'] = torch.tensor(layer['bias'][index])

  kernel = params['patch_embed']['kernel'].reshape(
    1, config.patch_size, config.patch_size, 3, width
  )
  state['patch_embed.weight'] = torch.tensor(kernel.transpose(4, 3, 0, 1, 2))
  state['patch_embed.bias'] = torch.tensor(params['patch_embed']['bias'])
  layers = params['layers']
  qkv = layers['qkv']
  zeros = np.zeros_like(qkv['q_bias'])
  biases = np.concatenate([qkv['q_bias'], zeros, qkv['v_bias']], axis=-1)
  for i in range(config.n_layers):
    name = f'blocks.{i}'
    linear(f'{name}.qkv', {'kernel': qkv['kernel'], 'bias': biases}, i)
    for part in ('proj', 'fc1', 'fc2'):
      linear(f'{name}.{part}', layers[part], i)
    for part in ('norm1', 'norm2'):
      state[f'{name}.{part}.weight'] = torch.tensor(layers[part]['scale'][i])
      state[f'{name}.{part}.bias'] = torch.tensor(layers[part]['bias'][i])
  encoder.load_state_dict(state)
  return encoder
