"""Annotation texts become items, items become conversations."""

import random

import hypothesis
import pytest
from hypothesis import strategies as st

from input_pipeline import hawkeye_samples as samples
from vtg_jax.errors import BadInput
from vtg_jax.moments import coarse

CHARADES = (
  'AAAAA 0.0 6.9##a person opens a door.\n\nB 3 9.5##He sits. He eats.\n'
)
LENGTHS = {'AAAAA': 30.5, 'B': 10.0}
INTERNVID = (
  '{"video": "a.mp4", "caption": "a man skis.", "start_sec": 1.0,'
  ' "end_sec": 3.0, "neg_start_sec": 0, "neg_end_sec": 40.5}\n'
)


def test_charades_sentences_lose_their_full_stops():
  first, second = samples.charades_sentences(CHARADES, LENGTHS)
  assert first == samples.GroundedSentence(
    video='AAAAA.mp4',
    sentence='a person opens a door',
    start_s=0.0,
    end_s=6.9,
    negative_start_s=0,
    negative_end_s=30.5,
  )
  assert second.sentence == 'He sits He eats'


@pytest.mark.parametrize(
  ('line', 'match'),
  [
    ('AAAAA 0.0##x', 'line 1 is'),
    ('AAAAA 0.0 6.9 x', 'line 1 is'),
    ('AAAAA zero 6.9##x', 'line 1 is'),
    ('CCCCC 0.0 6.9##x', "video 'CCCCC' has no length"),
  ],
)
def test_other_charades_lines_are_refused(line, match):
  with pytest.raises(BadInput, match=match):
    samples.charades_sentences(line, LENGTHS)


def test_charades_test_files_need_no_lengths():
  items = samples.evaluation_items(samples.charades_sentences(CHARADES))
  assert items[1] == {
    'video': 'B.mp4',
    'question': 'He sits He eats',
    'answer': [3.0, 9.5],
  }


def test_training_items_need_lengths():
  sentences = samples.charades_sentences(CHARADES)
  with pytest.raises(ValueError, match='no negative span'):
    samples.choice_items(sentences, ['I'], ['%s?'], random.Random(0))


@pytest.mark.parametrize(
  ('raw', 'for_training', 'for_test'),
  [
    (' A dog. ', ' A dog. ', 'A dog'),
    ('A dog.', 'A dog', 'A dog'),
    ('A. B..', 'A. B.', 'A B'),
  ],
)
def test_activitynet_sentences_keep_spaces_in_training_only(
  raw, for_training, for_test
):
  video = {'duration': 9.5, 'timestamps': [[0, 2.5]], 'sentences': [raw]}
  (item,) = samples.activitynet_sentences({'v_1': video})
  assert item.sentence == for_training
  assert item.negative_end_s == 9.5
  (item,) = samples.activitynet_sentences({'v_1': video}, for_test=True)
  assert item.sentence == for_test


@pytest.mark.parametrize(
  'video',
  [
    {'timestamps': [[0, 1]], 'sentences': ['a']},
    {'duration': 1.0, 'timestamps': [[0, 1]], 'sentences': ['a', 'b']},
    {'duration': 1.0, 'timestamps': [[0]], 'sentences': ['a']},
  ],
)
def test_other_activitynet_entries_are_refused(video):
  with pytest.raises(BadInput, match="video 'v_1' is annotated"):
    samples.activitynet_sentences({'v_1': video})


def test_internvid_captions_begin_upper_case():
  (item,) = samples.internvid_g_sentences(INTERNVID)
  assert item.sentence == 'A man skis'
  assert item.negative_end_s == 40.5


@pytest.mark.parametrize('line', ['{', '[]', '{"video": "a"}'])
def test_other_internvid_lines_are_refused(line):
  with pytest.raises(BadInput, match='line 1 is'):
    samples.internvid_g_sentences(line)


def test_a_choice_item_lists_all_answers_in_the_order_displayed():
  sentences = samples.internvid_g_sentences(INTERNVID)
  (item,) = samples.choice_items(
    sentences, ['I'], ["Where is '%s'?"], random.Random(3)
  )
  (turn,) = item['QA']
  head, _, options = turn['q'].partition('\nOptions:\n')
  assert head == "Question: Where is 'A man skis'?"
  assert options.split('\n') == [text for _, text in turn['a']]
  assert {category for category, _ in turn['a']} == set(coarse.CATEGORIES)
  assert (turn['i'], turn['start_sec'], turn['neg_end_sec']) == ('I', 1.0, 40.5)


def test_items_of_a_seed_are_the_same():
  sentences = samples.charades_sentences(CHARADES, LENGTHS)

  def build(seed):
    return samples.choice_items(
      sentences, ['I', 'J'], ['%s?', 'when %s?'], random.Random(seed)
    )

  assert build(1) == build(1)
  assert build(1) != build(2)


def test_a_caption_item_asks_with_the_part_of_the_video():
  sentences = samples.internvid_g_sentences(INTERNVID)
  (item,) = samples.caption_items(sentences, ['I'], random.Random(0))
  (turn,) = item['QA']
  assert [category for category, _ in turn['q']] == list(coarse.SHUFFLE_BASE)
  fixed = samples.fix_category(turn, 'middle')
  assert fixed['q'] == 'In the middle of the video.'
  assert fixed['a'] == 'A man skis'


@hypothesis.given(seed=st.integers(0, 2**32))
def test_the_answer_drawn_is_read_back_as_the_crops_category(seed):
  rng = random.Random(seed)
  sentences = samples.internvid_g_sentences(INTERNVID)
  (item,) = samples.choice_items(sentences, ['I'], ['%s?'], rng)
  turn = item['QA'][0]
  crop, fixed = samples.draw_choice(turn, rng.random, num_frames=12)
  order = [category for category, _ in turn['a']]
  assert coarse.parse_answer(fixed['a'], order) == crop.category
  assert fixed['q'] == turn['q']


def test_conversation_opens_with_the_instruction():
  turns = [{'i': 'Do it.', 'q': 'Q?', 'a': 'A.'}]
  assert samples.conversation(turns, ' Message. ') == (
    'Do it. ###Human: <Video></Video> Message. ###Human: Q? '
    '###Assistant: A. ###'
  )
  assert samples.qformer_instruction(turns) == 'Do it. Q?'


def test_a_turn_without_a_question_has_an_answer_only():
  turns = [{'q': '', 'a': 'A man.'}]
  assert samples.conversation(turns) == (
    '###Human: <Video></Video> ###Assistant: A man. ###'
  )
  assert samples.qformer_instruction(turns) == ''


def test_an_image_has_its_own_tags():
  got = samples.conversation([{'q': 'Q', 'a': 'A'}], media='Image')
  assert got.startswith('###Human: <Image></Image> ###Human: Q ')


def test_one_turn_takes_nothing_of_the_random_numbers():
  rng = random.Random(0)
  state = rng.getstate()
  assert samples.shuffle_turns([{'q': 'a'}], rng) == [{'q': 'a'}]
  assert rng.getstate() == state
  turns = [{'q': i} for i in range(9)]
  shuffled = samples.shuffle_turns(turns, rng)
  assert shuffled != turns
  assert sorted(shuffled, key=lambda t: t['q']) == turns


def test_training_message_has_a_space_on_either_side():
  assert samples.training_message([0.5]) == (
    ' The video contains 1 frames sampled at 0.5 seconds. '
  )
