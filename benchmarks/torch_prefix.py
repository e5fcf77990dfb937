"""Grounded-VideoLLM's way from pixels to keys and values, in torch.

Image encoder and language model are those of transformers; video encoder and
adapter are written plainly, with `scaled_dot_product_attention`.
"""

import os
from collections.abc import Callable, Mapping

import jax
import numpy as np
from jaxtyping import Int, UInt8

from input_pipeline.pixels import (
  CLIP_MEAN,
  CLIP_STD,
  IMAGENET_MEAN,
  IMAGENET_STD,
)
from vtg_jax.convert.clip_vit import clip_vit_table
from vtg_jax.convert.internvideo2 import internvideo2_table
from vtg_jax.convert.phi3 import phi3_table
from vtg_jax.encoders.internvideo2 import stretch_in_time
from vtg_jax.systems.replay.golden_weights import released_tensors
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig


def prefix_in_torch(
  config: GroundedVideoLlmConfig,
  params: Mapping,
  keyframes: UInt8[np.ndarray, '1 S h w 3'],
  frames: UInt8[np.ndarray, '1 F v u 3'],
  before_ids: Int[np.ndarray, ' T'],
) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
  """What computes the keys and values [L 1 T K H] of a video's prefix.

  Args:
    config: sizes, of a model that merges patches.
    params: ours, nested.
    keyframes: raw pixels.
    frames: raw pixels.
    before_ids: words before the video.
  """
  import torch

  torch.set_num_threads(os.cpu_count())
  adapter = config.two_stream
  see_image = _torch_image_encoder(config, params)
  see_video = _torch_video_encoder(config, params['video_encoder'])
  llm = _torch_llm(config, params)
  two_stream = jax.tree.map(torch.from_numpy, params['two_stream'])
  keyframes, frames = map(torch.from_numpy, (keyframes, frames))
  ids = torch.from_numpy(before_ids)[None]
  functional = torch.nn.functional

  def normalised(pixels, mean, std):  # [1 F h w 3] -> [F 3 h w]
    shape = (1, 3, 1, 1)
    x = pixels[0].permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor(mean).view(shape), torch.tensor(std).view(shape)
    return ((x - mean) / std).float()

  def project(x, name):
    of = two_stream[name]
    x = functional.gelu(x @ of['fc1']['kernel'] + of['fc1']['bias'])
    return x @ of['fc2']['kernel'] + of['fc2']['bias']

  def image_rows(x):  # [S P D]
    S, side = len(x), adapter.image_side
    n = adapter.image_grid // side
    x = x.reshape(S, side, n, side, n, -1).permute(0, 1, 3, 2, 4, 5)
    x = x.reshape(S, side, side, -1)
    newline = two_stream['newline'].expand(S, side, 1, -1)
    return torch.cat([x, newline], 2).flatten(1, 2)

  def video_rows(x):  # [S F*Q E]
    S, grid = len(x), adapter.video_grid
    x = x.reshape(S * config.frames_per_segment, grid, grid, -1)
    x = x.permute(0, 3, 1, 2)
    x = functional.adaptive_avg_pool2d(x, adapter.video_side)
    return x.flatten(2).transpose(1, 2).reshape(S, -1, adapter.video_width)

  @torch.inference_mode()
  def prefix():
    image = see_image(normalised(keyframes, CLIP_MEAN, CLIP_STD))
    clips = normalised(frames, IMAGENET_MEAN, IMAGENET_STD)
    clips = clips.view(config.n_segments, -1, *clips.shape[1:])
    video = see_video(clips.transpose(1, 2))
    S = config.n_segments
    separator = project(two_stream['separator'], 'image_projector')
    parts = [
      project(image_rows(image), 'image_projector'),
      project(video_rows(video), 'video_projector'),
      separator.expand(S, 1, -1),
    ]
    seen = torch.cat(parts, 1).view(1, -1, adapter.width)
    embeds = torch.cat([llm.embed_tokens(ids), seen], 1)
    cache = llm(inputs_embeds=embeds, use_cache=True).past_key_values
    layers = cache.layers
    return tuple(
      torch.stack([getattr(layer, name) for layer in layers])
      .transpose(2, 3)
      .numpy()
      for name in ('keys', 'values')
    )

  return prefix


def _torch_image_encoder(config, params):
  """[S 3 h w] -> patches [S P D], in transformers."""
  import transformers

  shape = config.image_encoder
  block = shape.block
  model = transformers.CLIPVisionModel(
    transformers.CLIPVisionConfig(
      hidden_size=block.width,
      intermediate_size=block.mlp_hidden,
      num_hidden_layers=shape.n_layers,
      num_attention_heads=block.n_heads,
      image_size=shape.image_size,
      patch_size=shape.patch_size,
      hidden_act=block.activation,
      layer_norm_eps=block.norm_eps,
    )
  ).eval()
  table = clip_vit_table(patch_size=shape.patch_size, n_layers=shape.n_layers)
  tensors = released_tensors({'image_encoder': params['image_encoder']}, table)
  _load(model, tensors, may_lack=('post_layernorm', 'position_ids'))
  return lambda pixels: model(pixels).last_hidden_state[:, 1:]


