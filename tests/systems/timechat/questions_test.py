"""Questions as released and in codes; answers that are read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.errors import BadInput
from vtg_jax.metrics.dense_captions import Event
from vtg_jax.metrics.highlights import Highlight
from vtg_jax.moments import relative_position
from vtg_jax.systems.timechat import answers, questions
from vtg_jax.systems.timechat.questions import (
  DENSE_CAPTIONS,
  GROUNDING,
  HIGHLIGHTS,
  TUNED,
  ZERO_SHOT,
)

TENTHS = st.integers(0, 3000).map(lambda n: n / 10)
SPANS = st.tuples(TENTHS, TENTHS).map(lambda span: tuple(sorted(span)))
WORDS = st.sampled_from(['cut it', 'add 2 cups of rice', 'stir, then wait'])


def test_released_questions_are_asked():
  asked = questions.question(GROUNDING, ' a dog runs. ', way=ZERO_SHOT)
  assert 'from the Charades dataset' in asked
  assert 'the 24.3 - 30.4 seonds. Now I will give' in asked
  assert 'the textual sentence: a dog runs. Please return' in asked
  marked = questions.question(HIGHLIGHTS, 'a {cup}', dataset='X')
  assert 'from the X dataset' in marked and 'query: a {cup}. P' in marked
  assert '98, 100 second. Their saliency scores are 1.3, 1.7,' in marked


@pytest.mark.parametrize(('task', 'way'), list(questions.QUESTIONS))
def test_questions_in_codes_have_no_seconds(task, way):
  asked = questions.question(task, 'a dog runs', way=way, coded=True)
  assert 'seconds' not in asked and 'second.' not in asked
  examples = {GROUNDING: '<0><8><1><0>', DENSE_CAPTIONS: '<3><0><0><0>'}
  if (task, way) != (GROUNDING, TUNED):
    assert examples.get(task, '<2><7><3><3>') in asked


def test_what_is_asked_where_nobody_says_tells_times_as_the_model_does():
  for task in (GROUNDING, DENSE_CAPTIONS, HIGHLIGHTS):
    for prompts in ('released', 'as_trained'):
      asked = questions.usual_question(task, prompts, coded=True)
      assert 'second' not in asked
      assert asked.count('%s') == (task != DENSE_CAPTIONS)
  plain = questions.usual_question(HIGHLIGHTS, 'as_trained', coded=False)
  assert '82, 84' in plain
  assert questions.usual_question(GROUNDING, 'released', coded=False).endswith(
    'timestamps in seconds.'
  )


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ({'task': 'dance'}, "no question for 'dance'"),
    ({'task': GROUNDING, 'query': ' . '}, 'query is empty'),
  ],
)
def test_what_cannot_be_asked_is_told(arguments, message):
  with pytest.raises(BadInput, match=message):
    questions.question(**arguments)


def test_an_own_question_may_be_asked():
  asked = questions.question(GROUNDING, 'a dog', template='When: {query}?')
  assert asked == 'When: a dog?'


@given(SPANS)
def test_a_grounding_answer_is_read_back(span):
  text = questions.grounding_answer(span)
  assert answers.read_span(text) == span
  assert answers.read_span(text, released=True) == span


@given(st.lists(st.builds(Event, SPANS, WORDS), max_size=4))
def test_told_events_are_read_back(events):
  text = questions.events_answer(events)
  want = [(span, f'{words}.') for span, words in events]
  assert answers.read_events(text) == want


@given(st.lists(st.builds(Highlight, TENTHS, st.integers(10, 50)), min_size=1))
def test_told_highlights_are_read_back(told):
  told = [Highlight(one.time_s, one.saliency / 10) for one in told]
  assert answers.read_highlights(questions.highlights_answer(told)) == told


@given(SPANS)
def test_codes_are_read_back_to_their_resolution(span):
  text = questions.answer(questions.grounding_answer, span, duration_s=300.0)
  assert 'second' not in text
  told = relative_position.in_seconds(text, 300.0)
  assert answers.read_span(told) == pytest.approx(span, abs=0.0801)
