"""Makes the tokenizer of the small Grounded-VideoLLM that ships with us.

    python -m vtg_jax.testing.small_phi_tokenizer OUT

It behaves as Phi's: spaces are written as a mark before words, unknown
characters as bytes, and the names of the speakers are tokens. It is trained on
what the small model is asked and says.
"""

import json
import sys
from pathlib import Path

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from vtg_jax.shape_stories.words import PAIRS, paraphrases
from vtg_jax.systems.grounded_videollm import story_questions
from vtg_jax.systems.grounded_videollm.prompt import PHI3
from vtg_jax.systems.grounded_videollm.release import TOKENIZER

# Tokens before the words of time are added.
VOCAB_SIZE = 784
_SPECIAL = ('<unk>', '<s>', '</s>')
_BYTES = tuple(f'<0x{i:02X}>' for i in range(256))
_ROLES = ('<|assistant|>', '<|system|>', '<|end|>', '<|user|>')


def make_tokenizer() -> tokenizers.Tokenizer:
  """The tokenizer, the same every time."""
  lines = [f"'{text}'" for pair in PAIRS for text in paraphrases(pair)]
  lines += [text for pair in PAIRS for text in paraphrases(pair)]
  _, _, system = PHI3.system.partition('\n')
  # Often enough that each of their words becomes one token.
  lines += [*story_questions.texts(), f'0123456789 {system}'] * 2000
  out = tokenizers.Tokenizer(
    models.BPE(unk_token='<unk>', byte_fallback=True, fuse_unk=True)
  )
  # Words, marks and digits stay apart while it is trained; that they do
  # afterwards follows from what was merged.
  out.pre_tokenizer = pre_tokenizers.Sequence(
    [
      pre_tokenizers.Punctuation('isolated'),
      pre_tokenizers.Digits(individual_digits=True),
      pre_tokenizers.Metaspace(prepend_scheme='never', split=True),
    ]
  )
  out.train_from_iterator(
    [text for line in lines for text in (line, f' {line}')],
    trainers.BpeTrainer(
      vocab_size=VOCAB_SIZE,
      special_tokens=[*_SPECIAL, *_BYTES],
      show_progress=False,
    ),
  )
  out = _only_words_special(out)
  mark = '\u2581'
  out.normalizer = normalizers.Sequence(
    [normalizers.Prepend(mark), normalizers.Replace(' ', mark)]
  )
  out.decoder = decoders.Sequence(
    [
      decoders.Replace(mark, ' '),
      decoders.ByteFallback(),
      decoders.Fuse(),
      decoders.Strip(' ', 1, 0),
    ]
  )
  out.add_special_tokens(
    [
      tokenizers.AddedToken(token, special=True, normalized=False)
      for token in (*_SPECIAL, PHI3.end)
    ]
    + [
      tokenizers.AddedToken(token, special=True, normalized=False, rstrip=True)
      for token in _ROLES
    ]
  )
  return out


def _only_words_special(trained: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
  """The same merges without what was added for the training."""
  model = json.loads(trained.to_str())['model']
  merges = [tuple(merge) for merge in model['merges']]
  return tokenizers.Tokenizer(
    models.BPE(
      vocab=model['vocab'],
      merges=merges,
      unk_token='<unk>',
      byte_fallback=True,
      fuse_unk=True,
    )
  )


def write_small_tokenizer(out: Path) -> None:
  """Writes tokenizer.json."""
  out.mkdir(parents=True, exist_ok=True)
  make_tokenizer().save(str(out / TOKENIZER))


if __name__ == '__main__':
  write_small_tokenizer(Path(sys.argv[1]))