def _torch_llm(config, params):
  """Phi-3 without its head, in transformers."""
  import transformers

  shape = config.llm
  rope = shape.long_rope
  model = transformers.Phi3Model(
    transformers.Phi3Config(
      vocab_size=shape.vocab_size,
      hidden_size=shape.width,
      intermediate_size=shape.mlp_hidden,
      num_hidden_layers=shape.n_layers,
      num_attention_heads=shape.n_heads,
      num_key_value_heads=shape.n_kv_heads,
      rms_norm_eps=shape.norm_eps,
      max_position_embeddings=shape.max_positions,
      original_max_position_embeddings=rope.original_positions,
      rope_parameters={
        'rope_type': 'longrope',
        'rope_theta': shape.rope_theta,
        'short_factor': list(rope.short_factors),
        'long_factor': list(rope.long_factors),
        'original_max_position_embeddings': rope.original_positions,
      },
      bos_token_id=1,
      eos_token_id=2,
      pad_token_id=0,
    )
  ).eval()
  llm = {k: v for k, v in params['llm'].items() if k != 'lm_head'}
  tensors = released_tensors({'llm': llm}, phi3_table())
  tensors = {k.removeprefix('model.'): v for k, v in tensors.items()}
  _load(model, tensors)
  return model


def _torch_video_encoder(config, params):
  """[S 3 F h w] -> patches [S F*Q E], in plain torch."""
  import torch
  from torch.nn import functional

  shape = config.video_encoder
  block = shape.block
  width, n_heads = block.width, block.n_heads

  class Attention(torch.nn.Module):
    """Norms over all heads together on queries and keys."""

    def __init__(self):
      super().__init__()
      self.qkv = torch.nn.Linear(width, 3 * width, bias=False)
      self.q_norm = torch.nn.RMSNorm(width, eps=block.norm_eps)
      self.k_norm = torch.nn.RMSNorm(width, eps=block.norm_eps)
      self.proj = torch.nn.Linear(width, width)

    def forward(self, x):
      B, T, D = x.shape
      q, k, v = self.qkv(x).chunk(3, -1)
      q, k, v = (
        z.view(B, T, n_heads, -1).transpose(1, 2)
        for z in (self.q_norm(q), self.k_norm(k), v)
      )
      out = functional.scaled_dot_product_attention(q, k, v)
      return self.proj(out.transpose(1, 2).reshape(B, T, D))

  class Mlp(torch.nn.Module):
    """Two linear layers."""

    def __init__(self):
      super().__init__()
      self.fc1 = torch.nn.Linear(width, block.mlp_hidden)
      self.fc2 = torch.nn.Linear(block.mlp_hidden, width)

    def forward(self, x):
      return self.fc2(functional.gelu(self.fc1(x)))

  class Factors(torch.nn.Module):
    """Learned factors on a branch."""

    def __init__(self):
      super().__init__()
      self.gamma = torch.nn.Parameter(torch.ones(width))

    def forward(self, x):
      return x * self.gamma

  class Block(torch.nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self):
      super().__init__()
      self.norm1 = torch.nn.RMSNorm(width, eps=block.norm_eps)
      self.attn, self.ls1 = Attention(), Factors()
      self.norm2 = torch.nn.RMSNorm(width, eps=block.norm_eps)
      self.mlp, self.ls2 = Mlp(), Factors()

    def forward(self, x):
      x = x + self.ls1(self.attn(self.norm1(x)))
      return x + self.ls2(self.mlp(self.norm2(x)))

  class PatchEmbed(torch.nn.Module):
    """Tubelets."""

    def __init__(self):
      super().__init__()
      patch = (shape.tubelet_size, shape.patch_size, shape.patch_size)
      self.proj = torch.nn.Conv3d(3, width, patch, stride=patch)

    def forward(self, x):
      return self.proj(x).flatten(2).transpose(1, 2)

  class Encoder(torch.nn.Module):
    """Class token, patches, positions stretched beforehand, blocks."""

    def __init__(self):
      super().__init__()
      n_steps = config.frames_per_segment // shape.tubelet_size
      self.cls_token = torch.nn.Parameter(torch.zeros(1, 1, width))
      self.pos_embed = torch.nn.Parameter(
        torch.zeros(1, 1 + n_steps * shape.grid**2, width)
      )
      self.patch_embed = PatchEmbed()
      self.blocks = torch.nn.ModuleList(Block() for _ in range(shape.n_layers))

    def forward(self, video):
      x = self.patch_embed(video)
      first = self.cls_token.expand(len(x), -1, -1)
      x = torch.cat([first, x], 1) + self.pos_embed
      for one in self.blocks:
        x = one(x)
      return x[:, 1:]

  table = internvideo2_table(
    patch=(shape.tubelet_size, shape.patch_size, shape.patch_size),
    n_layers=shape.n_layers,
  )
  tensors = released_tensors({'video_encoder': params}, table)
  tensors['pos_embed'] = stretch_in_time(
    tensors['pos_embed'][0],
    table_steps=shape.table_steps,
    n_steps=config.frames_per_segment // shape.tubelet_size,
  )[None]
  encoder = Encoder().eval()
  _load(encoder, tensors)
  return encoder


def _load(module, tensors: Mapping[str, np.ndarray], may_lack=()) -> None:
  import torch

  own = set(module.state_dict())
  prefix = 'vision_model.' if any('vision_model.' in k for k in own) else ''
  state = {
    prefix + k: torch.tensor(np.ascontiguousarray(v))
    for k, v in tensors.items()
  }
  missing, unknown = module.load_state_dict(state, strict=False)
  missing = [k for k in missing if not any(part in k for part in may_lack)]
  if missing or unknown:
    raise RuntimeError(f'missing {missing}, unknown {unknown}')
