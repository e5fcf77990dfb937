"""Full-size Grounded-VideoLLM with Phi-3.5 on one GPU, random bfloat16 weights.

python -m benchmarks.table gpu_grounded_videollm    with a GPU, kept
python -m benchmarks.gpu_grounded_videollm --tiny   a tiny network, anywhere

Runs the library's own programs: 12 keyframes and 96 frames to rows, rows and
the words before them to keys and values, spans and text of questions that share
these, and a step of stage 3 on one sample, as long as that stage's rows are.
Adapters are not merged. Pixels are noise, prompts ids of about the lengths that
Phi's tokenizer gives.

Encoders alone have rows that see all keys, which cuDNN's attention is for: so
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
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.rope import LongRope
from vtg_jax.systems import products
from vtg_jax.systems.grounded_videollm.asking import (
  AskingPrograms,
  Questions,
  Sampling,
)
from vtg_jax.systems.grounded_videollm.config import (
  GroundedVideoLlmConfig,
  phi3,
  small,
)
from vtg_jax.systems.grounded_videollm.flops import (
  useful_flops,
  visual_products,
)
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  param_axes,
  param_shapes,
)
from vtg_jax.systems.grounded_videollm.new_words import as_tuned
from vtg_jax.systems.grounded_videollm.rows import IGNORE
from vtg_jax.systems.grounded_videollm.shapes import (
  BEFORE_TOKENS,
  MIDDLE_TOKENS,
  QUESTION_TOKENS,
  Words,
  sample_shapes,
  video_shapes,
)
from vtg_jax.systems.grounded_videollm.trainable import TUNED
from vtg_jax.train.loss import answer_sums
from vtg_jax.train.optimiser import OptimiserConfig

# Of stage 3, as far as it changes what is computed.
OPTIMISER = OptimiserConfig(
  peak=2e-4, warmup_steps=1, total_steps=100, weight_decay=0.0, clip_norm=1.0
)

can_run = gpu_timing.can_run


def measure(
  config: GroundedVideoLlmConfig | None = None, repeats: int = 10
) -> dict:
  """Returns latencies, utilisation where the peaks are known, and memory.

  Args:
    config: Full size when None.
    repeats: Runs of each; medians are kept.

  Raises:
    RuntimeError: a training step learnt nothing.
  """
  return gpu_timing.measured(
    config or phi3(), repeats, asking=_asking, training=_training
  )


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  return gpu_timing.shown(
    result,
    name='Grounded-VideoLLM (Phi-3.5)',
    step='stage 3',
    asked=[
      (f'spans of {n} more asked of a video at once', f'{row["ms"]:.1f} ms')
      for n, row in result['spans'].items()
    ],
  )


def row_tokens(config: GroundedVideoLlmConfig) -> int:
  """Tokens of a training row in which every text fits, as in stage 3."""
  n_tokens = config.n_video + config.max_text_tokens - 1
  return -(-n_tokens // 128) * 128


def tiny() -> GroundedVideoLlmConfig:
  """A network that any machine runs in a minute, with all parts there are."""
  config = as_tuned(small(vocab_size=1024))
  layer = {'n_layers': 1}
  ones = (1.0,) * (config.llm.head_dim // 2)
  return dataclasses.replace(
    config,
    image_encoder=dataclasses.replace(config.image_encoder, **layer),
    video_encoder=dataclasses.replace(config.video_encoder, **layer),
    llm=dataclasses.replace(
      config.llm,
      **layer,
      lora=dataclasses.replace(config.llm.lora, rank=4, alpha=8.0),
      long_rope=LongRope(
        short_factors=ones, long_factors=ones, original_positions=128
      ),
    ),
    n_segments=2,
    n_frames=4,
    max_text_tokens=96,
  )


def _asking(config, repeats) -> dict:
  params = random_params(param_shapes(config))
  video = _drawn(video_shapes(config), config)
  encode = {}
  for attention in gpu_timing.attentions():  # the last goes on below
    asking = AskingPrograms(
      GroundedVideoLlm(config, Compute(dtype=dtype(), attention=attention)),
      Words.of(config),
    )

    def see(asking=asking):
      return asking.encode(params, video['keyframes'], video['frames'])

    encode[attention] = utilisation(
      median_seconds(see, repeats),
      products.forward_flops(visual_products(config)),
      config.n_video,
    )
  video_rows = see()
  n_prefix = BEFORE_TOKENS + config.n_video
  total = np.int32(n_prefix + QUESTION_TOKENS)

  def prefill():
    return asking.prefill(params, video_rows, total)

  # Without a head, which the prefix needs none of.
  reading = products.decoder_products(config.llm, n_prefix, scored=0)
  prefilled = utilisation(
    median_seconds(prefill, repeats),
    products.forward_flops(reading),
    n_prefix,
  )
  kv = prefill()
  spans, decode = {}, {}
  for n in N_ROWS:
    questions = Questions(
      ids=jnp.ones((n, QUESTION_TOKENS), jnp.int32),
      length=jnp.full(n, QUESTION_TOKENS),
      sequence_length=total,
    )
    spans[str(n)] = {'ms': _span_ms(asking, params, kv, questions, repeats)}
    decode[str(n)] = _decode(asking, config, params, kv, questions, repeats)
  return {
    'encode': encode,
    'prefill': prefilled,
    'spans': spans,
    'decode': decode,
  }


def _span_ms(asking, params, kv, questions, repeats) -> float:
  middle = jnp.ones(MIDDLE_TOKENS, jnp.int32)
  seconds = median_seconds(
    lambda: asking.spans(params, kv, questions, middle), repeats
  )
  return round(1e3 * seconds, 2)


def _decode(asking, config, params, kv, questions, repeats) -> dict:
  n_rows = len(questions.ids)

  def writer(n_new):
    return lambda: asking.write(
      params,
      kv,
      questions,
      jnp.ones(n_rows, bool),
      Sampling(np.int32(0), np.float32(1)),
      max_tokens=n_new,
      spans=False,
      n_candidates=0,
    )

  n_bytes = gpu_timing.bytes_a_token(
    config.llm,
    params['llm'],
    n_known=kv.k.shape[2],
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
  network = GroundedVideoLlm(
    config, Compute(dtype=dtype(), attention=attention, remat=True)
  )

  def loss_sums(params, batch, rng):
    apply = functools.partial(network.apply, {'params': params})
    states = apply(batch, rngs={'dropout': rng}, method='training_states')
    logits = functools.partial(apply, method='logits')
    return answer_sums(states, batch['labels'], logits, ignore=IGNORE)

  tokens = row_tokens(config)
  return gpu_timing.training_row(
    loss_sums,
    param_shapes(config),
    param_axes(config),
    TUNED,
    OPTIMISER,
    _training_batch(config, tokens),
    flop_of=lambda learns: useful_flops(config, learns, row_tokens=tokens),
    repeats=repeats,
  )


def _training_batch(config, tokens) -> dict:
  """One sample, of which all that stands behind the video is learnt."""
  batch = _drawn(sample_shapes(config, row_tokens=tokens), config)
  behind = BEFORE_TOKENS + config.n_video
  return {
    **batch,
    'labels': batch['labels'].at[:, :behind].set(IGNORE),
    'attention_mask': jnp.ones((1, tokens), bool),
    'video_start': jnp.full(1, BEFORE_TOKENS, jnp.int32),
  }


def _drawn(shapes, config) -> dict:
  """A batch of one of each, numbers that serve as pixels and as words."""
  rng = np.random.default_rng(0)
  most = min(256, config.llm.vocab_size)
  return {
    name: jnp.asarray(rng.integers(0, most, (1, *x.shape)), x.dtype)
    for name, x in shapes.items()
  }


if __name__ == '__main__':
  gpu_timing.main(
    __doc__,
    full=phi3,
    tiny=tiny,
    measure=measure,
    rows=rows,
    param_shapes=param_shapes,
  )
