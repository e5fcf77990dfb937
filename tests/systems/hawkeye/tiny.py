"""A HawkEye of a few thousand parameters, with the recorded tokenizers."""

import dataclasses
import functools
import pathlib

import jax
import numpy as np

from vtg_jax.adapters.qformer import QFormerConfig
from vtg_jax.convert.checkpoint import save_checkpoint
from vtg_jax.encoders.umt import UmtConfig
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.systems.hawkeye.config import HawkEyeConfig
from vtg_jax.systems.hawkeye.grounder import HawkEyeGrounder
from vtg_jax.systems.hawkeye.model import HawkEye, param_shapes
from vtg_jax.systems.hawkeye.prompt import GROUNDING
from vtg_jax.systems.hawkeye.search import SearchPrograms
from vtg_jax.systems.vocabularies import (
  EXTRA_TOKENS,
  TOKENIZER,
  VOCABULARY,
)

# Weights under which queries part ways; see `params`.
SEED, SPREAD = 3, 0.25
GOLDEN = pathlib.Path(__file__).parents[2] / 'golden' / 'hawkeye'


def config() -> HawkEyeConfig:
  return HawkEyeConfig(
    encoder=UmtConfig(
      width=16,
      n_layers=2,
      n_heads=2,
      mlp_hidden=32,
      image_size=32,
      patch_size=16,
      tubelet_size=1,
      channels=3,
      norm_eps=1e-6,
    ),
    vision_norm_eps=1e-12,
    qformer=QFormerConfig(
      width=16,
      n_layers=2,
      n_heads=2,
      mlp_hidden=32,
      vocab_size=132,
      max_positions=144,
      n_queries=2,
      n_extra_queries=3,
      cross_attention_every=2,
      features_width=16,
      norm_eps=1e-12,
      dropout=0.1,
      drop_path=0.2,
    ),
    llm=DecoderConfig(
      vocab_size=410,
      width=32,
      n_layers=2,
      n_heads=4,
      n_kv_heads=4,
      head_dim=8,
      mlp_hidden=48,
      norm_eps=1e-6,
      rope_theta=10000.0,
      max_positions=1024,
      tied_embeddings=False,
      lora=LoraConfig(
        rank=2, alpha=4.0, dropout=0.1, targets=('q_proj', 'v_proj')
      ),
    ),
    n_frames=3,
    max_text_tokens=140,
    stop_ids=((32,), (277, 237)),
    pad_id=2,
  )


@functools.cache
def tokenizers() -> tuple[SentencePieceTokenizer, WordPieceTokenizer]:
  return (
    SentencePieceTokenizer(GOLDEN / 'llama_tokenizer.model'),
    WordPieceTokenizer(GOLDEN / 'bert_vocab.txt', EXTRA_TOKENS),
  )


@functools.cache
def params():
  """Random weights large enough for the answers to differ."""
  rng = np.random.default_rng(SEED)

  def draw(path, leaf):
    scale = jax.tree_util.keystr(path).endswith("['scale']")
    noise = SPREAD * rng.normal(size=leaf.shape).astype(np.float32)
    return noise + 1 if scale else noise

  return jax.tree_util.tree_map_with_path(draw, param_shapes(config()))


@dataclasses.dataclass
class Calls:
  """What the network was made to compute, as it ran."""

  encoded: int = 0  # stretches of video
  prefixes: int = 0  # prompts up to the video

  def add_encoded(self, n):
    self.encoded += int(n)

  def add_prefixes(self, n):
    self.prefixes += int(n)


class CountingHawkEye(HawkEye):
  """Counts its calls as they run, not as they are traced."""

  calls: Calls = None

  def see(self, frames, text_ids, text_mask):
    jax.debug.callback(self.calls.add_encoded, frames.shape[0])
    return super().see(frames, text_ids, text_mask)

  def decode(self, embeds, positions, **kwargs):
    if 'past' not in kwargs:
      jax.debug.callback(self.calls.add_prefixes, embeds.shape[0])
    return super().decode(embeds, positions, **kwargs)


def counting_grounder(*, rows_per_step: int = 1) -> HawkEyeGrounder:
  """A grounder with `calls`, of the numbers of its network's calls."""
  grounder = HawkEyeGrounder(config(), params(), *tokenizers())
  grounder.calls = Calls()
  grounder.programs = SearchPrograms(
    CountingHawkEye(config(), Compute(), grounder.calls),
    rows_per_step=rows_per_step,
    max_new_tokens=GROUNDING.max_new_tokens,
    eos_id=2,
  )
  return grounder


def save(folder) -> None:
  """Writes the parameters, as `params` gives them, as a checkpoint."""
  save_checkpoint(
    folder,
    params(),
    {'system': 'hawkeye', 'notice': 'a test', 'model': config().to_dict()},
    tokenizer_files={
      TOKENIZER: GOLDEN / 'llama_tokenizer.model',
      VOCABULARY: GOLDEN / 'bert_vocab.txt',
    },
  )
