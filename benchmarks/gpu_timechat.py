"""Full-size TimeChat on one GPU, random bfloat16 weights.

python -m benchmarks.table gpu_timechat    with a GPU, kept
python -m benchmarks.gpu_timechat --tiny   a tiny network, anywhere

Runs the library's own programs: 96 frames and the sentences of their times to
the video's tokens, the prompt around these to keys and values, text of
questions that share these, and a step of instruction tuning on one sample.
Adapters are not merged. Pixels are noise, prompts ids of about the lengths that
LLaMA's tokenizer gives.

The image encoder's rows see all keys, which cuDNN's attention is for: so
encoding and training are measured with it too, the rest is the same program.
"""

import dataclasses
import functools
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from benchmarks import gpu_timing
from benchmarks.gpu_timing import (
  N_ROWS,
  dtype,
  median_seconds,
  random_params,
  utilisation,
)
from vtg_jax.llm.places import WORD
from vtg_jax.nn.compute import Compute
from vtg_jax.systems import products
from vtg_jax.systems.timechat.asking import AskingPrograms, Questions, Sampling
from vtg_jax.systems.timechat.config import TimeChatConfig, full, small
from vtg_jax.systems.timechat.flops import useful_flops, visual_products
from vtg_jax.systems.timechat.ids import IGNORE
from vtg_jax.systems.timechat.model import TimeChat, param_axes, param_shapes
from vtg_jax.systems.timechat.shapes import (
  BEFORE_TOKENS,
  MESSAGE_TOKENS,
  QUESTION_TOKENS,
  TIME_TOKENS,
  Words,
  sample_shapes,
  video_shapes,
)
from vtg_jax.systems.timechat.trainable import RELEASED_TRAINABLE
from vtg_jax.train.loss import answer_sums
from vtg_jax.train.optimiser import OptimiserConfig

# Of instruction tuning, as far as it changes what is computed.
OPTIMISER = OptimiserConfig(
  peak=3e-5, warmup_steps=1, total_steps=100, weight_decay=0.05
)

can_run = gpu_timing.can_run


def measure(config: TimeChatConfig | None = None, repeats: int = 10) -> dict:
  """Returns latencies, utilisation where the peaks are known, and memory.

  Args:
    config: Full size when None.
    repeats: Runs of each; medians are kept.

  Raises:
    RuntimeError: a training step learnt nothing.
  """
  return gpu_timing.measured(
    config or full(), repeats, asking=_asking, training=_training
  )


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  return gpu_timing.shown(result, name='TimeChat', step='instruction tuning')


def tiny() -> TimeChatConfig:
  """A network that any machine runs in a minute, with all parts there are."""
  config = small(vocab_size=1024, bert_vocab_size=320)
  layer = {'n_layers': 1}
  return dataclasses.replace(
    config,
    encoder=dataclasses.replace(config.encoder, **layer),
    qformer=dataclasses.replace(config.qformer, **layer),
    llm=dataclasses.replace(config.llm, **layer),
    n_frames=4,
    max_text_tokens=96,
  )


def _asking(config, repeats) -> dict:
  params = random_params(param_shapes(config))
  video = _drawn(video_shapes(config), config)
  encode = {}
  for attention in gpu_timing.attentions():  # the last goes on below
    asking = AskingPrograms(
      TimeChat(config, Compute(dtype=dtype(), attention=attention)),
      Words.of(config),
    )

    def see(asking=asking):
      return asking.encode(params, *video.values())

    encode[attention] = utilisation(
      median_seconds(see, repeats),
      products.forward_flops(visual_products(config, time_tokens=TIME_TOKENS)),
      config.n_frames,
    )
  tokens = see()
  n_known = BEFORE_TOKENS + tokens.shape[1] + MESSAGE_TOKENS
  message = jnp.ones(MESSAGE_TOKENS, jnp.int32)
  lengths = np.int32(tokens.shape[1]), np.int32(MESSAGE_TOKENS)

  def prefill():
    return asking.prefill(params, tokens, lengths[0], message, lengths[1])

  # Without a head, which the beginning of a prompt needs none of.
  reading = products.decoder_products(config.llm, n_known, scored=0)
  prefilled = utilisation(
    median_seconds(prefill, repeats), products.forward_flops(reading), n_known
  )
  known = prefill()
  decode = {
    str(n): _decode(asking, config, params, known, n, repeats) for n in N_ROWS
  }
  return {'encode': encode, 'prefill': prefilled, 'decode': decode}


def _decode(asking, config, params, known, n_rows, repeats) -> dict:
  questions = Questions(
    ids=jnp.ones((n_rows, QUESTION_TOKENS), jnp.int32),
    length=jnp.full(n_rows, QUESTION_TOKENS),
    limit=jnp.zeros(n_rows, jnp.int32),
    active=jnp.ones(n_rows, bool),
  )

  def writer(n_new):
    return lambda: asking.write(
      params,
      known,
      questions,
      Sampling(np.int32(0), np.float32(1)),
      max_tokens=n_new,
      words=None,
      n_candidates=0,
    )

  n_bytes = gpu_timing.bytes_a_token(
    config.llm,
    params['llm'],
    n_known=known.kv.k.shape[2],
    n_rows=n_rows,
    n_own=QUESTION_TOKENS,
  )
  return gpu_timing.decoding(
    writer,
    n_rows=n_rows,
    n_bytes=n_bytes,
    repeats=repeats,
  )


def _training(config, attention, repeats) -> dict:
  network = TimeChat(
    config, Compute(dtype=dtype(), attention=attention, remat=True)
  )

  def loss_sums(params, batch, rng):
    apply = functools.partial(network.apply, {'params': params})
    states = apply(batch, rngs={'dropout': rng}, method='training_states')
    logits = functools.partial(apply, method='logits')
    return answer_sums(states, batch['labels'], logits, ignore=IGNORE)

  sizes = {'row_tokens': config.max_text_tokens, 'time_tokens': TIME_TOKENS}
  return gpu_timing.training_row(
    loss_sums,
    param_shapes(config),
    param_axes(config),
    RELEASED_TRAINABLE,
    OPTIMISER,
    _training_batch(config, sizes),
    flop_of=lambda learns: useful_flops(config, learns, **sizes),
    repeats=repeats,
  )


def _training_batch(config, sizes) -> dict:
  """One sample, of which all that stands behind the video is learnt."""
  batch = _drawn(sample_shapes(config, **sizes), config)
  n_video = config.video_qformer.n_tokens(config.n_frames)
  at = np.arange(sizes['row_tokens']) - min(
    BEFORE_TOKENS, sizes['row_tokens'] - n_video - 1
  )
  places = np.where((at >= 0) & (at < n_video), at, WORD)
  return {
    **batch,
    'places': jnp.asarray(places, jnp.int32)[None],
    'labels': jnp.where(at < n_video, IGNORE, batch['labels']),
  }


def _drawn(shapes, config) -> dict:
  """A batch of one of each, numbers that serve as pixels and as words.

  All that may be looked at is.
  """
  rng = np.random.default_rng(0)
  most = min(256, config.llm.vocab_size, config.qformer.vocab_size)
  return {
    name: jnp.ones((1, *x.shape), bool)
    if x.dtype == jnp.bool_
    else jnp.asarray(rng.integers(0, most, (1, *x.shape)), x.dtype)
    for name, x in shapes.items()
  }


if __name__ == '__main__':
  gpu_timing.main(
    __doc__,
    full=full,
    tiny=tiny,
    measure=measure,
    rows=rows,
    param_shapes=param_shapes,
  )
