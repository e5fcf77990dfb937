"""Makes the small HawkEye that ships with the library.

    python -m vtg_jax.testing.small_hawkeye OUT

Tokenizers are trained on the prompts and on sentences of ShapeStories; the
weights are random until a training run replaces them.
"""

import io
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import sentencepiece
import tokenizers

from vtg_jax.convert.checkpoint import save_checkpoint
from vtg_jax.moments import coarse
from vtg_jax.nn.compute import Compute
from vtg_jax.shape_stories.words import (
  N_PARAPHRASES,
  PAIRS,
  paraphrase,
  paraphrases,
)
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.config import HawkEyeConfig, small
from vtg_jax.systems.hawkeye.grounder import (
  EXTRA_TOKENS,
  TOKENIZER,
  VOCABULARY,
)
from vtg_jax.systems.hawkeye.model import init_params

SEED = 0
VOCAB_SIZE = 768
BERT_VOCAB_SIZE = 448
NOTICE = 'this small model is not trained yet: its answers mean nothing'


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


def stop_ids(model: bytes) -> tuple[tuple[int, ...], ...]:
  """How the trained tokenizer writes the separator: alone and in a text."""
  processor = sentencepiece.SentencePieceProcessor(model_proto=model)
  alone = processor.encode(prompt.SEPARATOR)
  before = processor.encode('.')
  inside = processor.encode('.' + prompt.SEPARATOR)[len(before) :]
  return tuple(dict.fromkeys([tuple(alone), tuple(inside)]))


def write_small_hawkeye(out: Path) -> HawkEyeConfig:
  """Writes the checkpoint folder; the same bytes of weights every time."""
  lines = corpus()
  model = train_sentencepiece(lines)
  words = train_wordpiece(lines)
  config = small(
    vocab_size=VOCAB_SIZE,
    bert_vocab_size=len(words) + len(EXTRA_TOKENS),
    stop_ids=stop_ids(model),
  )
  params = init_params(config, jax.random.key(SEED), Compute())
  params = jax.tree.map(lambda x: x.astype(jnp.float16), params)
  with tempfile.TemporaryDirectory() as folder:
    files = {name: Path(folder) / name for name in (TOKENIZER, VOCABULARY)}
    files[TOKENIZER].write_bytes(model)
    files[VOCABULARY].write_text('\n'.join(words) + '\n', 'utf-8')
    save_checkpoint(
      out,
      params,
      {'system': 'hawkeye', 'notice': NOTICE, 'model': config.to_dict()},
      tokenizer_files=files,
    )
  return config


if __name__ == '__main__':
  write_small_hawkeye(Path(sys.argv[1]))
