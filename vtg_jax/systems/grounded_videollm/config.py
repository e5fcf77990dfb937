"""Grounded-VideoLLM's numbers: what every part measures, and where from."""

import dataclasses
from collections.abc import Mapping

from vtg_jax.adapters.two_stream import TwoStreamConfig
from vtg_jax.encoders.block import BlockConfig
from vtg_jax.encoders.internvideo2 import InternVideo2Config, internvideo2_1b
from vtg_jax.encoders.vit import VitConfig, clip_vit_l14
from vtg_jax.llm.decoder_config import (
  FUSED_PROJECTIONS,
  PROJECTIONS,
  DecoderConfig,
)
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.nn.rope import LongRope
from vtg_jax.systems.checks import check_sizes
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.grounded_videollm.prompt import DIALECTS, Dialect

# Name of the system.
SYSTEM = 'grounded_videollm'
# Frames are held, and words made, before a video is read.
_MOST = {'n_frames': 4096, 'n_intervals': 100_000}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundedVideoLlmConfig:
  """Everything that shapes a Grounded-VideoLLM.

  Attributes:
    image_encoder: Sees one keyframe a segment.
    video_encoder: Sees all frames of a segment.
    two_stream: Adapter.
    llm: Language model.
    dialect: Of `prompt.DIALECTS`, how the language model is spoken to.
    n_segments: Segments of a video.
    n_frames: Frames of a video, over all segments.
    n_intervals: Steps M of the time scale; its tokens are <0> to <M>.
    max_text_tokens: Where a text is cut, the video counting as one token.
  """

  image_encoder: VitConfig
  video_encoder: InternVideo2Config
  two_stream: TwoStreamConfig
  llm: DecoderConfig
  dialect: str
  n_segments: int
  n_frames: int
  n_intervals: int
  max_text_tokens: int

  def __post_init__(self):
    for name, most in _MOST.items():
      if getattr(self, name) > most:
        raise ValueError(f'{name} is {getattr(self, name)}; use 1 to {most}')
    check_sizes(self)
    adapter = self.two_stream
    for what, there, made in (
      ('image features', adapter.image_width, self.image_encoder.block.width),
      ('image patches', adapter.image_grid, self.image_encoder.grid),
      ('video features', adapter.video_width, self.video_encoder.block.width),
      ('video patches', adapter.video_grid, self.video_encoder.grid),
      ('rows', adapter.width, self.llm.width),
    ):
      if there != made:
        raise ValueError(
          f'the adapter has {what} of {there}, its neighbour of {made}'
        )
    if self.dialect not in DIALECTS:
      raise ValueError(f'{self.dialect=} is not one of {tuple(DIALECTS)}')
    if self.n_frames % self.n_segments:
      raise ValueError(
        f'{self.n_frames=} cannot be cut into {self.n_segments=}'
      )

  @property
  def words(self) -> Dialect:
    """How the language model is spoken to."""
    return DIALECTS[self.dialect]

  @property
  def frames_per_segment(self) -> int:
    return self.n_frames // self.n_segments

  @property
  def n_video(self) -> int:
    """Rows that stand for a video in the language model's input."""
    per_segment = self.two_stream.n_segment_rows(self.frames_per_segment)
    return self.n_segments * per_segment

  @property
  def keyframes(self) -> tuple[int, ...]:
    """Of the video's frames, the ones that the image encoder sees.

    The middle of each segment, the later one of two.
    """
    length = self.frames_per_segment
    return tuple(i * length + length // 2 for i in range(self.n_segments))

  def to_dict(self) -> dict:
    """Plain JSON types; `from_dict` is the inverse."""
    return dataclasses.asdict(self)

  @classmethod
  def from_dict(cls, values: Mapping) -> 'GroundedVideoLlmConfig':
    """The config that `to_dict` wrote.

    Raises:
      BadInput: naming the entry that is missing, unknown or mistyped.
    """
    return from_json(cls, values, 'config')


# Steps of the released time scale.
_N_INTERVALS = 300
# Of the adapters; which layers have them follows from the language model.
LORA = {'rank': 128, 'alpha': 256.0, 'dropout': 0.05}


def n_new_words(n_intervals: int) -> int:
  """Tokens that are added to a language model: <0> to <M>, and the marker."""
  return n_intervals + 2


def phi3(*, long_rope: LongRope | None = None) -> GroundedVideoLlmConfig:
  """The released model with Phi-3.5, after stage 2 or 3.

  Args:
    long_rope: The factors of the base model's config.json; all 1 when None,
      which shapes the network but does not answer as released.

  Source: Grounded-VideoLLM; microsoft/Phi-3.5-vision-instruct, config.json.
  """
  ones = (1.0,) * 48
  return GroundedVideoLlmConfig(
    image_encoder=clip_vit_l14(image_size=336, n_layers=23),
    video_encoder=internvideo2_1b(),
    two_stream=TwoStreamConfig(
      width=3072,
      image_width=1024,
      image_grid=24,
      image_side=12,
      image_reduction='merge',
      video_width=1408,
      video_grid=16,
      video_side=4,
    ),
    llm=DecoderConfig(
      vocab_size=32064 + n_new_words(_N_INTERVALS),
      width=3072,
      n_layers=32,
      n_heads=32,
      n_kv_heads=32,
      head_dim=96,
      mlp_hidden=8192,
      norm_eps=1e-5,
      rope_theta=10000.0,
      max_positions=131072,
      tied_embeddings=False,
      lora=LoraConfig(**LORA, targets=FUSED_PROJECTIONS),
      fused_projections=True,
      head_bias=True,
      long_rope=long_rope
      or LongRope(
        short_factors=ones, long_factors=ones, original_positions=4096
      ),
    ),
    dialect='phi3',
    n_segments=12,
    n_frames=96,
    n_intervals=_N_INTERVALS,
    max_text_tokens=2048,
  )


def llama3() -> GroundedVideoLlmConfig:
  """The released model with Llama-3, after stage 2 or 3.

  Source: Grounded-VideoLLM; llava-hf/llama3-llava-next-8b-hf, config.json.
  """
  return GroundedVideoLlmConfig(
    image_encoder=clip_vit_l14(image_size=336, n_layers=23),
    video_encoder=internvideo2_1b(),
    two_stream=TwoStreamConfig(
      width=4096,
      image_width=1024,
      image_grid=24,
      image_side=8,
      image_reduction='pool',
      video_width=1408,
      video_grid=16,
      video_side=4,
    ),
    llm=DecoderConfig(
      vocab_size=128256 + n_new_words(_N_INTERVALS),
      width=4096,
      n_layers=32,
      n_heads=32,
      n_kv_heads=8,
      head_dim=128,
      mlp_hidden=14336,
      norm_eps=1e-5,
      rope_theta=500000.0,
      max_positions=8192,
      tied_embeddings=False,
      lora=LoraConfig(**LORA, targets=PROJECTIONS),
      head_bias=True,
    ),
    dialect='llama3',
    n_segments=12,
    n_frames=96,
    n_intervals=_N_INTERVALS,
    max_text_tokens=2048,
  )


def before_stage2(config: GroundedVideoLlmConfig) -> GroundedVideoLlmConfig:
  """The sizes of the same model in stage 1: no adapters, no words of time."""
  return dataclasses.replace(
    config,
    llm=dataclasses.replace(
      config.llm,
      vocab_size=config.llm.vocab_size - n_new_words(config.n_intervals),
      lora=None,
      head_bias=False,
    ),
  )


# Sizes of released files, by the name to ask for them.
PRESETS = {'phi3': phi3, 'llama3': llama3}


def small(*, vocab_size: int) -> GroundedVideoLlmConfig:
  """One that trains and answers on a laptop CPU: ours, not the paper's.

  Args:
    vocab_size: Of the tokenizer, words of time included.
  """
  return GroundedVideoLlmConfig(
    image_encoder=VitConfig(
      block=BlockConfig(
        width=96,
        n_heads=4,
        mlp_hidden=384,
        norm='layer',
        norm_eps=1e-5,
        activation='quick_gelu',
        fused_qkv=False,
        qkv_biases='qkv',
        qk_norm=False,
        layer_scale=None,
      ),
      n_layers=3,
      image_size=32,
      patch_size=8,
      channels=3,
      patch_bias=False,
      first_norm=True,
    ),
    video_encoder=InternVideo2Config(
      block=BlockConfig(
        width=96,
        n_heads=4,
        mlp_hidden=384,
        norm='rms',
        norm_eps=1e-6,
        activation='gelu',
        fused_qkv=True,
        qkv_biases='',
        qk_norm=True,
        # Released files begin at 1e-5, which a short training never leaves.
        layer_scale=0.1,
      ),
      n_layers=4,
      image_size=32,
      patch_size=8,
      tubelet_size=1,
      channels=3,
      table_steps=4,
      drop_path=0.0,
    ),
    two_stream=TwoStreamConfig(
      width=96,
      image_width=96,
      image_grid=4,
      image_side=2,
      image_reduction='merge',
      video_width=96,
      video_grid=4,
      # An object stays in one quarter of the frame.
      video_side=2,
    ),
    llm=DecoderConfig(
      vocab_size=vocab_size,
      width=96,
      n_layers=4,
      # The lower half of a head's frequencies must hardly turn over a prompt
      # for it to find the video rows that show what words say.
      n_heads=2,
      n_kv_heads=2,
      head_dim=48,
      mlp_hidden=256,
      norm_eps=1e-5,
      rope_theta=1e6,
      max_positions=1024,
      tied_embeddings=False,
      lora=None,
      fused_projections=True,
      head_bias=True,
    ),
    dialect='phi3',
    n_segments=12,
    n_frames=48,
    n_intervals=300,
    max_text_tokens=512,
  )
