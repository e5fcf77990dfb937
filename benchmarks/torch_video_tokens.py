"""TimeChat's way from frames to the tokens of a video, in torch.

Written plainly after the released modules' description, with their names, and
with `scaled_dot_product_attention` where the release writes attention out.
"""

import os
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Bool, Int, UInt8

from input_pipeline.pixels import CLIP_MEAN, CLIP_STD
from vtg_jax.adapters.video_qformer import windows_of
from vtg_jax.systems.replay.golden_weights import released_tensors
from vtg_jax.systems.timechat import release
from vtg_jax.systems.timechat.config import TimeChatConfig


def tokens_in_torch(
  config: TimeChatConfig,
  params: Mapping,
  frames: UInt8[np.ndarray, '1 F h w 3'],
  time_ids: Int[np.ndarray, '1 F T'],
  time_mask: Bool[np.ndarray, '1 F T'],
) -> Callable[[], np.ndarray]:
  """What computes the tokens [1 Q E] of a video.

  Args:
    config: sizes; the words of times are kept, as released.
    params: ours, nested, without those of the language model.
    frames: raw pixels.
    time_ids: the sentence that tells each frame's time.
    time_mask: true on its real tokens.
  """
  import torch

  torch.set_num_threads(os.cpu_count())
  model = _model(config).eval()
  tensors = released_tensors(params, release.table(config))
  state = {k: torch.tensor(np.ascontiguousarray(x)) for k, x in tensors.items()}
  model.load_state_dict(state)
  inputs = [torch.from_numpy(x[0]) for x in (frames, time_ids, time_mask)]

  @torch.inference_mode()
  def tokens():
    return model(*inputs).numpy()

  return tokens


