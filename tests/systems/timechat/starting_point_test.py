"""What a checkpoint of other sizes becomes, and the Q-Former's own digits."""

import dataclasses

import numpy as np
import pytest

from tests.systems.timechat import golden
from tests.systems.timechat.golden import GOLDEN
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.timechat import chat, release
from vtg_jax.systems.timechat.starting_point import (
  FRAME_POSITIONS,
  QFORMER_WORDS,
  StartConfig,
  adapted,
  changed,
)
from vtg_jax.systems.timechat.time_formats import (
  RELATIVE_TOKENS,
  SECONDS,
  qformer_words,
)
from vtg_jax.systems.vocabularies import read_tokenizers, training_files

FILES = training_files(str(GOLDEN), None)
OLD = release.config_of_golden(golden.TOLD)


def stored():
  """Arrays whose rows say their numbers."""

  def numbered(n, width):
    return np.tile(np.arange(n, dtype=np.float32)[:, None], (1, width))

  llm, qformer = OLD.llm, OLD.qformer
  return {
    'llm/embed/embedding': numbered(llm.vocab_size, llm.width),
    'llm/lm_head/kernel': -numbered(llm.vocab_size, llm.width).T,
    QFORMER_WORDS: numbered(qformer.vocab_size, qformer.width),
    FRAME_POSITIONS: numbered(OLD.video_qformer.n_frames, qformer.width),
  }


def test_new_rows_begin_as_those_of_known_ones():
  config = StartConfig(
    preset='small',
    digit_rows=True,
    model={'video_qformer': {'n_frames': 2 * OLD.video_qformer.n_frames}},
  )
  model = changed(OLD.to_dict(), config, RELATIVE_TOKENS)
  out = adapted(stored(), 0, model=model, files=FILES)
  words = SentencePieceTokenizer(FILES['tokenizer.model'])
  like = [words.encode_continuation('a 5.', str(i))[0] for i in range(10)]
  assert len(set(like)) == 10
  assert out['llm/new_embed'][:, 0].tolist() == like
  assert (-out['llm/new_head'][:, -1]).tolist() == like
  _, own = read_tokenizers(FILES)
  own = [own.encode(str(i), max_length=9)[1] for i in range(10)]
  assert out[QFORMER_WORDS][OLD.qformer.vocab_size :, 0].tolist() == own
  n = OLD.video_qformer.n_frames
  np.testing.assert_array_equal(
    out[FRAME_POSITIONS][:, 0], np.repeat(np.arange(n), 2)
  )
  # What a later stage begins with stays as it is.
  again = changed(
    dataclasses.replace(model, qformer_time_format=RELATIVE_TOKENS).to_dict(),
    config,
    RELATIVE_TOKENS,
  )
  assert again.llm == model.llm and again.qformer == model.qformer
  same = adapted(out, 0, model=model, files=FILES)
  assert all(same[path] is out[path] for path in out)


def test_nothing_is_new_unless_it_is_asked_for():
  config = StartConfig(preset='small')
  model = changed(OLD.to_dict(), config, SECONDS)
  assert model == OLD
  before = stored()
  assert adapted(before, 0, model=model, files=FILES).keys() == before.keys()


def test_the_qformers_digits_are_words_of_its_tokenizer():
  _, own = read_tokenizers(FILES, qformer_words=qformer_words(RELATIVE_TOKENS))
  assert own.vocab_size == OLD.qformer.vocab_size + 10
  (sentence,) = chat.qformer_sentences(
    [7], time_format=RELATIVE_TOKENS, duration_s=96
  )
  ids = own.encode(sentence, max_length=32)
  first = OLD.qformer.vocab_size
  assert [i - first for i in ids if i >= first] == [0, 7, 2, 9]


def test_a_tokenizer_without_digits_is_refused(tmp_path):
  words = GOLDEN / 'bert_vocab.txt'
  text = words.read_text('utf-8').replace('\n7\n', '\nx\n')
  (tmp_path / 'vocab.txt').write_text(text.replace('##7', '##x'))
  files = {**FILES, 'vocab.txt': tmp_path / 'vocab.txt'}
  model = changed(OLD.to_dict(), StartConfig(preset='small'), RELATIVE_TOKENS)
  with pytest.raises(BadInput, match='no words for single digits'):
    adapted(stored(), 0, model=model, files=files)
