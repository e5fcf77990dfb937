"""What the benchmarks of full-size systems on one GPU share.

Parameters are drawn on the device, so that they need no checkpoint; the numbers
mean nothing on other machines, where a tiny network shows that all of it runs.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.train.freeze import flatten, split
from vtg_jax.train.loss import LossSums
from vtg_jax.train.optimiser import OptimiserConfig, make_optimiser
from vtg_jax.train.peak import peak_flops
from vtg_jax.train.state import init_state
from vtg_jax.train.step import make_train_step

# How attention is computed where it makes a difference. A peak of memory is
# that of all before it too: what takes least comes first.
ATTENTION = ('cudnn', 'xla')
# Tokens that are written, by so many rows at once.
N_NEW, N_ROWS = 128, (1, 8)
# Bytes/s by part of the device's name. Source: NVIDIA's data sheets (SXM
# boards).
BANDWIDTH = {'H200': 4.8e12, 'H100': 3.35e12, 'A100': 2.04e12}


def can_run() -> bool:
  """Whether there is a GPU: elsewhere the figures would mean nothing."""
  return jax.default_backend() == 'gpu'


def attentions() -> tuple[str, ...]:
  """Those of `ATTENTION` that this machine has."""
  return ATTENTION if can_run() else ATTENTION[-1:]


def dtype() -> str:
  """XLA's CPU backend lacks some bfloat16 products."""
  return 'bfloat16' if can_run() else 'float32'


def bandwidth() -> float | None:
  """The device's bytes/s; None if unknown."""
  kind = jax.devices()[0].device_kind
  return next((x for name, x in BANDWIDTH.items() if name in kind), None)


def peak_gb() -> float | None:
  """Most memory of the device this process has held so far; None if unknown.

  Counts what arrays and programs take, not what the allocator keeps in hand.
  """
  held = (jax.devices()[0].memory_stats() or {}).get('peak_bytes_in_use')
  return held and round(held / 1e9, 1)


def median_seconds(run: Callable[[], object], repeats: int) -> float:
  """Seconds of a run after two to warm up."""
  seconds = []
  for _ in range(repeats + 2):
    begin = time.perf_counter()
    jax.block_until_ready(run())
    seconds.append(time.perf_counter() - begin)
  return statistics.median(seconds[2:])


def utilisation(seconds: float, flop: float, tokens: int) -> dict:
  """Milliseconds, tokens, and the share of the peak that `flop` make."""
  peak = peak_flops(jax.devices()[0])
  return {
    'ms': round(1e3 * seconds, 2),
    'tokens': tokens,
    'mfu': peak and round(flop / seconds / peak, 3),
  }


def decoding(
  writer: Callable[[int], Callable[[], object]],
  *,
  n_rows: int,
  n_bytes: float,
  repeats: int,
) -> dict:
  """Tokens per second: what N_NEW tokens take beyond the first.

  Args:
    writer: Makes what writes so many tokens in each row.
    n_rows: Rows that are written at once.
    n_bytes: That have to be read for a token of each row.
    repeats: Runs of each; medians count.
  """
  many, one = (median_seconds(writer(n), repeats) for n in (N_NEW, 1))
  step_s = (many - one) / (N_NEW - 1)
  limit = bandwidth()
  return {
    'tokens_per_s': round(n_rows / step_s, 1),
    'of_limit': limit and round(n_bytes / limit / step_s, 3),
  }


