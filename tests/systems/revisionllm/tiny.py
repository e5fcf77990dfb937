"""A ReVisionLLM of random weights that answers in no time."""

import dataclasses

import jax
import numpy as np

from tests.systems.clip.tiny import tiny as tiny_clip
from tests.systems.clip.tiny import write_tiny as write_tiny_clip
from vtg_jax.convert.checkpoint import save_checkpoint
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.clip.frame_encoder import PART
from vtg_jax.systems.registry import CHECKPOINTS
from vtg_jax.systems.revisionllm.config import SYSTEM, small
from vtg_jax.systems.revisionllm.model import param_shapes
from vtg_jax.systems.revisionllm.release import TOKENIZER

# HawkEye's writes numbers digit by digit, as Vicuna's does; that of the small
# ReVisionLLM writes them whole.
TOKENIZER_FILE = CHECKPOINTS / 'hawkeye_small' / 'tokenizers' / TOKENIZER


def tokenizer() -> SentencePieceTokenizer:
  return SentencePieceTokenizer(TOKENIZER_FILE)


def tiny():
  """Windows of 5 s, 5 frames each, at 2 frames per second."""
  config = small(
    vocab_size=tokenizer().vocab_size,
    features_width=tiny_clip().features,
    n_frames=5,
    window_s=5.0,
    fps=2.0,
    n_windows={'long_12': 12, 'long_6': 6},
  )
  llm = dataclasses.replace(
    config.llm, width=16, n_layers=1, head_dim=8, mlp_hidden=24
  )
  encoder = dataclasses.replace(
    config.clip_encoder,
    n_heads=2,
    n_layers=1,
    n_text_layers=1,
    mlp_hidden=12,
  )
  return dataclasses.replace(config, llm=llm, clip_encoder=encoder)


def random_params(config, *, seed=0):
  """As trained ones are: no adapter is zero."""
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda leaf: rng.normal(0, 0.5, leaf.shape).astype(np.float32),
    param_shapes(config),
  )


def write_tiny(folder, **options):
  """A checkpoint folder of it, with its frame encoder."""
  folder.parent.mkdir(exist_ok=True)
  clip = write_tiny_clip(folder.parent / f'{folder.name}-clip')
  save_checkpoint(
    folder,
    random_params(tiny()),
    {'system': SYSTEM, 'model': tiny().to_dict()},
    tokenizer_files={TOKENIZER: TOKENIZER_FILE},
    parts={PART: clip},
    **options,
  )
  return folder
