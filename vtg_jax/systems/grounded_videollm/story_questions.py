"""What the small Grounded-VideoLLM is asked about a story, and what it says.

A turn is {'from': 'human' or 'gpt', 'value': text}, as in the released
mixtures; times are seconds in angle brackets.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from vtg_jax.shape_stories.cells import NOTHING
from vtg_jax.shape_stories.story import Event, Story
from vtg_jax.shape_stories.words import (
  ACTIONS,
  COLOURS,
  OBJECTS,
  PAIRS,
  Pair,
  paraphrase,
)
from vtg_jax.systems.grounded_videollm import prompt
from vtg_jax.systems.grounded_videollm.choices import (
  choice_answers,
  choice_question,
)
from vtg_jax.systems.grounded_videollm.prompt import ASSISTANT, HUMAN

# The first of each, which the grounder asks, is drawn as often as the others.
_GROUNDING = (prompt.GROUNDING, "When does '%s' happen in the video?")
_DENSE = (
  prompt.DENSE_CAPTIONS,
  'Can you compile a list of the activities and their timestamps featured in '
  'the video?',
)
_DESCRIBE = (
  'What is happening from <start> to <end>?',
  'What is taking place between <start> and <end>?',
)
_N_OPTIONS = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
  """A question with its answer.

  Attributes:
    question: Without the video.
    answer: What is learnt.
    pair: Number in `words.PAIRS` of what is asked for, or `NOTHING` where the
      answer is no moment.
    start_s: When it starts; 0 where the answer is no moment.
    end_s: When it ends.
  """

  question: str
  answer: str
  pair: int = NOTHING
  start_s: float = 0.0
  end_s: float = 0.0

  @property
  def turns(self) -> list[dict[str, str]]:
    return [
      {'from': HUMAN, 'value': self.question},
      {'from': ASSISTANT, 'value': self.answer},
    ]


def grounding(
  story: Story, event_number: int, rng: np.random.Generator
) -> Asked:
  """Asks when an event happens, in words drawn anew."""
  event = story.events[event_number]
  said = paraphrase(event.pair, int(rng.integers(story.config.n_paraphrases)))
  return Asked(
    question=_drawn(_GROUNDING, rng) % said,
    answer=f'From <{event.start_s}> to <{event.end_s}>.',
    pair=PAIRS.index(event.pair),
    start_s=event.start_s,
    end_s=event.end_s,
  )


def dense(story: Story, rng: np.random.Generator) -> Asked:
  """Asks for all events: times, then a sentence."""
  told = [
    f'From <{e.start_s}> to <{e.end_s}>, {e.caption}.' for e in story.events
  ]
  return Asked(question=_drawn(_DENSE, rng), answer=' '.join(told))


def describe(story: Story, rng: np.random.Generator) -> Asked:
  """Asks what happens in the interval of an event that is drawn."""
  event = story.events[int(rng.integers(len(story.events)))]
  question = _drawn(_DESCRIBE, rng)
  question = question.replace('<start>', f'<{event.start_s}>')
  question = question.replace('<end>', f'<{event.end_s}>')
  return Asked(
    question=question, answer=f'{event.caption[0].upper()}{event.caption[1:]}.'
  )


def what_it_does(story: Story, rng: np.random.Generator) -> Asked:
  """Asks what an object does; of several actions, the first is told."""
  first = _first_of_object(story, rng)
  return Asked(question=_what_does(first), answer=f'It {_does(first.pair)}.')


def which_it_does(story: Story, rng: np.random.Generator) -> Asked:
  """The same with options; half of the answers tell the evidence's times."""
  first = _first_of_object(story, rng)
  colour, shape, action = first.pair
  does_too = {e.action for e in story.events if e.pair[:2] == (colour, shape)}
  others = [other for other in ACTIONS if other not in does_too]
  actions = [action, *rng.permutation(others)[: _N_OPTIONS - 1].tolist()]
  actions = [actions[i] for i in rng.permutation(len(actions))]
  options = [_does((colour, shape, one)) for one in actions]
  answers = choice_answers(options, letters_only=False)
  answer = f'{answers[actions.index(action)]}.'
  if rng.random() < 0.5:
    answer += f' From <{first.start_s}> to <{first.end_s}>.'
  return Asked(
    question=choice_question(_what_does(first), options), answer=answer
  )


def is_there(story: Story, rng: np.random.Generator) -> Asked:
  """Asks whether an object is to be seen; every second one is not."""
  there = sorted({event.pair[:2] for event in story.events})
  asked = there[int(rng.integers(len(there)))]
  if rng.random() < 0.5:
    others = [pair for pair in OBJECTS if pair not in there]
    asked = others[int(rng.integers(len(others)))]
  colour, shape = asked
  return Asked(
    question=f'Is there a {colour} {shape} in the video?',
    answer='Yes.' if asked in there else 'No.',
  )


def which_colour(story: Story, rng: np.random.Generator) -> Asked:
  """Asks for the colour of the first thing of a shape."""
  shape = story.events[int(rng.integers(len(story.events)))].shape
  first = next(event for event in story.events if event.shape == shape)
  return Asked(
    question=f'What colour is the first {shape} in the video?',
    answer=f'{first.colour.capitalize()}.',
  )


PLAIN: tuple[Callable[[Story, np.random.Generator], Asked], ...] = (
  what_it_does,
  which_it_does,
  is_there,
  which_colour,
)


def texts() -> list[str]:
  """Lines that hold every word of questions and answers."""
  lines = [template.replace('%s', 'it') for template in _GROUNDING]
  lines += [*_DENSE, *_DESCRIBE, 'From <0> to <1>, a', 'From <0> to <1>.']
  lines += [f'What does the {colour} shape do? It does.' for colour in COLOURS]
  lines += [f'{colour.capitalize()}.' for colour in COLOURS]
  lines += ['Is there a shape in the video? Yes. No.', 'A shape does.']
  lines += ['What colour is the first shape in the video?']
  options = ['does'] * _N_OPTIONS
  lines += choice_question('What?', options).split('\n')
  lines += choice_answers(options, letters_only=False)
  return lines


def _first_of_object(story: Story, rng: np.random.Generator) -> Event:
  """The first event of an object that is drawn."""
  event = story.events[int(rng.integers(len(story.events)))]
  return next(e for e in story.events if e.pair[:2] == event.pair[:2])


def _what_does(event: Event) -> str:
  return f'What does the {event.colour} {event.shape} do?'


def _does(pair: Pair) -> str:
  """What a pair does, such as 'slides to the right'."""
  colour, shape, _ = pair
  return paraphrase(pair, 0).removeprefix(f'a {colour} {shape} ')


def _drawn(templates: tuple[str, ...], rng: np.random.Generator) -> str:
  if rng.random() < 0.5:
    return templates[0]
  return templates[int(rng.integers(1, len(templates)))]
