"""Full-size HawkEye on one GPU, random bfloat16 weights.

python -m benchmarks.table gpu        on a machine with a GPU, kept
python -m benchmarks.gpu --tiny       a tiny network, anywhere: does it run?

Needs no video, no tokenizer and no checkpoint: parameters are drawn on the
device, frames are noise, and the prompts are ids of about the lengths that
LLaMA's tokenizer gives the paper's prompts. No choice ends the search, so a
query always takes its four rounds.
"""

import dataclasses
import time
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import gpu_timing
from benchmarks.gpu_timing import (
  N_ROWS,
  dtype,
  median_seconds,
  random_params,
  shown_decoding,
  shown_time,
  utilisation,
)
from vtg_jax.decode.greedy import GreedyConfig, decode_greedily
from vtg_jax.llm.decoder import Decoder, Past
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.moments import coarse
from vtg_jax.nn.compute import Compute
from vtg_jax.recursion.coarse_to_fine import Moves, start_search
from vtg_jax.recursion.interval_tree import grow_tree
from vtg_jax.systems.hawkeye.config import HawkEyeConfig, full, small
from vtg_jax.systems.hawkeye.model import HawkEye, param_shapes
from vtg_jax.systems.hawkeye.search import SearchPrograms, SearchTables

N_ROUNDS = 4
# Tokens: of the Q-Former's instruction, before the video, behind it, of the
# question, of an option; the second number is the width of the padded table.
INSTRUCTION, PREFIX = 20, 32
NODE, QUERY, OPTION = (85, 96), (110, 128), 11
N_PROMPT = 512
TARGET_MS = 80

can_run = gpu_timing.can_run


def measure(config: HawkEyeConfig | None = None, repeats: int = 10) -> dict:
  """Returns latencies, and utilisation where the device's peaks are known.

  Args:
    config: Full size when None.
    repeats: Runs of each; medians are kept.
  """
  config = config or full()
  params = random_params(param_shapes(config))
  result = {'device': jax.devices()[0].device_kind, 'searches': {}}
  for attention in gpu_timing.attentions():
    compute = Compute(dtype=dtype(), attention=attention)
    model = HawkEye(config, compute)
    result['searches'][attention] = {
      str(n): _search(model, params, n, repeats) for n in N_ROWS
    }
    result[f'encoder_{attention}'] = _encoder(model, params, repeats)
    result[f'prefill_{attention}'] = _prefill(model, params, repeats)
  compute = Compute(dtype=dtype(), attention='xla')
  result['decode'] = {
    str(n): _decode(HawkEye(config, compute), params, n, repeats)
    for n in N_ROWS
  }
  return result


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  lines = []
  for attention, searches in result['searches'].items():
    target = f'{TARGET_MS} ms on an H100'
    lines += [
      (
        f'full-size search, 4 rounds, {n} warm, {attention} attention',
        f'{row["ms"]:.0f} ms ({row["compile_s"]:.0f} s to compile)',
        target if n == '1' else '',
      )
      for n, row in searches.items()
    ]
    for part in ('encoder', 'prefill'):
      row = result[f'{part}_{attention}']
      lines.append(
        (
          f'full-size {part} of {row["tokens"]} tokens, {attention} attention',
          shown_time(row),
          '',
        )
      )
  lines += [
    (
      f'full-size greedy decoding, {n} at once',
      shown_decoding(row),
      '',
    )
    for n, row in result['decode'].items()
  ]
  return lines


def _search(model: HawkEye, params, n_queries: int, repeats: int) -> dict:
  programs = SearchPrograms(
    model, rows_per_step=8, max_new_tokens=1, eos_id=model.config.pad_id
  )
  tables = search_tables(model.config, n_queries)
  start = start_search(
    jnp.ones(n_queries, bool),
    width=1,
    n_rounds=N_ROUNDS,
    n_choices=len(coarse.CATEGORIES),
  )
  begin = time.perf_counter()
  search = programs.search.lower(params, tables, start, N_ROUNDS).compile()
  compile_s = time.perf_counter() - begin
  played = search(params, tables, start, N_ROUNDS)
  if int(played.round) != N_ROUNDS:
    raise RuntimeError(f'the search ended after {int(played.round)} rounds')
  seconds = median_seconds(
    lambda: search(params, tables, start, N_ROUNDS), repeats
  )
  return {'ms': round(1e3 * seconds, 2), 'compile_s': round(compile_s, 1)}


def _encoder(model: HawkEye, params, repeats: int) -> dict:
  shape = model.config.encoder
  video = jnp.ones(
    (1, model.config.n_frames, shape.image_size, shape.image_size, 3),
    dtype(),
  )
  encode = jax.jit(
    lambda params, video: model.apply(
      {'params': params}, video, method='encode_video'
    )[0]
  )
  tokens = model.config.n_frames * shape.grid**2
  D, T = shape.width, tokens
  flop = shape.n_layers * (
    2 * T * (4 * D * D + 2 * D * shape.mlp_hidden) + 4 * T * T * D
  )
  seconds = median_seconds(lambda: encode(params, video), repeats)
  return utilisation(seconds, flop, tokens)


