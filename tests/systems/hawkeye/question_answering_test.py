"""HawkEye asked multiple-choice questions about a clip."""

import jax.numpy as jnp
import numpy as np
import pytest

from input_pipeline.frame_choice import eval_frame_indices
from tests.systems.hawkeye import tiny
from vtg_jax.errors import BadInput
from vtg_jax.moments.options import chosen_index
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.hawkeye import prompt, question_answering
from vtg_jax.systems.hawkeye.model import HawkEye

QUESTION, CANDIDATES = 'What runs?', ['a cat', 'a dog.', 'two men run']


def whole_row(tokenizer, asked, continuation=()):
  """Ids before and after the video, tokenised in one go."""
  before, after = asked.split(prompt.VIDEO_QA.video_slot)
  return (
    tokenizer.encode(before, bos=True),
    [*tokenizer.encode(after), *continuation],
  )


def logits_without_tables(frames, before, after):
  """The network over one whole prompt, without caches, tables or padding."""
  model = HawkEye(tiny.config(), Compute())
  variables = {'params': tiny.params()}
  instruction = jnp.array(
    [tiny.tokenizers()[1].encode(prompt.VIDEO_QA.system, max_length=140)]
  )
  soft = model.apply(
    variables,
    jnp.asarray(frames)[None],
    instruction,
    jnp.ones_like(instruction, bool),
    method='see',
  )

  def embed(ids):
    return model.apply(variables, jnp.array([ids]), method='embed_tokens')

  embeds = jnp.concatenate([embed(before), soft, embed(after)], axis=1)
  mask = jnp.ones((1, embeds.shape[1]), bool)
  scored = model.apply(variables, embeds, mask, method='score_rows')
  scored = np.asarray(scored[0], np.float64)
  return scored - np.log(np.exp(scored).sum(-1, keepdims=True))


def prompt_of(video, times_s):
  return prompt.video_qa_prompt(QUESTION, CANDIDATES, times_s)


def test_the_prompt_is_the_papers():
  system = (
    'Carefully watch the video and pay attention to the cause and sequence of '
    'events, the detail and movement of objects, and the action and pose of '
    'persons. Based on your observations, select the best option that '
    'accurately addresses the question.\n'
  )
  asked = prompt.video_qa_prompt('Who?', ['a', 'b.'], [0.5, 1.0])
  assert asked == (
    f'{system}###Human: <Video><VideoHere></Video> The video contains 2 frames '
    f'sampled at 0.5, 1.0 seconds.\n###Human: {system}Question: Who?\n'
    'Options:\n(A) a\n(B) b.\nOnly give the best option.\n'
    '###Assistant: Best option:('
  )
  texts = prompt.VIDEO_QA
  assert (texts.return_prompt, texts.max_new_tokens) == ('(', 100)


def test_scores_are_those_of_the_whole_prompt(grounder, warm_video):
  tokenizer = tiny.tokenizers()[0]
  answer = grounder.questions.answer(
    warm_video, QUESTION, CANDIDATES, mode='score'
  )
  frames = warm_video.get(warm_video.frame_at(answer.frame_times_s))
  asked = prompt_of(warm_video, [8 / 6, 4, 40 / 6])
  wanted = []
  for line in ('A) a cat', 'B) a dog.', 'C) two men run'):
    text = tokenizer.encode_continuation('Best option:(', line)
    before, after = whole_row(tokenizer, asked, text)
    log_probs = logits_without_tables(frames, before, after)
    rows = np.arange(len(log_probs) - 1 - len(text), len(log_probs) - 1)
    wanted.append(log_probs[rows, text].sum())
  wanted = np.exp(wanted - np.logaddexp.reduce(wanted))
  assert answer.probabilities == pytest.approx(wanted.tolist(), abs=1e-5)
  assert answer.index == int(np.argmax(wanted))
  assert (
    answer.reply == ['(A) a cat', '(B) a dog.', '(C) two men run'][answer.index]
  )


