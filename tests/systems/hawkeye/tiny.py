"""A HawkEye of a few thousand parameters, with the recorded tokenizers."""

import functools
import pathlib

import jax

from vtg_jax.adapters.qformer import QFormerConfig
from vtg_jax.encoders.umt import UmtConfig
from vtg_jax.llm.decoder import DecoderConfig
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.systems.hawkeye.config import HawkEyeConfig
from vtg_jax.systems.hawkeye.grounder import EXTRA_TOKENS
from vtg_jax.systems.hawkeye.model import init_params

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
  fresh = init_params(config(), jax.random.key(0), Compute())
  leaves, tree = jax.tree.flatten(fresh)
  keys = jax.random.split(jax.random.key(1), len(leaves))
  return tree.unflatten(
    [
      leaf + 0.2 * jax.random.normal(key, leaf.shape)
      for key, leaf in zip(keys, leaves, strict=True)
    ]
  )
