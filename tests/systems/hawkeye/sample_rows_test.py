"""One conversation as a row of fixed length."""

import pathlib
import random

import numpy as np
import pytest

from input_pipeline import hawkeye_samples, training_sources
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments import coarse
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.rows import IGNORE, training_rows
from vtg_jax.systems.hawkeye.sample_rows import RowMaker, RowSizes

TOKENIZERS = (
  pathlib.Path(__file__).parents[3]
  / 'vtg_jax/checkpoints/hawkeye_small/tokenizers'
)
SENTENCE = hawkeye_samples.GroundedSentence(
  video='a.mp4',
  sentence='a red circle rises',
  start_s=1.0,
  end_s=2.0,
  negative_end_s=9.0,
)
TIMES_S = [0.4, 1.0, 12.0]


def maker(layout='paper', **changes):
  sizes = {
    'n_video': 5,
    'max_text_tokens': 512,
    'pad_id': 2,
    'row_tokens': 360,
    'instruction_tokens': 40,
  }
  return RowMaker(
    sizes=RowSizes(**sizes | changes),
    tokenizer=SentencePieceTokenizer(TOKENIZERS / 'tokenizer.model'),
    instruction_tokenizer=WordPieceTokenizer(
      TOKENIZERS / 'vocab.txt', ('[DEC]',)
    ),
    layout=layout,
  )


def asked(category='end', seed=0):
  """A fixed turn, and the order of its options."""
  (item,) = hawkeye_samples.choice_items(
    [SENTENCE], ['Do it.'], training_sources.QUESTIONS, random.Random(seed)
  )
  (turn,) = item['QA']
  order = [category for category, _ in turn['a']]
  return hawkeye_samples.fix_category(turn, category), order


def test_a_row_is_the_papers_and_then_padding():
  turn, _ = asked()
  make = maker()
  row = make([turn], TIMES_S, grounding=True)
  text = hawkeye_samples.conversation(
    [turn], hawkeye_samples.training_message(TIMES_S)
  )
  want = training_rows(
    make.tokenizer, [text], n_video=5, max_text_tokens=512, pad_id=2
  )
  n = want.input_ids.shape[1]
  for name in ('input_ids', 'attention_mask', 'labels'):
    np.testing.assert_array_equal(row[name][:n], getattr(want, name)[0])
  assert (row['input_ids'][n:] == 2).all()
  assert not row['attention_mask'][n:].any()
  assert (row['labels'][n:] == IGNORE).all()
  assert row['video_start'] == want.video_start[0]


def test_the_instruction_is_padded_and_keeps_its_end():
  turn, _ = asked()
  make = maker()
  row = make([turn], TIMES_S, grounding=True)
  encode = make.instruction_tokenizer.encode
  whole = encode(hawkeye_samples.qformer_instruction([turn]), max_length=999)
  assert len(whole) > 40
  assert row['text_ids'].tolist() == [whole[0], *whole[-39:]]
  assert row['text_mask'].all()
  empty = make([{'q': 'Q', 'a': 'A'}], None, grounding=False)
  assert empty['text_ids'][:2].tolist() == encode('', max_length=9)
  assert empty['text_mask'].sum() == 2
  assert (empty['text_ids'][2:] == make.instruction_tokenizer.pad_id).all()


@pytest.mark.parametrize('category', coarse.CATEGORIES)
@pytest.mark.parametrize('times_s', [TIMES_S, None])
def test_the_evaluation_layout_is_the_searchs_own_prompt(category, times_s):
  turn, order = asked(category)
  make = maker('evaluation')
  row = make([turn], times_s, grounding=True)
  text = prompt.grounding_prompt('a red circle rises', order, times_s or ())
  before, after = text.split(prompt.GROUNDING.video_slot)
  head = make.tokenizer.encode(before, bos=True)
  tail = make.tokenizer.encode(after)
  line = coarse.format_answer(category, order)
  answer = make.tokenizer.encode_continuation(
    prompt.GROUNDING.answer_prompt, line.removeprefix('(')
  )
  ids = row['input_ids'][row['attention_mask']].tolist()
  n_head, n_asked = len(head), len(head) + 5 + len(tail)
  assert row['video_start'] == n_head
  assert ids[:n_head] == head
  assert ids[n_head + 5 : n_asked] == tail
  assert ids[n_asked:][: len(answer)] == answer
  assert make.tokenizer.decode(ids[n_asked:]) == f'{line[1:]}###'
  assert (row['labels'][:n_asked] == IGNORE).all()
  assert row['labels'][n_asked : len(ids)].tolist() == ids[n_asked:]
  want = make.instruction_tokenizer.encode(
    prompt.GROUNDING.system, max_length=40
  )
  assert row['text_ids'][row['text_mask']].tolist() == want


def test_what_is_no_grounding_keeps_the_papers_layout():
  turn = {'i': 'Talk.', 'q': 'Who?', 'a': 'A man.'}
  one = maker('evaluation')([turn], TIMES_S, grounding=False)
  other = maker()([turn], TIMES_S, grounding=False)
  for name in one:
    np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize('layout', ['paper', 'evaluation'])
def test_a_text_longer_than_a_row_is_refused(layout):
  turn, _ = asked()
  with pytest.raises(BadInput, match='rows have 100; use a larger row_tokens'):
    maker(layout, row_tokens=100)([turn], TIMES_S, grounding=True)


def test_a_text_beyond_the_papers_limit_is_cut_as_the_paper_cuts():
  turn = {'q': 'Who?', 'a': 'a red circle ' * 100}
  row = maker(max_text_tokens=64, row_tokens=69)([turn], None, grounding=False)
  assert row['attention_mask'].all()
  assert (row['labels'] != IGNORE).sum() > 20
