"""The chat's words, placeholders among its ids, and which ids are learnt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.systems.revisionllm.golden import GOLDEN
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.revisionllm import prompt
from vtg_jax.systems.revisionllm.prompt import IGNORE, MEMORY_ID, VIDEO_ID


@pytest.fixture(scope='module')
def tokenizer():
  return SentencePieceTokenizer(GOLDEN / 'tokenizer.model')


def test_a_sentence_is_asked_for_without_its_full_stop():
  asked = prompt.asked_sentence('  A man. Opens the Door.. ')
  assert asked == 'a man. opens the door.'
  turn = prompt.question('A dog runs.', template=prompt.VIDEO_QUESTION)
  assert turn == '<video>\nDuring which video can we see a dog runs?'


def test_stretches_of_text_are_tokenised_alone(tokenizer):
  ids = prompt.prompt_ids(tokenizer, 'USER: <video>\nq <memory> ASSISTANT:')
  video, memory = ids.index(VIDEO_ID), ids.index(MEMORY_ID)
  assert ids[:video] == tokenizer.encode('USER: ', bos=True)
  assert ids[video + 1 : memory] == tokenizer.encode('\nq ')
  assert ids[memory + 1 :] == tokenizer.encode(' ASSISTANT:', bos=True)


# Words of the language that the tokenizer of the set was made for, and others.
SENTENCES = st.text(
  st.characters(blacklist_categories=['Cs'], blacklist_characters='<>\0'),
  max_size=30,
).map(lambda text: text.replace('ASSISTANT', ''))


@settings(max_examples=40, deadline=None)
@given(SENTENCES, st.integers(0, 249), st.integers(0, 249))
def test_the_answer_and_its_end_are_learnt_and_nothing_else(
  tokenizer, sentence, first, last
):
  answer = f'From {first:02d} to {last:02d}.'
  text = prompt.chat_prompt(prompt.question(sentence), answer)
  ids = prompt.prompt_ids(tokenizer, text)
  labels = prompt.learnt_labels(tokenizer, text)
  assert len(labels) == len(ids)
  learnt = [label for label in labels if label != IGNORE]
  assert labels == [IGNORE] * (len(ids) - len(learnt)) + ids[-len(learnt) :]
  assert learnt[-1] == tokenizer.eos_id
  assert tokenizer.decode(learnt[:-1]) == answer


def test_nothing_is_learnt_where_lengths_disagree(tokenizer):
  text = prompt.chat_prompt(prompt.question('a dog'), 'From 03 to 07.')
  for odd in (text.removesuffix('</s>'), text.replace(' ASSISTANT: ', ' ')):
    assert set(prompt.learnt_labels(tokenizer, odd)) == {IGNORE}


def test_an_answer_ends_before_its_end_token():
  assert prompt.answer_ids([5, 6, 2, 0, 0], 2) == [5, 6]
  assert prompt.answer_ids([5, 6], 2) == [5, 6]
