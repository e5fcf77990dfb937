"""HawkEye's two tokenizers: of its language model and of its Q-Former."""

import os
from collections.abc import Mapping

from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.systems.checks import check_vocabulary
from vtg_jax.systems.hawkeye.config import HawkEyeConfig

# Their files in a checkpoint folder.
TOKENIZER, VOCABULARY = 'tokenizer.model', 'vocab.txt'
# The extra special token of the Q-Former's vocabulary.
EXTRA_TOKENS = ('[DEC]',)


def read_tokenizers(
  files: Mapping[str, str | os.PathLike],
) -> tuple[SentencePieceTokenizer, WordPieceTokenizer]:
  """The language model's and the Q-Former's, by the files' names above.

  Raises:
    BadInput: when a file is none.
  """
  return (
    SentencePieceTokenizer(files[TOKENIZER]),
    WordPieceTokenizer(files[VOCABULARY], EXTRA_TOKENS),
  )


def check_tokenizers(
  config: HawkEyeConfig,
  tokenizer: SentencePieceTokenizer,
  instruction_tokenizer: WordPieceTokenizer,
) -> None:
  """Raises BadInput where a tokenizer does not fit a network."""
  check_vocabulary(
    'language model', tokenizer.vocab_size, config.llm.vocab_size
  )
  check_vocabulary(
    'Q-Former',
    instruction_tokenizer.vocab_size,
    config.qformer.vocab_size,
    most_padding=0,  # a vocab.txt that was cut short could be any part of it
  )
