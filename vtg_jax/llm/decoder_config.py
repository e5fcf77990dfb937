"""What shapes a decoder: Llama, Vicuna and Phi-3 as numbers."""

import dataclasses

from vtg_jax.nn.dense import LoraConfig
from vtg_jax.nn.rope import LongRope

# The linear layers of a block, which LoRA may adapt.
PROJECTIONS = (
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
)
# The same where some of them are one, as in Phi-3.
FUSED_PROJECTIONS = ('qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj')


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewWords:
  """Words behind a table that is frozen, whose rows are parameters alone.

  Attributes:
    first: Id of the first; ids between the table's and this one are never
      looked up and never written.
    count: How many.
  """

  first: int
  count: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecoderConfig:
  """Architecture of a decoder.

  Attributes:
    vocab_size: Rows of the embedding.
    width: Channels D.
    n_layers: Layers L.
    n_heads: Query heads N.
    n_kv_heads: Key heads K; divides N (equal to N in Llama-1).
    head_dim: Width H of a head.
    mlp_hidden: Inner width M of the gated MLP.
    norm_eps: Epsilon of the root-mean-square norms.
    rope_theta: Base of the rotary frequencies.
    max_positions: Longest sequence the model was trained on.
    tied_embeddings: The head is the embedding, transposed.
    lora: Adapter on some projections, or None.
    fused_projections: Queries, keys and values come from one kernel
      `qkv_proj`, and gate and values of the MLP from one `gate_up_proj`, each
      with at most one adapter.
    head_bias: The head adds a bias.
    long_rope: How the rotary frequencies are slowed; not at all when None.
    new_words: Words with rows of their own behind the embedding and the head.
  """

  vocab_size: int
  width: int
  n_layers: int
  n_heads: int
  n_kv_heads: int
  head_dim: int
  mlp_hidden: int
  norm_eps: float
  rope_theta: float
  max_positions: int
  tied_embeddings: bool
  lora: LoraConfig | None
  fused_projections: bool = False
  head_bias: bool = False
  long_rope: LongRope | None = None
  new_words: NewWords | None = None

  def __post_init__(self):
    if self.new_words is not None and self.new_words.first < self.vocab_size:
      raise ValueError(
        f'new words begin at {self.new_words.first}, inside the vocabulary of '
        f'{self.vocab_size}; begin behind it'
      )
    if self.n_heads % self.n_kv_heads:
      raise ValueError(f'{self.n_heads=} not divisible by {self.n_kv_heads=}')
    unknown = set(self.lora.targets if self.lora else ())
    unknown -= set(self.projections)
    if unknown:
      raise ValueError(
        f'LoRA targets {sorted(unknown)} name no projection; use some of '
        f'{self.projections}'
      )
    if self.head_bias and self.tied_embeddings:
      raise ValueError('tied embeddings have no head to add a bias in')
    long = self.long_rope
    if long is not None and len(long.short_factors) * 2 != self.head_dim:
      raise ValueError(
        f'LongRoPE with {len(long.short_factors)} factors for '
        f'{self.head_dim // 2} frequencies; give one for each'
      )

  @property
  def n_words(self) -> int:
    """Words that are scored, the new ones included."""
    new = self.new_words
    return self.vocab_size if new is None else new.first + new.count

  @property
  def projections(self) -> tuple[str, ...]:
    """Names of the linear layers of a block, which LoRA may adapt."""
    return FUSED_PROJECTIONS if self.fused_projections else PROJECTIONS


def llama_7b(
  *, lora: LoraConfig | None, norm_eps: float = 1e-5, max_positions: int = 4096
) -> DecoderConfig:
  """LLaMA of 7 billion parameters, the second unless told otherwise.

  Source: config.json of LLaMA-2-7B; LLaMA-1, and Vicuna before version 1.5,
  have norm_eps 1e-6 and 2048 positions.

  Args:
    lora: Adapter on some projections, or None.
    norm_eps: Epsilon of the norms.
    max_positions: Longest sequence.
  """
  return DecoderConfig(
    vocab_size=32000,
    width=4096,
    n_layers=32,
    n_heads=32,
    n_kv_heads=32,
    head_dim=128,
    mlp_hidden=11008,
    norm_eps=norm_eps,
    rope_theta=10000.0,
    max_positions=max_positions,
    tied_embeddings=False,
    lora=lora,
  )
