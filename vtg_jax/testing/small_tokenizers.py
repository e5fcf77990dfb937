"""Makes the tokenizers of small models that ship with the library.

    python -m vtg_jax.testing.small_tokenizers OUT --system hawkeye

They are trained on the prompts and on sentences of ShapeStories. HawkEye's
weights are trained by the configs `hawkeye/small_cells`, `small_tokens` and
`small`, ReVisionLLM's by `revisionllm/small_dense`, `small_sparse` and
`small_long`, TimeChat's by `timechat/small_frames` and `small`.
"""

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import sentencepiece
import tokenizers

from input_pipeline.sequences import templates
from input_pipeline.sequences.captions import as_query
from vtg_jax.moments import coarse, frame_answers
from vtg_jax.shape_stories.captioned import as_sentence
from vtg_jax.shape_stories.words import (
  N_PARAPHRASES,
  PAIRS,
  paraphrase,
  paraphrases,
)
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.revisionllm import prompt as revisionllm_prompt
from vtg_jax.systems.revisionllm import release as revisionllm_release
from vtg_jax.systems.timechat import chat
from vtg_jax.systems.vocabularies import TOKENIZER, VOCABULARY

VOCAB_SIZE = 768
BERT_VOCAB_SIZE = 448
REVISIONLLM_VOCAB_SIZE = 896
TIMECHAT_VOCAB_SIZE = 896
# Words of the sentences that tell a frame's time.
_TIME_WORDS = ('this', 'frame', 'is', 'sampled', 'at', 'second')


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


def revisionllm_corpus() -> list[str]:
  """Every sentence in each question, with answers."""
  questions = (
    revisionllm_prompt.FRAMES_QUESTION,
    revisionllm_prompt.VIDEO_QUESTION,
    revisionllm_prompt.YES_NO_QUESTION,
  )
  answers = (
    frame_answers.frames_answer('03', '17'),
    frame_answers.NOT_PRESENT,
    'yes',
    'no',
  )
  lines = []
  for i, pair in enumerate(PAIRS):
    for j, text in enumerate(paraphrases(pair)):
      asked = revisionllm_prompt.question(
        text, template=questions[(i + j) % len(questions)]
      ).replace(revisionllm_prompt.VIDEO, '')
      lines.append(
        revisionllm_prompt.chat_prompt(asked, answers[j % len(answers)])
      )
  return lines


def timechat_corpus() -> list[str]:
  """Every sentence in questions of each kind, with answers; no places."""
  lines, places = [], {'place': ' 1', 'span': ' 1 - 1', 'other_place': ' 1'}
  kinds = list(templates.QUESTIONS)
  for i, pair in enumerate(PAIRS):
    for j, text in enumerate(paraphrases(pair)):
      sentence = as_sentence(text)
      said = {'query': as_query(sentence), 'other_caption': sentence}
      fields = {'caption': sentence, **said, **places}
      kind = kinds[(i + j) % len(kinds)]
      questions = templates.QUESTIONS[kind]
      turn = (
        questions[(i // len(kinds) + j) % len(questions)].format(**fields),
        templates.ANSWERS[kind].format(**fields),
      )
      unit = 'video' if j % 2 else 'image sequence'
      message = f'The {unit} contains 1 frames sampled images indexed at 1. '
      lines.append(chat.learnt_text([turn], message, n_placeholders=0))
  return lines


def train_sentencepiece(
  lines: list[str],
  *,
  vocab_size: int = VOCAB_SIZE,
  whole: Sequence[str] = (),
) -> bytes:
  """A LLaMA-like model: BPE, byte fallback, digits alone, dummy prefix.

  Args:
    lines: What it is trained on.
    vocab_size: Pieces.
    whole: Pieces that are never cut, nor grown; they hold no space.
  """
  out = io.BytesIO()
  sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(lines),
    model_writer=out,
    model_type='bpe',
    vocab_size=vocab_size,
    byte_fallback=True,
    split_digits=True,
    user_defined_symbols=list(whole),
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


def write_hawkeye_tokenizers(out: Path) -> None:
  """Writes tokenizer.model and vocab.txt.

  The first is the same every time; of the second a few word pieces differ,
  because its trainer breaks ties at random.
  """
  lines = corpus()
  out.mkdir(parents=True, exist_ok=True)
  (out / TOKENIZER).write_bytes(train_sentencepiece(lines))
  words = '\n'.join(train_wordpiece(lines))
  (out / VOCABULARY).write_text(f'{words}\n', 'utf-8')


def write_revisionllm_tokenizer(out: Path) -> None:
  """Writes a tokenizer.model that has each number below 100 as a piece."""
  numbers = [*map(str, range(10)), *(f'{i:02d}' for i in range(100))]
  out.mkdir(parents=True, exist_ok=True)
  (out / revisionllm_release.TOKENIZER).write_bytes(
    train_sentencepiece(
      revisionllm_corpus(),
      vocab_size=REVISIONLLM_VOCAB_SIZE,
      whole=numbers,
    )
  )


def write_timechat_tokenizers(out: Path) -> None:
  """Writes tokenizer.model, and a vocab.txt that reads numbers by digits."""
  letters = [*map(chr, range(ord('a'), ord('z') + 1)), *map(str, range(10))]
  words = ('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *'.,<>', *letters)
  words = (*words, *(f'##{letter}' for letter in letters), *_TIME_WORDS)
  out.mkdir(parents=True, exist_ok=True)
  (out / TOKENIZER).write_bytes(
    train_sentencepiece(timechat_corpus(), vocab_size=TIMECHAT_VOCAB_SIZE)
  )
  (out / VOCABULARY).write_text('\n'.join(words) + '\n', 'utf-8')


WRITERS = {
  'hawkeye': write_hawkeye_tokenizers,
  'revisionllm': write_revisionllm_tokenizer,
  'timechat': write_timechat_tokenizers,
}


if __name__ == '__main__':
  parser = argparse.ArgumentParser(
    prog='python -m vtg_jax.testing.small_tokenizers'
  )
  parser.add_argument('out', type=Path)
  parser.add_argument('--system', choices=WRITERS, default='hawkeye')
  given = parser.parse_args()
  WRITERS[given.system](given.out)
