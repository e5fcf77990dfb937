"""TimeChat's texts are the recorded ones, and Seq2Time's are made alike."""

import json
from pathlib import Path

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.systems.timechat import chat

GOLDEN = Path(__file__).parents[2] / 'golden' / 'timechat'


@pytest.fixture(scope='module')
def texts():
  return json.loads((GOLDEN / 'texts.json').read_text())


def times_of(message):
  return [float(told) for told in chat.told_times(message)]


def test_the_recorded_sentences_about_frames_come_out(texts):
  sentences = []
  for message in texts['eval_msg']:
    times_s = times_of(message)
    assert chat.frames_message(times_s) == message
    sentences += chat.qformer_sentences(times_s)
  assert sentences == texts['eval_ts_text']


def test_the_recorded_prompts_come_out(texts):
  for message, prompt in zip(
    texts['eval_msg'], texts['eval_prompts'], strict=True
  ):
    question = prompt.partition('seconds.  ')[2].removesuffix(' [/INST]')
    assert chat.asked(question, message) == prompt


def test_a_text_to_learn_from_has_all_turns():
  text = chat.learnt_text(
    [('q1', 'a1'), ('q2', 'a2')],
    chat.frames_message([0.0, 1.5]),
    n_placeholders=3,
  )
  assert text == (
    '[INST] <<SYS>>\n \n<</SYS>>\n\n<Video><ImageHere><ImageHere><ImageHere>'
    '</Video> The video contains 2 frames sampled at 0.0, 1.5 seconds. q1 '
    '[/INST] a1 </s><s>[INST] q2 [/INST] a2 </s>'
  )


def test_an_open_answer_is_the_last_one():
  assert chat.conversation([('q', None)], system='s').endswith('q [/INST]')
  with pytest.raises(ValueError, match='turn 0 has no answer'):
    chat.conversation([('q', None), ('p', 'a')])


@pytest.mark.parametrize(
  ('time_format', 'sentence'),
  [
    ('seconds', 'This frame is sampled at 7 second.'),
    ('relative_text', 'This frame is sampled at 0.0729.'),
    ('relative_tokens', 'This frame is sampled at <0><7><2><9>.'),
  ],
)
def test_the_q_former_is_told_times_in_three_forms(time_format, sentence):
  found = chat.qformer_sentences([7], time_format=time_format, duration_s=96)
  assert found == [sentence.replace(' 7 ', ' 7.0 ')]


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'time_format': 'frames'}, "qformer_time_format is 'frames'"),
    ({'time_format': 'relative_text'}, 'needs the duration'),
  ],
)
def test_a_form_that_cannot_be_written_is_told(options, message):
  with pytest.raises(BadInput, match=message):
    chat.qformer_sentences([1.0], **options)


def test_frames_and_images_in_codes():
  assert chat.coded_message([0.0, 15.0], 30.0) == (
    'The video contains 2 frames sampled at <0><0><0><0>, <5><0><0><0>. '
  )
  assert chat.coded_message([7, 96], 96, images=True) == (
    'The image sequence contains 2 images indexed at <0><7><2><9>, '
    '<9><9><9><9>. '
  )
