"""The two tokenizers of systems with a Q-Former: its own and the LLM's."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from vtg_jax.adapters.qformer import QFormerConfig
from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.systems.checks import check_vocabulary
from vtg_jax.systems.released_files import first_file

# Their files in a checkpoint folder.
TOKENIZER, VOCABULARY = 'tokenizer.model', 'vocab.txt'
# Names under which they are found beside released weights.
TOKENIZER_NAMES = ('tokenizer.model', 'llama_tokenizer.model')
VOCABULARY_NAMES = ('vocab.txt', 'bert_vocab.txt')
# The extra special token of the Q-Former's vocabulary.
EXTRA_TOKENS = ('[DEC]',)


class Sizes(Protocol):
  """What a system's configuration says of its words."""

  llm: DecoderConfig
  qformer: QFormerConfig


def tokenizer_files(
  sources: Iterable[Path], given: Iterable[Path]
) -> dict[str, Path]:
  """Name in the checkpoint -> file, from what is given or lies by sources.

  Raises:
    BadInput: one of them lies nowhere.
  """
  files = {}
  sources, given = list(sources), list(given)
  for name, known, owner in (
    (TOKENIZER, TOKENIZER_NAMES, 'the language model'),
    (VOCABULARY, VOCABULARY_NAMES, 'bert-base-uncased'),
  ):
    suffix = Path(name).suffix
    chosen = [file for file in given if file.suffix == suffix]
    chosen += [source / n for source in sources for n in known]
    files[name] = first_file(
      chosen,
      f'no {name} lies in a source folder; give it with --tokenizer (of '
      f'{owner})',
    )
  return files


def training_files(
  given: str | None, folder: Path | str | None
) -> dict[str, Path]:
  """Name in a checkpoint -> file, of what a run trains with.

  Args:
    given: `start.tokenizers`: a folder that holds both.
    folder: The checkpoint that has them otherwise; None for none.

  Raises:
    BadInput: one is not there, or there is nowhere to look.
  """
  if given is None and folder is None:
    raise BadInput(
      'start.tokenizers is None; give a folder with tokenizer.model and '
      'vocab.txt'
    )
  if given is None:
    return {
      name: checkpoint.tokenizer_file(folder, name)
      for name in (TOKENIZER, VOCABULARY)
    }
  files = {}
  folders = (Path(given), Path(given) / checkpoint.TOKENIZERS)
  for name, known in (
    (TOKENIZER, TOKENIZER_NAMES),
    (VOCABULARY, VOCABULARY_NAMES),
  ):
    found = [f / n for f in folders for n in known if (f / n).is_file()]
    if not found:
      raise BadInput(
        f'{given} holds no {name}; give a folder that does as start.tokenizers'
      )
    files[name] = found[0]
  return files


def read_tokenizers(
  files: Mapping[str, str | os.PathLike],
  *,
  qformer_words: Sequence[str] = (),
  **options,
) -> tuple[SentencePieceTokenizer, WordPieceTokenizer]:
  """The language model's and the Q-Former's, by the files' names above.

  Args:
    files: Name above -> file.
    qformer_words: Special words behind the Q-Former's own.
    **options: Of `SentencePieceTokenizer`.

  Raises:
    BadInput: when a file is none.
  """
  return (
    SentencePieceTokenizer(files[TOKENIZER], **options),
    WordPieceTokenizer(files[VOCABULARY], (*EXTRA_TOKENS, *qformer_words)),
  )


def check_tokenizers(
  config: Sizes,
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
