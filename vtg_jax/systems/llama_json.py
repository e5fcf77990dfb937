"""A language model of the Llama family by its own config.json."""

from collections.abc import Mapping

from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.nn.dense import LoraConfig


def llama_decoder(llama: Mapping, lora: LoraConfig | None) -> DecoderConfig:
  """The decoder that it describes.

  Args:
    llama: Contents of the file.
    lora: The adapter, of which the file knows nothing.

  Raises:
    KeyError: an entry is missing.
  """
  n_heads = llama['num_attention_heads']
  return DecoderConfig(
    vocab_size=llama['vocab_size'],
    width=llama['hidden_size'],
    n_layers=llama['num_hidden_layers'],
    n_heads=n_heads,
    n_kv_heads=llama.get('num_key_value_heads', n_heads),
    head_dim=llama['hidden_size'] // n_heads,
    mlp_hidden=llama['intermediate_size'],
    norm_eps=llama['rms_norm_eps'],
    rope_theta=float(llama.get('rope_theta', 10000.0)),
    max_positions=llama['max_position_embeddings'],
    tied_embeddings=llama.get('tie_word_embeddings', False),
    lora=lora,
  )