def bytes_a_token(
  llm: DecoderConfig, params: Mapping, *, n_known: int, n_rows: int, n_own: int
) -> int:
  """What has to be read to write a token in each row.

  Words are looked up, all else is read for every token: what is known once for
  all rows, and each row's own tokens, half of the new ones on average.

  Args:
    llm: Sizes.
    params: Of the language model.
    n_known: Tokens that all rows share.
    n_rows: Rows that are written at once.
    n_own: Tokens of a row before what is written.
  """
  read = {name: x for name, x in params.items() if name != 'embed'}
  per_token = 2 * llm.n_layers * llm.n_kv_heads * llm.head_dim
  n_values = sum(x.size for x in jax.tree.leaves(read))
  n_values += per_token * (n_known + n_rows * (n_own + N_NEW // 2))
  return n_values * jnp.dtype(dtype()).itemsize


def training_row(
  loss_sums: Callable[..., LossSums],
  shapes: Mapping,
  axes: Mapping,
  trainable: Sequence[str],
  config: OptimiserConfig,
  batch: Mapping[str, jax.Array],
  *,
  flop_of: Callable[[Collection[str]], float],
  repeats: int,
) -> dict:
  """A training step on one sample; what trains and its moments are float32.

  Args:
    loss_sums: (params, batch, rng) -> the losses.
    shapes: Of the parameters, nested.
    axes: Logical names of their axes, nested.
    trainable: Patterns of what trains.
    config: Of the optimiser.
    batch: One sample.
    flop_of: Paths that train -> useful operations.
    repeats: Runs; the median counts.

  Raises:
    RuntimeError: the step learnt nothing.
  """
  learns, rests = split(shapes, trainable)
  names = flatten(axes)
  optimiser = make_optimiser(config, {path: names[path] for path in learns})
  frozen = random_params(rests)
  state = init_state(random_params(learns, 'float32'), optimiser, seed=0)
  step = make_train_step(loss_sums, optimiser)

  def run():
    nonlocal state  # the old one is donated
    state, metrics = step(state, frozen, batch)
    return state, metrics

  seconds = median_seconds(run, repeats)
  if run()[1].skipped:
    raise RuntimeError('the training step learnt nothing')
  tokens = batch['labels'].shape[1]
  row = utilisation(seconds, flop_of(learns), tokens)
  return {**row, 'peak_gb': peak_gb()}


def random_params(shapes: Any, of_dtype: str | None = None) -> Any:
  """Drawn on the device, one leaf after the other.

  Args:
    shapes: What has shapes, nested.
    of_dtype: `dtype()` when None.
  """
  leaves, structure = jax.tree.flatten(shapes)
  of_dtype = of_dtype or dtype()
  draw = jax.jit(
    lambda key, shape: 0.02 * jax.random.normal(key, shape, of_dtype),
    static_argnums=1,
  )
  keys = jax.random.split(jax.random.key(0), len(leaves))
  return jax.tree.unflatten(
    structure,
    [draw(key, leaf.shape) for key, leaf in zip(keys, leaves, strict=True)],
  )


def measured(
  config: Any,
  repeats: int,
  *,
  asking: Callable[[Any, int], Mapping],
  training: Callable[[Any, str, int], dict],
) -> dict:
  """What is asked of a model about a video, then a step of its training.

  Args:
    config: Sizes.
    repeats: Runs of each; medians are kept.
    asking: (config, repeats) -> rows 'encode', by attention; 'prefill';
      'decode', by how many at once; and more.
    training: (config, attention, repeats) -> what `training_row` returned.

  Raises:
    RuntimeError: a training step learnt nothing.
  """
  # Asking takes less memory than training, so that its peak is its own.
  return {
    'device': jax.devices()[0].device_kind,
    **asking(config, repeats),
    'asking_peak_gb': peak_gb(),
    'training': {
      attention: training(config, attention, repeats)
      for attention in attentions()
    },
  }


def shown(
  result: Mapping,
  *,
  name: str,
  step: str,
  asked: Sequence[tuple[str, str]] = (),
) -> list[tuple[str, str, str]]:
  """What `measured` returned, for the table in the README.

  Args:
    result: As it was returned.
    name: Of the model.
    step: What is trained.
    asked: (what, measured) of what else was asked.
  """
  prefill = result['prefill']
  lines = [
    *(
      (f'encoding of a video, {attention} attention', shown_time(row))
      for attention, row in result['encode'].items()
    ),
    (f'prefill of {prefill["tokens"]} tokens', shown_time(prefill)),
    *asked,
    *(
      (f'greedy decoding about one video, {n} at once', shown_decoding(row))
      for n, row in result['decode'].items()
    ),
    ('all of these, peak memory', _shown_gb(result['asking_peak_gb'])),
    *(
      (
        f'step of {step}, a sample of {row["tokens"]} tokens, {attention} '
        'attention',
        f'{shown_time(row)}, peak memory {_shown_gb(row["peak_gb"])}',
      )
      for attention, row in result['training'].items()
    ),
  ]
  return [(f'full-size {name}: {what}', said, '') for what, said in lines]


def shown_time(row: Mapping) -> str:
  """What `utilisation` returned, for the table in the README."""
  return f'{row["ms"]:.1f} ms{_percent(row["mfu"], "MFU")}'


def shown_decoding(row: Mapping) -> str:
  """What `decoding` returned, for the table in the README."""
  share = _percent(row['of_limit'], 'of the bandwidth limit')
  return f'{row["tokens_per_s"]:.0f} tokens/s{share}'


def _shown_gb(held: float | None) -> str:
  return 'unknown' if held is None else f'{held:.0f} GB'


def _percent(part: float | None, of_what: str) -> str:
  return '' if part is None else f', {100 * part:.0f} % {of_what}'


def main(
  about: str,
  *,
  full: Callable[[], Any],
  tiny: Callable[[], Any],
  measure: Callable[[Any, int], dict],
  rows: Callable[[Mapping], list[tuple[str, str, str]]],
  param_shapes: Callable[[Any], Any],
) -> None:
  """Measures and prints; --tiny only shows that it runs.

  Args:
    about: Docstring of the benchmark.
    full: Makes the full-size config.
    tiny: Makes one that runs anywhere.
    measure: (config, repeats) -> the benchmark's result.
    rows: Of the benchmark.
    param_shapes: Shapes of a config's parameters.
  """
  parser = argparse.ArgumentParser(description=about.splitlines()[0])
  parser.add_argument('--tiny', action='store_true')
  config, repeats = (tiny(), 1) if parser.parse_args().tiny else (full(), 10)
  result = measure(config, repeats)
  print(json.dumps(result))
  n_params = sum(
    math.prod(leaf.shape) for leaf in jax.tree.leaves(param_shapes(config))
  )
  print(f'{n_params / 1e6:,.1f} million parameters on {result["device"]}')
  for what, measured, target in rows(result):
    print(f'{what}: {measured}' + (f' (target: {target})' if target else ''))