def test_the_reply_is_the_greedy_one(grounder, warm_video):
  tokenizer = tiny.tokenizers()[0]
  answer = grounder.questions.answer(warm_video, QUESTION, CANDIDATES)
  frames = warm_video.get(warm_video.frame_at(answer.frame_times_s))
  asked = prompt_of(warm_video, [8 / 6, 4, 40 / 6])
  written = []
  for _ in range(4):
    before, after = whole_row(tokenizer, asked, written)
    log_probs = logits_without_tables(frames, before, after)
    written.append(int(log_probs[-1].argmax()))
  start = prompt.reply_text(tokenizer.decode(written), return_prompt='(')
  assert len(start) >= 4
  assert answer.reply.startswith(start)
  assert answer.probabilities == ()


def test_the_paper_shows_and_tells_a_clip_by_the_file_clock(
  grounder, warm_video
):
  shown = question_answering._shown(warm_video, 2.0, 6.0, 'paper', 3)
  ids = eval_frame_indices((2.0, 6.0), 10.0, 79, 3)
  assert shown.frame_ids.tolist() == ids.tolist()
  assert shown.times_s == pytest.approx((ids / 10.0).tolist())


def test_by_time_a_clip_is_told_from_its_own_start(warm_video):
  shown = question_answering._shown(warm_video, 2.0, 5.0, 'timestamp', 3)
  assert list(shown.times_s) == pytest.approx([0.5, 1.5, 2.5])
  assert shown.display_times_s == pytest.approx([2.5, 3.5, 4.5])


def test_a_clip_that_ends_after_the_video_is_cut(warm_video):
  late = question_answering._shown(warm_video, 6.0, 60.0, 'timestamp', 3)
  inside = question_answering._shown(warm_video, 6.0, None, 'timestamp', 3)
  assert late.frame_ids.tolist() == inside.frame_ids.tolist()


@pytest.mark.parametrize(
  ('reply', 'index'),
  [
    ('(B) a dog', 1),
    ('b.', 1),
    ('(A', 0),
    ('A) x', 0),
    ('a dog', 1),
    ('(@) a dog', None),
    ('(D) none', None),
    ('', None),
    ('(', None),
  ],
)
def test_a_reply_names_a_candidate_by_letter_or_text(reply, index):
  assert chosen_index(reply, ['cat', 'a dog.']) == index


def test_several_questions_are_answered_each_as_alone(grounder, warm_video):
  asked = [QUESTION, 'Who runs?']
  together = grounder.answer(
    warm_video, asked, options=CANDIDATES, mode='score'
  )
  assert [answer.question for answer in together] == asked
  for question, answer in zip(asked, together, strict=True):
    alone = grounder.questions.answer(
      warm_video, question, CANDIDATES, mode='score'
    )
    assert (answer.text, answer.choice) == (alone.reply, alone.index)
    assert answer.score == pytest.approx(alone.probabilities[alone.index])
    assert answer.system == 'hawkeye' and answer.evidence == ()


@pytest.mark.parametrize(
  ('changed', 'message'),
  [
    (dict(options=None), 'give the options'),
    (dict(options=['a']), '1 options'),
    (dict(options=['a', ' ']), 'empty'),
    (dict(questions=''), 'empty'),
    (dict(questions='Who <VideoHere>?'), 'VideoHere'),
    (dict(mode='guess'), 'guess'),
    (dict(sampling='dense'), 'dense'),
    (dict(start_s=5.0, end_s=5.0), 'empty'),
    (dict(start_s=9.0), 'ends at 8'),
    (dict(questions='why ' * 900), 'positions'),
  ],
)
def test_what_cannot_be_asked_is_bad_input(
  grounder, warm_video, changed, message
):
  asked = dict(questions=QUESTION, options=CANDIDATES) | changed
  with pytest.raises(BadInput, match=message):
    grounder.answer(warm_video, **asked)


def test_evidence_is_the_moment_of_the_question(grounder, warm_video):
  (answer,) = grounder.answer(
    warm_video, QUESTION, options=CANDIDATES, evidence=True, mode='score'
  )
  assert list(answer.evidence) == grounder.ground(warm_video, QUESTION)
