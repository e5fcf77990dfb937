"""HawkEye's matrix products in closed form: what a training step needs.

Useful operations are those that the mathematics asks for, whatever is run:

    frozen kernel, nothing below it trains      forward                  1
    frozen kernel above something that trains   + gradient of its input  2
    kernel that trains, and LoRA's factors      + gradient of itself     3
    product of two activations, such as scores  + gradients of both      3

Rematerialisation is no use, and elementwise work is not counted. Attention
counts its whole rectangle, padding and what a causal mask hides included.
"""

import dataclasses
from collections.abc import Collection, Iterator

from vtg_jax.systems.hawkeye.config import HawkEyeConfig


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


# In the order of the data; see `Product.reads`.
STAGES = ('pixels', 'encoder', 'qformer', 'projector', 'llm')
# Tops of parameters' paths that are no stage's name -> their stage.
_STAGE_OF = {'vision_norm': 'encoder'}


def sample_products(
  config: HawkEyeConfig, *, row_tokens: int, instruction_tokens: int
) -> list[Product]:
  """The products of one sample's forward pass.

  Args:
    config: Sizes.
    row_tokens: Tokens of a row of the language model, video and padding
      included.
    instruction_tokens: Tokens the Q-Former reads, padding included.
  """
  return [
    *_encoder(config),
    *_qformer(config, instruction_tokens),
    _dense(
      config.qformer.n_tokens,
      config.qformer.width,
      config.llm.width,
      'projector/kernel',
      'qformer',
    ),
    *_llm(config, row_tokens),
  ]


def forward_flops(
  config: HawkEyeConfig, *, row_tokens: int, instruction_tokens: int
) -> int:
  """Operations of the products of one sample's forward pass."""
  products = sample_products(
    config, row_tokens=row_tokens, instruction_tokens=instruction_tokens
  )
  return sum(p.forward for p in products)


def useful_flops(
  config: HawkEyeConfig,
  trainable: Collection[str],
  *,
  row_tokens: int,
  instruction_tokens: int,
) -> int:
  """Useful operations of one sample in a training step.

  Args:
    config: Sizes.
    trainable: Paths of the parameters that train, such as
      'llm/layers/q_proj/lora_a'. All products after the first stage in which
      something trains, and those in it, are taken to need a gradient for
      their input.
    row_tokens: As for `sample_products`.
    instruction_tokens: As for `sample_products`.

  Raises:
    ValueError: for the path of no stage.
  """
  products = sample_products(
    config, row_tokens=row_tokens, instruction_tokens=instruction_tokens
  )
  tops = {path.partition('/')[0] for path in trainable}
  stages = [_STAGE_OF.get(top, top) for top in tops]
  first = min(map(_rank, stages), default=len(STAGES))
  total = 0
  for p in products:
    due = _rank(p.reads) >= first
    if p.weight is None:
      times = 3 if due else 1
    else:
      times = 1 + due + (p.weight in trainable)
    total += times * p.forward
  return total


def _rank(stage: str) -> int:
  if stage not in STAGES:
    raise ValueError(f'{stage!r} is none of the stages {STAGES}')
  return STAGES.index(stage)


def _dense(rows: int, n_in: int, n_out: int, weight: str, reads: str):
  return Product(forward=2 * rows * n_in * n_out, weight=weight, reads=reads)


def _attention(n_queries: int, n_keys: int, width: int, reads: str):
  """Scores and the mix of values: two products of activations."""
  return Product(
    forward=4 * n_queries * n_keys * width, weight=None, reads=reads
  )


def _encoder(config: HawkEyeConfig) -> Iterator[Product]:
  encoder = config.encoder
  n_pixels = encoder.patch_size**2 * encoder.tubelet_size * encoder.channels
  T = config.n_frames // encoder.tubelet_size * encoder.grid**2
  D, M, L = encoder.width, encoder.mlp_hidden, encoder.n_layers
  yield _dense(T, n_pixels, D, 'encoder/patch_embed/kernel', 'pixels')
  for n_in, n_out, name in (
    (D, 3 * D, 'qkv'),
    (D, D, 'proj'),
    (D, M, 'fc1'),
    (M, D, 'fc2'),
  ):
    weight = f'encoder/layers/{name}/kernel'
    yield _dense(L * T, n_in, n_out, weight, 'encoder')
  yield _attention(L * T, T, D, 'encoder')


def _qformer(
  config: HawkEyeConfig, instruction_tokens: int
) -> Iterator[Product]:
  qformer, encoder = config.qformer, config.encoder
  D, M, Q = qformer.width, qformer.mlp_hidden, qformer.n_tokens
  R = Q + instruction_tokens
  S = config.n_frames // encoder.tubelet_size * encoder.grid**2

  for i in range(qformer.n_layers):
    layer = f'qformer/layer_{i}'

    def attention(name, n_queries, n_keys, keys_width, keys_from, layer=layer):
      own = 'qformer'
      for rows, n_in, part, reads in (
        (n_queries, D, 'query', own),
        (n_keys, keys_width, 'key', keys_from),
        (n_keys, keys_width, 'value', keys_from),
        (n_queries, D, 'output', own),
      ):
        weight = f'{layer}/{name}/{part}/kernel'
        yield _dense(rows, n_in, D, weight, reads)
      yield _attention(n_queries, n_keys, D, own)

    yield from attention('self_attention', R, R, D, 'qformer')
    if i % qformer.cross_attention_every == 0:
      features = qformer.features_width
      yield from attention('cross_attention', Q, S, features, 'encoder')
    # What the last layer makes of the text is not used.
    last = i == qformer.n_layers - 1
    for rows, name in (
      (Q, 'query_ffn'),
      (0 if last else instruction_tokens, 'text_ffn'),
    ):
      yield _dense(rows, D, M, f'{layer}/{name}/fc1/kernel', 'qformer')
      yield _dense(rows, M, D, f'{layer}/{name}/fc2/kernel', 'qformer')


def _llm(config: HawkEyeConfig, row_tokens: int) -> Iterator[Product]:
  llm, T = config.llm, row_tokens
  D, M, L = llm.width, llm.mlp_hidden, llm.n_layers
  heads, kv_heads = llm.n_heads * llm.head_dim, llm.n_kv_heads * llm.head_dim
  for n_in, n_out, name in (
    (D, heads, 'q_proj'),
    (D, kv_heads, 'k_proj'),
    (D, kv_heads, 'v_proj'),
    (heads, D, 'o_proj'),
    (D, M, 'gate_proj'),
    (D, M, 'up_proj'),
    (M, D, 'down_proj'),
  ):
    path = f'llm/layers/{name}'
    yield _dense(L * T, n_in, n_out, f'{path}/kernel', 'llm')
    if llm.lora is not None and name in llm.lora.targets:
      R = llm.lora.rank
      yield _dense(L * T, n_in, R, f'{path}/lora_a', 'llm')
      yield _dense(L * T, R, n_out, f'{path}/lora_b', 'llm')
  yield _attention(L * T, T, heads, 'llm')
  head = 'llm/embed/embedding' if llm.tied_embeddings else 'llm/lm_head/kernel'
  yield _dense(T, D, llm.vocab_size, head, 'llm')
