"""Hand-made training batches for the tiny HawkEye."""

import numpy as np

from tests.systems.hawkeye import tiny
from vtg_jax.systems.hawkeye import rows

TEXTS = (
  'Watch. ###Human: <Video></Video> Ok. ###Human: When? '
  '###Assistant: (A) At the end of the video. ###',
  'Watch. ###Human: <Video></Video> Ok. ###Human: Say it. '
  '###Assistant: In the middle. ###',
)


def batch(n: int, *, seed: int = 0) -> dict[str, np.ndarray]:
  """`n` samples, of both texts, with random frames."""
  config, rng = tiny.config(), np.random.default_rng(seed)
  size = config.encoder.image_size
  tokenizer, _ = tiny.tokenizers()
  laid_out = rows.training_rows(
    tokenizer,
    [TEXTS[i % 2] for i in range(n)],
    n_video=config.qformer.n_tokens,
    max_text_tokens=config.max_text_tokens,
    pad_id=config.pad_id,
  )
  lengths = rng.integers(2, 7, n)
  return {
    'frames': rng.integers(
      0, 256, (n, config.n_frames, size, size, 3), np.uint8
    ),
    'text_ids': rng.integers(5, 100, (n, 6)).astype(np.int32),
    'text_mask': np.arange(6) < lengths[:, None],
    'objective': np.arange(n, dtype=np.int32) % 2,
    **laid_out._asdict(),
  }
