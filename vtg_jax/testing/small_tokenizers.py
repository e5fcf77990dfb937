"""Makes the tokenizers of the small HawkEye that ships with the library.

    python -m vtg_jax.testing.small_tokenizers OUT

They are trained on the prompts and on sentences of ShapeStories. Its weights
are trained by the configs `hawkeye/small_cells`, `small_tokens` and `small`.
"""

import io
import sys
from pathlib import Path

import sentencepiece
import tokenizers

from vtg_jax.moments import coarse
from vtg_jax.shape_stories.words import (
  N_PARAPHRASES,
  PAIRS,
  paraphrase,
  paraphrases,
)
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.vocabularies import TOKENIZER, VOCABULARY

VOCAB_SIZE = 768
BERT_VOCAB_SIZE = 448


def corpus() -> list[str]:
  """Every sentence about ShapeStories, and prompts around some of them."""
  sentences = [
    paraphrase(pair, i % N_PARAPHRASES) for i, pair in enumerate(PAIRS)
  ]
  times_s = [0.1 * (i * i % 1000) for i in range(12)]
  lines = [text for pair in PAIRS for text in paraphrases(pair)]
  for i, sentence in enumerate(sentences):
    order = coarse.CATEGORIES[i % 4 :] + coarse.CATEGORIES[: i % 4]
    text = prompt.grounding_prompt(
      sentence, order, [t + i for t in times_s]
    ).replace(prompt.GROUNDING.video_slot, '')
    lines += [*text.split('\n'), *coarse.option_lines(order)]
  return lines


def train_sentencepiece(lines: list[str]) -> bytes:
  """A LLaMA-like model: BPE, byte fallback, digits alone, dummy prefix."""
  out = io.BytesIO()
  sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(lines),
    model_writer=out,
    model_type='bpe',
    vocab_size=VOCAB_SIZE,
    byte_fallback=True,
    split_digits=True,
    normalization_rule_name='identity',
    remove_extra_whitespaces=False,
    unk_id=0,
    bos_id=1,
    eos_id=2,
    pad_id=-1,
    num_threads=1,
    minloglevel=2,
  )
  return out.getvalue()


def train_wordpiece(lines: list[str]) -> list[str]:
  """Tokens of a BERT-like vocabulary, in id order."""
  trained = tokenizers.BertWordPieceTokenizer(lowercase=True)
  trained.train_from_iterator(
    lines, vocab_size=BERT_VOCAB_SIZE, min_frequency=1, show_progress=False
  )
  vocab = trained.get_vocab()
  return sorted(vocab, key=vocab.get)


def write_small_tokenizers(out: Path) -> None:
  """Writes tokenizer.model and vocab.txt.

  The first is the same every time; of the second a few word pieces differ,
  because its trainer breaks ties at random.
  """
  lines = corpus()
  out.mkdir(parents=True, exist_ok=True)
  (out / TOKENIZER).write_bytes(train_sentencepiece(lines))
  words = '\n'.join(train_wordpiece(lines))
  (out / VOCABULARY).write_text(f'{words}\n', 'utf-8')


if __name__ == '__main__':
  write_small_tokenizers(Path(sys.argv[1]))
