"""TimeChat's numbers: what every part measures, and where each is from."""

import dataclasses
from collections.abc import Mapping

from vtg_jax.adapters.qformer import QFormerConfig
from vtg_jax.adapters.video_qformer import VideoQFormerConfig
from vtg_jax.encoders.block import BlockConfig
from vtg_jax.encoders.vit import VitConfig, eva_vit_g14
from vtg_jax.llm.decoder_config import DecoderConfig, llama_7b
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.systems.checks import check_sizes
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.timechat.time_formats import QFORMER_TIME_FORMATS, SECONDS

# Name of the system.
SYSTEM = 'timechat'
# The projections that carry an adapter.
LORA_TARGETS = ('q_proj', 'k_proj', 'v_proj', 'o_proj')
# How questions are put.
PROMPTS = ('released', 'as_trained')
# How times are told; see `time_words`.
PLACES = ('plain', 'codes')
_CHOICES = {
  'prompts': PROMPTS,
  'places': PLACES,
  'qformer_time_format': QFORMER_TIME_FORMATS,
}
# Numbers that may be 0: of a Q-Former without text, and the one window.
_MAY_BE_ZERO = ('vocab_size', 'max_positions', 'n_extra_queries', 'stride')


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimeChatConfig:
  """Everything that shapes a TimeChat.

  Attributes:
    encoder: Image encoder.
    vision_norm_eps: Epsilon of the norm between encoder and Q-Former.
    qformer: Reads a frame, and the sentence that tells its time.
    video_qformer: Reads windows of frames.
    llm: Language model.
    n_frames: Most frames that are shown of a video.
    max_time_tokens: Longest sentence about a frame's time, in tokens.
    max_text_tokens: Longest training row, the video's places included.
    keeps_text: The video Q-Former reads the rows of that sentence, too, as
      released, and not those of the queries alone.
    places: Of `PLACES`, how times are told: in seconds, or as codes of where
      in the whole they are.
    qformer_time_format: How a frame's time is told to the image Q-Former; see
      `chat.qformer_sentences`.
    prompts: Of `PROMPTS`, how questions are put: as released evaluation does,
      which is not how the release trains, or just as in training.
  """

  encoder: VitConfig
  vision_norm_eps: float
  qformer: QFormerConfig
  video_qformer: VideoQFormerConfig
  llm: DecoderConfig
  n_frames: int
  max_time_tokens: int
  max_text_tokens: int
  keeps_text: bool = True
  places: str = 'plain'
  qformer_time_format: str = SECONDS
  prompts: str = 'released'

  def __post_init__(self):
    check_sizes(self, may_be_zero=_MAY_BE_ZERO)
    for name, known in _CHOICES.items():
      if getattr(self, name) not in known:
        raise ValueError(
          f'{name} is {getattr(self, name)!r}; use one of {known}'
        )
    widths = (
      ('the image Q-Former', self.qformer, self.encoder.block.width),
      (
        'the video Q-Former',
        self.video_qformer.qformer,
        self.qformer.width,
      ),
    )
    for name, qformer, width in widths:
      if qformer.features_width != width:
        raise ValueError(
          f'{name} reads features {qformer.features_width} wide, what it reads '
          f'is {width} wide'
        )
    if self.video_qformer.qformer.width != self.qformer.width:
      raise ValueError(
        f'the Q-Formers are {self.qformer.width} and '
        f'{self.video_qformer.qformer.width} wide; frames have one width'
      )
    if not self.qformer.reads_text:
      raise ValueError('the image Q-Former reads times: it needs a vocab_size')
    if not (self.llm.vocab_size and self.llm.max_positions):
      raise ValueError('llm.vocab_size or llm.max_positions is 0; use 1 up')
    if self.n_frames > self.video_qformer.n_frames:
      raise ValueError(
        f'n_frames is {self.n_frames}; there are positions for '
        f'{self.video_qformer.n_frames}'
      )

  @property
  def most_time_tokens(self) -> int:
    """Longest sentence that the image Q-Former has positions for."""
    return min(self.max_time_tokens, self.qformer.max_positions)

  def to_dict(self) -> dict:
    """Plain JSON types; `from_dict` is the inverse."""
    return dataclasses.asdict(self)

  @classmethod
  def from_dict(cls, values: Mapping) -> 'TimeChatConfig':
    """The config that `to_dict` wrote.

    Raises:
      BadInput: naming the entry that is missing, unknown or mistyped.
    """
    return from_json(cls, values, 'config')


