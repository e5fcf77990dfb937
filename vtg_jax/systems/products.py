"""Matrix products in closed form: what a training step needs of them.

Useful operations are those that the mathematics asks for, whatever is run:

    frozen kernel, nothing below it trains      forward                  1
    frozen kernel above something that trains   + gradient of its input  2
    kernel that trains, and LoRA's factors      + gradient of itself     3
    product of two activations, such as scores  + gradients of both      3

Rematerialisation is no use, and elementwise work is not counted. Attention
counts its whole rectangle, padding and what a causal mask hides included.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping

from vtg_jax.adapters.qformer import QFormerConfig
from vtg_jax.llm.decoder_config import DecoderConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class Product:
  """One kind of matrix product of a sample.

  Attributes:
    forward: Operations of the forward pass, two a multiply-add.
    weight: Path of the parameter, None where two activations are multiplied.
    reads: The stage that made its input: a gradient for the input is due when
      something trains in this stage or before it.
  """

  forward: int
  weight: str | None
  reads: str


def forward_flops(products: Iterable[Product]) -> int:
  """Operations of some products' forward pass."""
  return sum(p.forward for p in products)


def useful_flops(
  products: Iterable[Product],
  trained_stages: Collection[str],
  trainable: Collection[str],
  *,
  before: Mapping[str, Collection[str]],
) -> int:
  """Useful operations of some products in a training step.

  Args:
    products: Of the forward pass.
    trained_stages: In which something trains. All products that read one of
      them, or one behind it, are taken to need a gradient for their input.
    trainable: Paths of the parameters that train.
    before: Stage -> the stages whose outputs it depends on, all of them.

  Raises:
    ValueError: for a stage that is none.
  """
  for stage in trained_stages:
    if stage not in before:
      raise ValueError(f'{stage!r} is none of the stages {tuple(before)}')
  total = 0
  for p in products:
    due = not {p.reads, *before[p.reads]}.isdisjoint(trained_stages)
    if p.weight is None:
      times = 3 if due else 1
    else:
      times = 1 + due + (p.weight in trainable)
    total += times * p.forward
  return total


def dense(rows: int, n_in: int, n_out: int, weight: str, reads: str) -> Product:
  """Rows times a kernel."""
  return Product(forward=2 * rows * n_in * n_out, weight=weight, reads=reads)


def attention(n_queries: int, n_keys: int, width: int, reads: str) -> Product:
  """Scores and the mix of values: two products of activations."""
  return Product(
    forward=4 * n_queries * n_keys * width, weight=None, reads=reads
  )


def encoder_products(
  stage: str,
  *,
  width: int,
  mlp_hidden: int,
  n_layers: int,
  fused_qkv: bool,
  rows: int,
  n_together: int,
) -> Iterator[Product]:
  """The blocks of a vision transformer.

  Args:
    stage: Which; its parameters' paths begin with it.
    width: Channels.
    mlp_hidden: Inner width of the network after the attention.
    n_layers: Blocks that are run.
    fused_qkv: Queries, keys and values come from one kernel.
    rows: Tokens of all images or clips together.
    n_together: Tokens that see one another, of one image or clip.
  """
  D, M, L = width, mlp_hidden, n_layers
  first = [(D, 3 * D, 'qkv')]
  if not fused_qkv:
    first = [(D, D, name) for name in ('q_proj', 'k_proj', 'v_proj')]
  for n_in, n_out, name in (
    *first,
    (D, D, 'proj'),
    (D, M, 'fc1'),
    (M, D, 'fc2'),
  ):
    weight = f'{stage}/layers/{name}/kernel'
    yield dense(L * rows, n_in, n_out, weight, stage)
  yield attention(L * rows, n_together, D, stage)


def qformer_products(
  qformer: QFormerConfig,
  *,
  stage: str,
  path: str,
  features_from: str,
  n: int,
  n_features: int,
  n_text: int = 0,
  keeps_text: bool = False,
) -> Iterator[Product]:
  """A Q-Former that reads some features, each with a text or without.

  Args:
    qformer: Sizes.
    stage: Which.
    path: What its parameters' paths begin with.
    features_from: The stage that made the features.
    n: Readings: of one video, of frames, or of windows.
    n_features: Rows that are looked at in one.
    n_text: Tokens of a text, padding included.
    keeps_text: What comes out of the last layer for the text is used.
  """
  D, M, Q = qformer.width, qformer.mlp_hidden, qformer.n_tokens
  R, S = Q + n_text, n_features

  def attending(name, n_queries, n_keys, keys_width, keys_from):
    for rows, n_in, part, reads in (
      (n_queries, D, 'query', stage),
      (n_keys, keys_width, 'key', keys_from),
      (n_keys, keys_width, 'value', keys_from),
      (n_queries, D, 'output', stage),
    ):
      yield dense(n * rows, n_in, D, f'{name}/{part}/kernel', reads)
    yield attention(n * n_queries, n_keys, D, stage)

  for i in range(qformer.n_layers):
    layer = f'{path}/layer_{i}'
    yield from attending(f'{layer}/self_attention', R, R, D, stage)
    if i % qformer.cross_attention_every == 0:
      width = qformer.features_width
      name = f'{layer}/cross_attention'
      yield from attending(name, Q, S, width, features_from)
    used = keeps_text or i < qformer.n_layers - 1
    for rows, name in ((Q, 'query_ffn'), (n_text if used else 0, 'text_ffn')):
      yield dense(n * rows, D, M, f'{layer}/{name}/fc1/kernel', stage)
      yield dense(n * rows, M, D, f'{layer}/{name}/fc2/kernel', stage)


def decoder_products(
  llm: DecoderConfig, row_tokens: int, *, scored: int | None = None
) -> Iterator[Product]:
  """A language model that reads one row; its paths begin with 'llm'.

  Args:
    llm: Sizes.
    row_tokens: Tokens of the row, padding included.
    scored: Tokens that the head scores; all of them when None.
  """
  T = row_tokens
  D, M, L = llm.width, llm.mlp_hidden, llm.n_layers
  heads, kv_heads = llm.n_heads * llm.head_dim, llm.n_kv_heads * llm.head_dim
  several = {'q_proj': heads, 'k_proj': kv_heads, 'v_proj': kv_heads}
  gated = {'gate_proj': M, 'up_proj': M}
  if llm.fused_projections:
    several = {'qkv_proj': sum(several.values())}
    gated = {'gate_up_proj': sum(gated.values())}
  for n_in, n_out, name in (
    *((D, n_out, name) for name, n_out in several.items()),
    (heads, D, 'o_proj'),
    *((D, n_out, name) for name, n_out in gated.items()),
    (M, D, 'down_proj'),
  ):
    path = f'llm/layers/{name}'
    yield dense(L * T, n_in, n_out, f'{path}/kernel', 'llm')
    if llm.lora is not None and name in llm.lora.targets:
      R = llm.lora.rank
      yield dense(L * T, n_in, R, f'{path}/lora_a', 'llm')
      yield dense(L * T, R, n_out, f'{path}/lora_b', 'llm')
  yield attention(L * T, T, heads, 'llm')
  head = 'llm/embed/embedding' if llm.tied_embeddings else 'llm/lm_head/kernel'
  n_scored = T if scored is None else scored
  yield dense(n_scored, D, llm.vocab_size, head, 'llm')
  if llm.new_words is not None:
    yield dense(n_scored, D, llm.new_words.count, 'llm/new_head', 'llm')