def _model(config: TimeChatConfig):
  import torch
  from torch import nn
  from torch.nn import functional

  def attend(q, k, v, n_heads, mask=None):
    def heads(x):
      return x.view(*x.shape[:2], n_heads, -1).transpose(1, 2)

    out = functional.scaled_dot_product_attention(
      heads(q), heads(k), heads(v), attn_mask=mask
    )
    return out.transpose(1, 2).flatten(2)

  block = config.encoder.block

  class ImageAttention(nn.Module):
    """Keys have no bias."""

    def __init__(self):
      super().__init__()
      self.q_bias = nn.Parameter(torch.zeros(block.width))
      self.v_bias = nn.Parameter(torch.zeros(block.width))
      self.qkv = nn.Linear(block.width, 3 * block.width, bias=False)
      self.proj = nn.Linear(block.width, block.width)

    def forward(self, x):
      none = torch.zeros_like(self.q_bias)
      bias = torch.cat([self.q_bias, none, self.v_bias])
      qkv = functional.linear(x, self.qkv.weight, bias)
      return self.proj(attend(*qkv.chunk(3, -1), block.n_heads))

  class Mlp(nn.Module):
    """Two linear layers."""

    def __init__(self):
      super().__init__()
      self.fc1 = nn.Linear(block.width, block.mlp_hidden)
      self.fc2 = nn.Linear(block.mlp_hidden, block.width)

    def forward(self, x):
      return self.fc2(functional.gelu(self.fc1(x)))

  class Block(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self):
      super().__init__()
      self.norm1 = nn.LayerNorm(block.width, eps=block.norm_eps)
      self.attn = ImageAttention()
      self.norm2 = nn.LayerNorm(block.width, eps=block.norm_eps)
      self.mlp = Mlp()

    def forward(self, x):
      x = x + self.attn(self.norm1(x))
      return x + self.mlp(self.norm2(x))

  class ImageEncoder(nn.Module):
    """Class token and patches, positions, blocks."""

    def __init__(self):
      super().__init__()
      own, width = config.encoder, block.width
      patch = own.patch_size
      self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
      self.pos_embed = nn.Parameter(torch.zeros(1, 1 + own.grid**2, width))
      self.patch_embed = nn.ModuleDict(
        {'proj': nn.Conv2d(3, width, patch, stride=patch)}
      )
      self.blocks = nn.ModuleList(Block() for _ in range(own.n_layers))

    def forward(self, images):
      x = self.patch_embed['proj'](images).flatten(2).transpose(1, 2)
      first = self.cls_token.expand(len(x), -1, -1)
      x = torch.cat([first, x], 1) + self.pos_embed
      for one in self.blocks:
        x = one(x)
      return x

  def bert(shape):
    """A Q-Former of some sizes, which may read text."""
    width, eps = shape.width, shape.norm_eps

    class Projections(nn.Module):
      """Queries, keys and values."""

      def __init__(self, keys_width):
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(keys_width, width)
        self.value = nn.Linear(keys_width, width)

    class Output(nn.Module):
      """The end of a sub-layer: residual and norm."""

      def __init__(self, n_in):
        super().__init__()
        self.dense = nn.Linear(n_in, width)
        self.LayerNorm = nn.LayerNorm(width, eps=eps)

      def forward(self, h, x):
        return self.LayerNorm(x + self.dense(h))

    class Attention(nn.Module):
      """Attention of x over the rows of y."""

      def __init__(self, keys_width=width):
        super().__init__()
        self.self = Projections(keys_width)
        self.output = Output(width)

      def forward(self, x, y, mask=None):
        own = self.self
        q, k, v = own.query(x), own.key(y), own.value(y)
        return self.output(attend(q, k, v, shape.n_heads, mask), x)

    def inner():
      return nn.ModuleDict({'dense': nn.Linear(width, shape.mlp_hidden)})

    class Layer(nn.Module):
      """Queries look at features; queries and text go on apart."""

      def __init__(self, index):
        super().__init__()
        self.attention = Attention()
        self.crossattention = None
        if index % shape.cross_attention_every == 0:
          self.crossattention = Attention(shape.features_width)
        self.intermediate_query = inner()
        self.output_query = Output(shape.mlp_hidden)
        if shape.reads_text:
          self.intermediate = inner()
          self.output = Output(shape.mlp_hidden)

      def forward(self, x, features, mask):
        x = self.attention(x, x, mask)
        n = shape.n_tokens
        queries, text = x[:, :n], x[:, n:]
        if self.crossattention is not None:
          queries = self.crossattention(queries, features)
        h = functional.gelu(self.intermediate_query['dense'](queries))
        queries = self.output_query(h, queries)
        if not shape.reads_text:
          return queries
        h = functional.gelu(self.intermediate['dense'](text))
        return torch.cat([queries, self.output(h, text)], 1)

    class Embeddings(nn.Module):
      """Words at their places, behind the queries."""

      def __init__(self):
        super().__init__()
        if shape.reads_text:
          self.word_embeddings = nn.Embedding(shape.vocab_size, width)
          self.position_embeddings = nn.Embedding(shape.max_positions, width)
        self.LayerNorm = nn.LayerNorm(width, eps=eps)

      def forward(self, x, ids):
        if ids is not None:
          places = self.position_embeddings.weight[: ids.shape[1]]
          x = torch.cat([x, self.word_embeddings(ids) + places], 1)
        return self.LayerNorm(x)

    class Bert(nn.Module):
      """All rows after the last layer."""

      def __init__(self):
        super().__init__()
        self.embeddings = Embeddings()
        layers = nn.ModuleList(Layer(i) for i in range(shape.n_layers))
        self.encoder = nn.ModuleDict({'layer': layers})

      def forward(self, queries, features, ids=None, mask=None):
        x = self.embeddings(queries.expand(len(features), -1, -1), ids)
        if mask is not None:
          there = mask.new_ones(len(mask), shape.n_tokens)
          mask = torch.cat([there, mask], 1)[:, None, None]
        for layer in self.encoder['layer']:
          x = layer(x, features, mask)
        return x

    return nn.ModuleDict({'bert': Bert()})

  class Model(nn.Module):
    """All of it."""

    def __init__(self):
      super().__init__()
      video = config.video_qformer
      width = config.qformer.width
      self.visual_encoder = ImageEncoder()
      self.ln_vision = nn.LayerNorm(block.width, eps=config.vision_norm_eps)
      self.query_tokens = nn.Parameter(
        torch.zeros(1, config.qformer.n_tokens, width)
      )
      self.Qformer = bert(config.qformer)
      self.video_query_tokens = nn.Parameter(
        torch.zeros(1, video.qformer.n_tokens, width)
      )
      self.video_frame_position_embedding = nn.Embedding(video.n_frames, width)
      self.video_Qformer = bert(video.qformer)
      self.llama_proj = nn.Linear(width, config.llm.width)
      shape = (1, 3, 1, 1)
      self.mean = torch.tensor(CLIP_MEAN).view(shape)
      self.std = torch.tensor(CLIP_STD).view(shape)

    def forward(self, frames, ids, mask):  # [F h w 3], [F T], [F T]
      images = frames.permute(0, 3, 1, 2).float() / 255
      images = ((images - self.mean) / self.std).float()
      features = self.ln_vision(self.visual_encoder(images))
      rows = self.Qformer['bert'](self.query_tokens, features, ids, mask)
      rows = (
        rows + self.video_frame_position_embedding.weight[: len(rows), None]
      )
      seen, _ = windows_of(config.video_qformer, len(rows))
      windows = rows[torch.from_numpy(seen)].flatten(1, 2)
      out = self.video_Qformer['bert'](self.video_query_tokens, windows)
      return self.llama_proj(out.flatten(0, 1))[None]

  return Model()
