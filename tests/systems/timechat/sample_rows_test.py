"""Texts of a data set as rows: which cannot be put in one."""

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.registry import CHECKPOINTS
from vtg_jax.systems.timechat import chat
from vtg_jax.systems.timechat.ids import IGNORE
from vtg_jax.systems.timechat.sample_rows import RowMaker

TOKENIZERS = CHECKPOINTS / 'timechat_small/tokenizers'
N_VIDEO = 3


@pytest.fixture(scope='module')
def rows():
  words = SentencePieceTokenizer(
    TOKENIZERS / 'tokenizer.model',
    legacy=False,
    extra_tokens=(chat.PLACEHOLDER,),
  )
  return RowMaker(
    tokenizer=words,
    time_tokenizer=None,
    video_id=words.vocab_size,
    row_tokens=300,
    time_tokens=20,
  )


@pytest.mark.parametrize('mark', ['<ImageHere>', '<s>', '</s>', '[/INST]'])
def test_a_text_with_a_mark_of_the_chat_is_refused(rows, mark):
  for turn in ((f'What {mark} is it?', 'A dog.'), ('What?', f'A {mark} dog.')):
    with pytest.raises(BadInput, match='which is a mark of the chat'):
      rows.conversation([('Who?', 'He.'), turn], 'Two frames. ', N_VIDEO)


def test_other_brackets_and_odd_letters_are_words(rows):
  turns = [('What <b> [is] </b> it?', 'A dog\0 \U0001f415 <Video>.')]
  row = rows.conversation(turns, 'Two frames. ', N_VIDEO)
  assert (row['places'] >= 0).sum() == N_VIDEO
  assert (row['labels'] != IGNORE).sum() > 8
