"""Conversations about stories: what is asked, and that the answers are true."""

import re

import numpy as np
import pytest

from vtg_jax.shape_stories import make_story, standard
from vtg_jax.shape_stories.cells import NOTHING
from vtg_jax.shape_stories.words import PAIRS
from vtg_jax.systems.grounded_videollm import story_questions
from vtg_jax.systems.grounded_videollm.prompt import ASSISTANT, HUMAN, VIDEO
from vtg_jax.systems.grounded_videollm.story_source import (
  StoriesOptions,
  StoriesSource,
)

STORY = make_story(standard(), 5)
_TIMES = re.compile(r'<([\d.]+)> to <([\d.]+)>')


def rng(seed=0):
  return np.random.default_rng(seed)


def spans(text):
  return [(float(a), float(b)) for a, b in _TIMES.findall(text)]


def test_a_conversation_has_the_form_of_the_mixtures():
  options = StoriesOptions(n_grounding=2, n_dense=1, n_describe=1, n_plain=2)
  source = StoriesSource(options=options)
  item = source.item(5, rng())
  turns = item['conversation']
  assert [turn['from'] for turn in turns] == [HUMAN, ASSISTANT] * 6
  assert turns[0]['value'].startswith(f'{VIDEO}\n')
  assert ''.join(turn['value'] for turn in turns).count(VIDEO) == 1
  assert len(item['asked']) == 6
  assert source.open(item).story.seed == 5
  assert item == source.item(5, rng())
  assert item != source.item(5, rng(1))


def test_no_event_is_asked_for_twice():
  source = StoriesSource(options=StoriesOptions(n_grounding=99))
  asked = source.item(5, rng())['asked']
  assert len({one.pair for one in asked}) == len(STORY.events) == len(asked)


@pytest.mark.parametrize('number', range(len(STORY.events)))
def test_when_an_event_happens(number):
  event = STORY.events[number]
  asked = story_questions.grounding(STORY, number, rng())
  assert spans(asked.answer) == [(event.start_s, event.end_s)]
  assert PAIRS[asked.pair] == event.pair
  assert (asked.start_s, asked.end_s) == (event.start_s, event.end_s)
  assert event.colour in asked.question and event.shape in asked.question


def test_all_events_and_those_of_an_interval():
  asked = story_questions.dense(STORY, rng())
  assert spans(asked.answer) == [(e.start_s, e.end_s) for e in STORY.events]
  assert asked.pair == NOTHING
  asked = story_questions.describe(STORY, rng())
  told = {
    (e.start_s, e.end_s): e.caption.capitalize() + '.' for e in STORY.events
  }
  start, end = re.findall(r'<([\d.]+)>', asked.question)
  assert asked.answer == told[float(start), float(end)]


@pytest.mark.parametrize('seed', range(8))
def test_plain_answers_are_true_of_the_story(seed):
  captions = ' '.join(event.caption for event in STORY.events)
  asked = story_questions.what_it_does(STORY, rng(seed))
  thing = re.match('What does the (.*) do', asked.question)[1]
  assert f'{thing} {asked.answer[3:-1]}' in captions
  asked = story_questions.which_it_does(STORY, rng(seed))
  thing = re.search('What does the (.*) do', asked.question)[1]
  said = re.match(r'Answer: (\([A-D]\) (.*?))\.', asked.answer)
  assert f'{thing} {said[2]}' in captions and said[1] in asked.question
  asked = story_questions.is_there(STORY, rng(seed))
  thing = re.match('Is there (.*) in', asked.question)[1]
  assert asked.answer == ('Yes.' if thing in captions else 'No.')
  asked = story_questions.which_colour(STORY, rng(seed))
  shape = re.search('first (.*) in', asked.question)[1]
  first = next(event for event in STORY.events if event.shape == shape)
  assert asked.answer == f'{first.colour.capitalize()}.'


def test_what_cannot_be_asked_is_refused():
  with pytest.raises(ValueError, match='ask one or more'):
    StoriesOptions(n_grounding=0)
  with pytest.raises(ValueError, match='for tests'):
    StoriesOptions(first_seed=1_999_999, n_stories=2)