def video_qformer_of(
  qformer: QFormerConfig,
  *,
  n_layers: int,
  n_queries: int,
  n_frames: int,
  window: int,
  stride: int,
) -> VideoQFormerConfig:
  """The video Q-Former beside an image Q-Former, with blocks as wide.

  Args:
    qformer: Of images.
    n_layers: BERT layers; all of them look at the frames.
    n_queries: Rows that a window becomes.
    n_frames: See `VideoQFormerConfig`.
    window: See there.
    stride: See there.
  """
  return VideoQFormerConfig(
    qformer=dataclasses.replace(
      qformer,
      n_layers=n_layers,
      vocab_size=0,
      max_positions=0,
      n_queries=n_queries,
      n_extra_queries=0,
      cross_attention_every=1,
      features_width=qformer.width,
    ),
    n_frames=n_frames,
    window=window,
    stride=stride,
  )


def full() -> TimeChatConfig:
  """The released model: EVA-CLIP-g, two BERT Q-Formers, LLaMA-2-7B-chat.

  Source: TimeChat configs (224 px, 96 frames, windows of 32 every 32, LoRA of
  rank 32), bert-base-uncased plus `[DEC]`, LLaMA-2-7B-chat's config.json.
  """
  qformer = QFormerConfig(
    width=768,
    n_layers=12,
    n_heads=12,
    mlp_hidden=3072,
    vocab_size=30523,
    max_positions=512,
    n_queries=32,
    n_extra_queries=0,
    cross_attention_every=2,
    features_width=1408,
    norm_eps=1e-12,
    dropout=0.1,
    drop_path=0.0,
  )
  return TimeChatConfig(
    encoder=eva_vit_g14(image_size=224, n_layers=39),
    vision_norm_eps=1e-5,
    qformer=qformer,
    video_qformer=video_qformer_of(
      qformer, n_layers=2, n_queries=32, n_frames=96, window=32, stride=32
    ),
    llm=llama_7b(
      lora=LoraConfig(rank=32, alpha=32.0, dropout=0.1, targets=LORA_TARGETS),
    ),
    n_frames=96,
    max_time_tokens=32,
    max_text_tokens=2048,
  )


def start() -> TimeChatConfig:
  """What TimeChat's training starts from: the same parts before any LoRA."""
  whole = full()
  return dataclasses.replace(
    whole, llm=dataclasses.replace(whole.llm, lora=None)
  )


# Sizes of released files, by the name to ask for them.
PRESETS = {'full': full, 'start': start}


def small(*, vocab_size: int, bert_vocab_size: int) -> TimeChatConfig:
  """A TimeChat that trains and answers on a laptop CPU: ours.

  Args:
    vocab_size: Of the language model's tokenizer.
    bert_vocab_size: Of the image Q-Former's tokenizer.
  """
  qformer = QFormerConfig(
    width=96,
    n_layers=2,
    n_heads=4,
    mlp_hidden=384,
    vocab_size=bert_vocab_size,
    max_positions=32,
    n_queries=4,
    n_extra_queries=0,
    cross_attention_every=2,
    features_width=96,
    norm_eps=1e-12,
    dropout=0.0,
    drop_path=0.0,
  )
  return TimeChatConfig(
    encoder=VitConfig(
      block=BlockConfig(
        width=96,
        n_heads=4,
        mlp_hidden=384,
        norm='layer',
        norm_eps=1e-6,
        activation='gelu',
        fused_qkv=True,
        qkv_biases='qv',
        qk_norm=False,
        layer_scale=None,
      ),
      n_layers=4,
      image_size=32,
      patch_size=8,
      channels=3,
      patch_bias=True,
      first_norm=False,
    ),
    vision_norm_eps=1e-5,
    qformer=qformer,
    video_qformer=video_qformer_of(
      qformer, n_layers=2, n_queries=8, n_frames=32, window=8, stride=8
    ),
    llm=DecoderConfig(
      vocab_size=vocab_size,
      width=96,
      n_layers=4,
      n_heads=2,
      n_kv_heads=2,
      head_dim=48,
      mlp_hidden=256,
      norm_eps=1e-5,
      rope_theta=1e6,
      max_positions=1024,
      tied_embeddings=False,
      lora=LoraConfig(rank=8, alpha=16.0, dropout=0.0, targets=LORA_TARGETS),
    ),
    n_frames=32,
    max_time_tokens=32,
    max_text_tokens=1024,
    prompts='as_trained',
  )
