"""HawkEye's numbers: what every part measures, and where each is from."""

import dataclasses
from collections.abc import Mapping

from vtg_jax.adapters.qformer import QFormerConfig
from vtg_jax.encoders.umt import UmtConfig
from vtg_jax.llm.decoder_config import DecoderConfig, llama_7b
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.systems.checks import check_sizes
from vtg_jax.systems.config_json import from_json

# Name of the system.
SYSTEM = 'hawkeye'
# Positions of so many frames are computed before any is read.
_MOST_FRAMES = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class HawkEyeConfig:
  """Everything that shapes a HawkEye.

  Attributes:
    encoder: Video encoder.
    vision_norm_eps: Epsilon of the norm between encoder and Q-Former.
    qformer: Adapter.
    llm: Language model.
    n_frames: Frames shown in each round.
    max_text_tokens: Longest instruction and, in training, longest text row.
    stop_ids: A generated row ends when it ends with one of these.
    pad_id: What fills short rows while training.
  """

  encoder: UmtConfig
  vision_norm_eps: float
  qformer: QFormerConfig
  llm: DecoderConfig
  n_frames: int
  max_text_tokens: int
  stop_ids: tuple[tuple[int, ...], ...]
  pad_id: int

  def __post_init__(self):
    if not 1 <= self.n_frames <= _MOST_FRAMES:
      raise ValueError(f'n_frames is {self.n_frames}; use 1 to {_MOST_FRAMES}')
    check_sizes(self, may_be_zero=('n_extra_queries', 'pad_id'))
    if self.qformer.features_width != self.encoder.width:
      raise ValueError(
        f'the Q-Former reads features {self.qformer.features_width} wide, '
        f'the encoder makes them {self.encoder.width} wide'
      )

  @property
  def max_instruction_tokens(self) -> int:
    """Longest instruction that the Q-Former has positions for."""
    return min(self.max_text_tokens, self.qformer.max_positions)

  def to_dict(self) -> dict:
    """Plain JSON types; `from_dict` is the inverse."""
    return dataclasses.asdict(self)

  @classmethod
  def from_dict(cls, values: Mapping) -> 'HawkEyeConfig':
    """The config that `to_dict` wrote.

    Raises:
      BadInput: naming the entry that is missing, unknown or mistyped.
    """
    return from_json(cls, values, 'config')


# Vicuna-7B v0 under HawkEye: two encodings of `###` end an answer.
RELEASED_STOP_IDS = ((835,), (2277, 29937))


def full() -> HawkEyeConfig:
  """The released model: UMT-L, BERT-base Q-Former, Vicuna-7B v0.

  Source: HawkEye configs (UMT-L/16 at 224 px, 12 frames, last block but one),
  bert-base-uncased plus `[DEC]`, Vicuna-7B v0's config with the vocabulary
  cut to 32000 rows, peft defaults for LLaMA with r 16.
  """
  return HawkEyeConfig(
    encoder=UmtConfig(
      width=1024,
      n_layers=23,
      n_heads=16,
      mlp_hidden=4096,
      image_size=224,
      patch_size=16,
      tubelet_size=1,
      channels=3,
      norm_eps=1e-6,
    ),
    vision_norm_eps=1e-12,
    qformer=QFormerConfig(
      width=768,
      n_layers=12,
      n_heads=12,
      mlp_hidden=3072,
      vocab_size=30523,
      max_positions=512,
      n_queries=32,
      n_extra_queries=64,
      cross_attention_every=2,
      features_width=1024,
      norm_eps=1e-12,
      dropout=0.1,
      drop_path=0.2,
    ),
    llm=llama_7b(
      norm_eps=1e-6,
      max_positions=2048,
      lora=LoraConfig(
        rank=16, alpha=32.0, dropout=0.1, targets=('q_proj', 'v_proj')
      ),
    ),
    n_frames=12,
    max_text_tokens=512,
    stop_ids=RELEASED_STOP_IDS,
    pad_id=2,
  )


def stage2() -> HawkEyeConfig:
  """VideoChat2 after its second stage: where HawkEye's training starts.

  The released files of that stage hold no LoRA, so there is none to convert.
  """
  whole = full()
  return dataclasses.replace(
    whole, llm=dataclasses.replace(whole.llm, lora=None)
  )


# Sizes of released files, by the name to ask for them.
PRESETS = {'full': full, 'stage2': stage2}


def small(
  *,
  vocab_size: int,
  bert_vocab_size: int,
  stop_ids: tuple[tuple[int, ...], ...],
) -> HawkEyeConfig:
  """A HawkEye that trains and answers on a laptop CPU: ours, not the paper's.

  Args:
    vocab_size: Of the language model's tokenizer.
    bert_vocab_size: Of the Q-Former's tokenizer.
    stop_ids: How the language model's tokenizer writes the separator.
  """
  return HawkEyeConfig(
    encoder=UmtConfig(
      width=96,
      n_layers=4,
      n_heads=4,
      mlp_hidden=384,
      image_size=32,
      patch_size=8,
      tubelet_size=1,
      channels=3,
      norm_eps=1e-6,
    ),
    vision_norm_eps=1e-12,
    qformer=QFormerConfig(
      width=96,
      n_layers=4,
      n_heads=4,
      mlp_hidden=384,
      vocab_size=bert_vocab_size,
      max_positions=128,
      n_queries=16,
      n_extra_queries=32,
      cross_attention_every=2,
      features_width=96,
      norm_eps=1e-12,
      dropout=0.0,
      drop_path=0.0,
    ),
    llm=DecoderConfig(
      vocab_size=vocab_size,
      width=96,
      n_layers=4,
      # The lower half of a head's frequencies must hardly turn over a prompt
      # for it to find the video tokens that show what words say.
      n_heads=2,
      n_kv_heads=2,
      head_dim=48,
      mlp_hidden=256,
      norm_eps=1e-6,
      rope_theta=1e6,
      max_positions=1024,
      tied_embeddings=False,
      lora=LoraConfig(
        rank=8, alpha=16.0, dropout=0.0, targets=('q_proj', 'v_proj')
      ),
    ),
    n_frames=12,
    max_text_tokens=512,
    stop_ids=stop_ids,
    pad_id=2,
  )
