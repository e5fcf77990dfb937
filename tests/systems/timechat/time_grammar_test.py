"""What stands around times, in figures and in codes, for the grammar."""

from pathlib import Path

import pytest

from vtg_jax.decode.figures import Figures
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.moments import relative_position
from vtg_jax.systems.timechat import chat, time_grammar

GOLDEN = Path(__file__).parents[2] / 'golden' / 'timechat'
PLAIN = Figures(
  digit_ids=tuple(range(10)), n_whole=5, point_id=11, n_decimals=1
)


@pytest.fixture(scope='module')
def tokenizer():
  return SentencePieceTokenizer(
    GOLDEN / 'llama_tokenizer.model',
    legacy=False,
    extra_tokens=(chat.PLACEHOLDER, *relative_position.TOKENS),
  )


def test_the_tokens_around_plain_times(tokenizer):
  figures = time_grammar.plain_figures(tokenizer)
  words = time_grammar.timed_words(tokenizer, figures, time_grammar.SPAN_ANSWER)
  decoded = [tokenizer.decode(ids).strip() for ids in words]
  assert decoded == ['The given query happens in', '-', 'seconds. </s>']
  whole = [
    *words.lead, *figures.digit_ids[3:4], figures.point_id,
    *figures.digit_ids[7:8], *words.middle, *figures.digit_ids[4:5],
    figures.point_id, *figures.digit_ids[:1], *words.after,
  ]  # fmt: skip
  assert whole == tokenizer.encode_continuation(
    chat.ANSWERED, time_grammar.SPAN_ANSWER.format('3.7', '4.0')
  )


@pytest.mark.parametrize(
  'answer',
  [time_grammar.CODED_SPAN_ANSWER, time_grammar.CODED_EVENT_ANSWER],
)
def test_the_tokens_around_codes(tokenizer, answer):
  figures = time_grammar.code_figures(tokenizer)
  n = tokenizer.vocab_size
  assert figures.digit_ids == tuple(range(n + 1, n + 11))
  words = time_grammar.timed_words(tokenizer, figures, answer)
  start, end = (
    [figures.digit_ids[digit] for digit in relative_position.digits_of(code)]
    for code in (729, 9999)
  )
  whole = [*words.lead, *start, *words.middle, *end, *words.after]
  text = answer.format('<0><7><2><9>', '<9><9><9><9>')
  assert whole == tokenizer.encode_continuation(chat.ANSWERED, text)


@pytest.mark.parametrize(
  ('figures', 'answer', 'times'),
  [
    (time_grammar.plain_figures, time_grammar.HIGHLIGHT_ANSWER, ('3.7', '8.0')),
    (
      time_grammar.code_figures,
      time_grammar.CODED_HIGHLIGHT_ANSWER,
      ('<0><7><2><9>', '<9><0><1><2>'),
    ),
  ],
)
def test_the_tokens_around_lists(tokenizer, figures, answer, times):
  around, saliencies = time_grammar.listed_words(
    tokenizer, figures(tokenizer), answer
  )
  follow = tokenizer.encode_continuation
  digit, point = saliencies.digit_ids, saliencies.point_id
  first, second = (
    tokenizer.encode(time)
    if '<' in time
    else [digit[int(time[0])], point, digit[int(time[2])]]
    for time in times
  )
  whole = [
    *around.lead, digit[2], *around.words, *first, *around.first_between,
    *second, *around.middle, digit[1], point, digit[3], *around.second_between,
    digit[4], point, digit[0], *around.after,
  ]  # fmt: skip
  text = answer.format('2', *times, '1.3', '4.0')
  assert whole == follow(chat.ANSWERED, text)


def test_limits_are_whole_tenths(tokenizer):
  # In binary ten times 0.7 + 0.1 is below 8.
  found = [time_grammar.limit_of(s, PLAIN) for s in (12.3, 0.59, 0.8, 36000.0)]
  assert found == [123, 5, 8, 360000]
  codes = time_grammar.code_figures(tokenizer)
  assert time_grammar.limit_of(12.3, codes) == 9999
  with pytest.raises(BadInput, match='too long'):
    time_grammar.limit_of(100000.0, PLAIN)


def test_a_tokenizer_without_the_words_is_refused():
  plain = SentencePieceTokenizer(GOLDEN / 'llama_tokenizer.model', legacy=False)
  with pytest.raises(BadInput, match='no word <0>'):
    time_grammar.code_figures(plain)