def _prefill(model: HawkEye, params, repeats: int) -> dict:
  decoder, shape = Decoder(model.config.llm, model.compute), model.config.llm
  tokens = shape.max_positions
  ids = jnp.ones((1, tokens), jnp.int32)

  @jax.jit
  def prefill(params, ids):
    return _prompt(decoder, params, ids)[0]

  seconds = median_seconds(lambda: prefill(params['llm'], ids), repeats)
  attention = 2 * tokens**2 * shape.n_heads * shape.head_dim  # half is masked
  flop = shape.n_layers * (2 * tokens * _layer_weights(shape) + attention)
  return utilisation(seconds, flop, tokens)


def _decode(model: HawkEye, params, n_rows: int, repeats: int) -> dict:
  decoder, shape = Decoder(model.config.llm, model.compute), model.config.llm
  ids = jnp.ones((n_rows, N_PROMPT), jnp.int32)

  def writer(n_new):
    greedy = GreedyConfig(
      max_new_tokens=n_new, eos_id=-1, stop_ids=(), pad_id=0
    )

    @jax.jit
    def run(params, ids):
      logits, kv = _prompt(decoder, params, ids)
      past = [Past(kv, jnp.ones((1, 1, N_PROMPT), bool))]
      position = jnp.full((n_rows,), N_PROMPT)
      return decode_greedily(decoder, params, past, logits, position, greedy)

    return lambda: run(params['llm'], ids)

  cached = 2 * n_rows * N_PROMPT * shape.n_kv_heads * shape.head_dim
  weights = _layer_weights(shape) + cached
  n_bytes = 2 * (shape.n_layers * weights + shape.vocab_size * shape.width)
  return gpu_timing.decoding(
    writer, n_rows=n_rows, n_bytes=n_bytes, repeats=repeats
  )


def _prompt(decoder: Decoder, params, ids):
  """Scores after the last token, and the cache."""

  def apply(*args, **kwargs):
    return decoder.apply({'params': params}, *args, **kwargs)

  positions = jnp.broadcast_to(jnp.arange(ids.shape[1]), ids.shape)
  out = apply(apply(ids, method='embed_tokens'), positions)
  return apply(out.hidden[:, -1], method='logits'), out.kv


def _layer_weights(shape: DecoderConfig) -> int:
  attention = shape.width * shape.head_dim * 2
  attention *= shape.n_heads + shape.n_kv_heads
  return attention + 3 * shape.width * shape.mlp_hidden


def search_tables(config: HawkEyeConfig, n_queries: int) -> SearchTables:
  """Tables of a ten-minute video; 'throughout' goes on like 'middle'."""
  tree = grow_tree(
    600.0,
    N_ROUNDS,
    choices=coarse.CATEGORIES,
    narrow=coarse.narrow,
    stop='throughout',
  )
  next_node = np.array(tree.next_node)
  middle, whole = map(coarse.CATEGORIES.index, ('middle', 'throughout'))
  next_node[:, whole] = next_node[:, middle]
  N, F, C = tree.n_nodes, config.n_frames, len(coarse.CATEGORIES)
  size = config.encoder.image_size
  rng = np.random.default_rng(0)

  def ids(*shape):
    return rng.integers(3, config.llm.vocab_size, shape, np.int32)

  tables = SearchTables(
    frames=rng.integers(0, 256, (N * F, size, size, 3), np.uint8),
    frame_ids=np.arange(N * F, dtype=np.int32).reshape(N, F),
    moves=Moves(next_node, np.array(tree.outcome)),
    depth=np.array(tree.depth, np.int32),
    instruction_ids=rng.integers(
      0, config.qformer.vocab_size, INSTRUCTION, np.int32
    ),
    prefix_ids=ids(PREFIX),
    node_ids=ids(N, NODE[1]),
    node_len=np.full(N, NODE[0], np.int32),
    query_ids=ids(n_queries, 1, N, QUERY[1]),
    query_len=np.full((n_queries, 1, N), QUERY[0], np.int32),
    order=np.tile(np.arange(C, dtype=np.int32), (n_queries, 1, N_ROUNDS, 1)),
    option_ids=ids(C, C, OPTION),
    option_len=np.full((C, C), OPTION, np.int32),
  )
  return jax.tree.map(jnp.asarray, tables)


def tiny() -> HawkEyeConfig:
  """A network that any machine runs in a minute."""
  config = small(vocab_size=512, bert_vocab_size=320, stop_ids=((2,),))
  return dataclasses.replace(config, n_frames=2)


if __name__ == '__main__':
  gpu_timing.main(
    __doc__,
    full=full,
    tiny=tiny,
    measure=measure,
    rows=rows,
    param_shapes=param_shapes,
  )
