from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments.frame_answers import frames_answer, places_answer
from vtg_jax.shape_stories.words import PAIRS, paraphrase
from vtg_jax.systems import vocabularies
from vtg_jax.systems.revisionllm.release import TOKENIZER
from vtg_jax.systems.revisionllm.starting_point import SHIPPED_TOKENIZER
from vtg_jax.systems.timechat import starting_point as timechat_start
from vtg_jax.testing.small_tokenizers import (
  write_revisionllm_tokenizer,
  write_timechat_tokenizers,
)

SHIPPED = SHIPPED_TOKENIZER / 'tokenizers' / TOKENIZER


def test_the_shipped_revisionllm_reads_as_its_corpus_says(tmp_path):
  write_revisionllm_tokenizer(tmp_path)
  written = SentencePieceTokenizer(tmp_path / TOKENIZER)
  shipped = SentencePieceTokenizer(SHIPPED)
  assert written.vocab_size == shipped.vocab_size
  for i, pair in enumerate(PAIRS):
    text = paraphrase(pair, i % 5)
    assert written.encode(text) == shipped.encode(text)


def test_every_number_of_an_answer_is_one_piece():
  tokenizer = SentencePieceTokenizer(SHIPPED)
  answers = [frames_answer(f'{n:02d}', f'{99 - n:02d}') for n in range(100)]
  answers += [places_answer(n, 100 - n) for n in range(1, 100)]
  for answer in answers:
    # From, a space, the number, to, a space, the number, a full stop.
    assert len(tokenizer.encode(answer)) == 7, answer
    assert tokenizer.decode(tokenizer.encode(answer)) == answer


def test_the_shipped_timechat_reads_its_corpus_and_numbers_by_digits(tmp_path):
  write_timechat_tokenizers(tmp_path)
  shipped = timechat_start.SHIPPED_TOKENIZERS / 'tokenizers'
  for name in (vocabularies.TOKENIZER, vocabularies.VOCABULARY):
    assert (tmp_path / name).read_bytes() == (shipped / name).read_bytes()
  own = WordPieceTokenizer(tmp_path / vocabularies.VOCABULARY)
  for sentence, n in (
    ('This frame is sampled at 0.0729.', 14),
    ('This frame is sampled at <0><7><2><9>.', 20),
  ):
    ids = own.encode(sentence, max_length=40)
    assert len(ids) == n and own.encode('?', max_length=3)[1] not in ids
