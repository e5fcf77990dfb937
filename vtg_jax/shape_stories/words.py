"""What there is in the world, and the many ways to say it.

36 objects (6 colours x 6 shapes) do 8 actions: 288 pairs. About a tenth of the
pairs, chosen by a hash of their names, is held out of 'seen' stories.
"""

import functools
import hashlib
import itertools

COLOURS = {
  'red': (222, 36, 36),
  'green': (34, 168, 60),
  'blue': (36, 76, 236),
  'yellow': (252, 218, 28),
  'cyan': (48, 216, 232),
  'pink': (250, 84, 200),
}
SHAPES = ('circle', 'square', 'triangle', 'star', 'cross', 'diamond')

# Each action's ways to be said, 'he does' and 'doing'; the first is the plain
# one, of which captions are made.
_VERBS = {
  'slides right': (
    ('slides to the right', 'sliding to the right'),
    ('moves from left to right', 'moving from left to right'),
    ('glides rightwards', 'gliding rightwards'),
    ('travels towards the right', 'travelling towards the right'),
  ),
  'slides left': (
    ('slides to the left', 'sliding to the left'),
    ('moves from right to left', 'moving from right to left'),
    ('glides leftwards', 'gliding leftwards'),
    ('travels towards the left', 'travelling towards the left'),
  ),
  'rises': (
    ('rises', 'rising'),
    ('moves upwards', 'moving upwards'),
    ('goes up', 'going up'),
    ('climbs towards the top', 'climbing towards the top'),
  ),
  'falls': (
    ('falls', 'falling'),
    ('moves downwards', 'moving downwards'),
    ('goes down', 'going down'),
    ('drops towards the bottom', 'dropping towards the bottom'),
  ),
  'grows': (
    ('grows', 'growing'),
    ('gets bigger', 'getting bigger'),
    ('becomes larger', 'becoming larger'),
    ('expands', 'expanding'),
  ),
  'shrinks': (
    ('shrinks', 'shrinking'),
    ('gets smaller', 'getting smaller'),
    ('becomes tinier', 'becoming tinier'),
    ('contracts', 'contracting'),
  ),
  'shakes': (
    ('shakes', 'shaking'),
    ('trembles', 'trembling'),
    ('jitters from side to side', 'jittering from side to side'),
    ('wobbles back and forth', 'wobbling back and forth'),
  ),
  'blinks': (
    ('blinks', 'blinking'),
    ('flashes', 'flashing'),
    ('flickers on and off', 'flickering on and off'),
    ('lights up again and again', 'lighting up again and again'),
  ),
}
_SENTENCES = (
  'a {colour} {shape} {does}',
  'the {colour} {shape} {does}',
  'a {colour} {shape} is {doing}',
  'a {shape} that is {colour} {does}',
  'there is a {colour} {shape} {doing}',
  'the {shape} in {colour} is {doing}',
)
ACTIONS = tuple(_VERBS)
OBJECTS = tuple(itertools.product(COLOURS, SHAPES))
N_PARAPHRASES = len(_SENTENCES) * 4
_HELD_OUT_SHARE = 0.1

Pair = tuple[str, str, str]
PAIRS: tuple[Pair, ...] = tuple(
  (colour, shape, action)
  for (colour, shape), action in itertools.product(OBJECTS, ACTIONS)
)


def paraphrases(pair: Pair, n: int = N_PARAPHRASES) -> tuple[str, ...]:
  """The first `n` of a pair's sentences, the plain one before all others.

  Example: (('red', 'circle', 'rises'), 2) gives
    ('a red circle rises', 'a red circle moves upwards').
  """
  return tuple(paraphrase(pair, i) for i in range(n))


def paraphrase(pair: Pair, number: int) -> str:
  """Sentence `number`, in 0 .. N_PARAPHRASES - 1, of a pair."""
  colour, shape, action = pair
  sentence, verb = _forms()[number]
  does, doing = _VERBS[action][verb]
  return _SENTENCES[sentence].format(
    colour=colour, shape=shape, does=does, doing=doing
  )


@functools.cache
def held_out_pairs() -> frozenset[Pair]:
  """The pairs that 'seen' stories never show: those of the smallest hashes."""
  by_hash = sorted(PAIRS, key=lambda pair: _digest(' '.join(pair)))
  return frozenset(by_hash[: round(_HELD_OUT_SHARE * len(PAIRS))])


def _digest(text: str) -> bytes:
  return hashlib.sha256(f'ShapeStories 1: {text}'.encode()).digest()


@functools.cache
def _forms() -> tuple[tuple[int, int], ...]:
  """(sentence, verb) by number: both vary from early on."""
  forms = itertools.product(range(len(_SENTENCES)), range(4))
  return tuple(sorted(forms, key=lambda form: (sum(form), form)))
