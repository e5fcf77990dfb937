"""Makes the tokenizer of the small CLIP that ships with the library.

    python -m vtg_jax.testing.small_clip_tokenizer OUT

It behaves as CLIP's: lower case, words and marks apart, a mark at the end of
each word, a start and an end token around a text. It is trained on what
ShapeStories say; other words are spelt, and letters beyond ASCII unknown.
"""

import string
import sys
from pathlib import Path

import tokenizers
from tokenizers import (
  decoders,
  models,
  normalizers,
  pre_tokenizers,
  processors,
  trainers,
)

from vtg_jax.shape_stories.words import PAIRS, paraphrases
from vtg_jax.systems.clip.release import TOKENIZER
from vtg_jax.systems.clip.words import canonical_query

VOCAB_SIZE = 384
START, END, UNKNOWN = '<|startoftext|>', '<|endoftext|>', '<unk>'
_END_OF_WORD = '</w>'
# Source: CLIP's tokenizer.json.
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def make_tokenizer() -> tokenizers.Tokenizer:
  """The tokenizer; its trainer breaks ties at random, so ids may differ."""
  out = tokenizers.Tokenizer(
    models.BPE(unk_token=UNKNOWN, end_of_word_suffix=_END_OF_WORD)
  )
  out.normalizer = normalizers.Sequence(
    [normalizers.NFC(), normalizers.Lowercase()]
  )
  out.pre_tokenizer = pre_tokenizers.Split(
    tokenizers.Regex(_WORDS), behavior='removed', invert=True
  )
  letters = string.ascii_lowercase + string.digits + string.punctuation
  out.train_from_iterator(
    # Each letter is also seen as a word, so that it can end one.
    [
      *(canonical_query(text) for pair in PAIRS for text in paraphrases(pair)),
      *letters,
    ],
    trainers.BpeTrainer(
      vocab_size=VOCAB_SIZE,
      special_tokens=[START, END, UNKNOWN],
      initial_alphabet=list(letters),
      end_of_word_suffix=_END_OF_WORD,
      show_progress=False,
    ),
  )
  out.post_processor = processors.TemplateProcessing(
    single=f'{START} $A {END}',
    special_tokens=[(word, out.token_to_id(word)) for word in (START, END)],
  )
  out.decoder = decoders.BPEDecoder(suffix=_END_OF_WORD)
  return out


def write_small_tokenizer(out: Path) -> None:
  """Writes tokenizer.json."""
  out.mkdir(parents=True, exist_ok=True)
  make_tokenizer().save(str(out / TOKENIZER))


if __name__ == '__main__':
  write_small_tokenizer(Path(sys.argv[1]))
