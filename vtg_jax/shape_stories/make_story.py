"""From a seed to a story; nothing else has a say."""

import dataclasses

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.config import StoryConfig
from vtg_jax.shape_stories.story import AbsentQuery, Event, Story, StoryQuery
from vtg_jax.shape_stories.words import (
  ACTIONS,
  OBJECTS,
  PAIRS,
  Pair,
  held_out_pairs,
  paraphrase,
)

# Numbers that open the streams of random numbers: of what happens, of how the
# background looks.
EVENT_STREAM, LOOK_STREAM = 1, 2
# Places of objects, of the central square's side; neighbours do not touch.
_PLACES = ((0.26, 0.26), (0.74, 0.26), (0.26, 0.74), (0.74, 0.74))
_REDRAWS = 5
_TRIES = 400
_TRIES_BEFORE_SHORTENING = 40


def random_numbers(seed: int, stream: int) -> np.random.Generator:
  """The random numbers of one aspect of the story of a seed."""
  return np.random.default_rng([1, stream, seed])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cast:
  """Which pairs a story shows that is a part of a longer one.

  Attributes:
    first: of the first event to be drawn; None draws it from the others.
    others: that the other events are drawn from; it does not hold `first`.
  """

  first: Pair | None
  others: tuple[Pair, ...]


def make_story(
  config: StoryConfig, seed: int, *, cast: Cast | None = None
) -> Story:
  """The story of a seed: the same whenever, wherever and however often.

  Args:
    config: the knobs.
    seed: from 0 up.
    cast: the pairs to show; None leaves them to `config.combinations`.

  Raises:
    BadInput: a negative seed, or events that do not fit into the video.
  """
  if seed < 0:
    raise BadInput(f'seed {seed} is negative; use 0 or more')
  rng = random_numbers(seed, EVENT_STREAM)
  least, most = (round(seconds * config.fps) for seconds in config.duration_s)
  n_frames = int(rng.integers(max(least, 1), max(most, 1) + 1))
  n_events = int(rng.integers(config.n_events[0], config.n_events[1] + 1))
  for _ in range(_REDRAWS):
    pairs, n_distractors = _draw_pairs(config, rng, n_events, cast)
    spans = _draw_spans(config, rng, pairs, n_frames)
    if spans is not None:
      break
  else:
    raise BadInput(
      f'{n_events} events do not fit into {n_frames} frames with at most '
      f'{config.max_concurrent} at a time; ask for fewer or shorter ones'
    )
  places = _draw_places(rng, spans)
  events = []
  for i, (pair, span, place) in enumerate(
    zip(pairs, spans, places, strict=True)
  ):
    off_x, off_y = rng.uniform(-config.place_jitter, config.place_jitter, 2)
    events.append(
      Event(
        start_frame=span[0],
        end_frame=span[1],
        fps=config.fps,
        colour=pair[0],
        shape=pair[1],
        action=pair[2],
        x_frac=float(_PLACES[place][0] + off_x),
        y_frac=float(_PLACES[place][1] + off_y),
        diameter_frac=float(rng.uniform(*config.diameter)),
        period_s=float(rng.uniform(*config.period_s)),
        phase_frac=float(rng.uniform()),
        is_distractor=1 <= i <= n_distractors,
      )
    )
  events.sort(key=lambda event: (event.start_frame, event.end_frame))
  return Story(
    config=config,
    seed=int(seed),
    n_frames=n_frames,
    events=tuple(events),
    queries=_queries(config, rng, events, n_frames / config.fps),
    absent_queries=_absent_queries(config, rng, events),
  )


def _draw_pairs(
  config: StoryConfig,
  rng: np.random.Generator,
  n_events: int,
  cast: Cast | None,
) -> tuple[list[Pair], int]:
  """Different pairs; after the first come the distractors, so many."""
  held_out = held_out_pairs()
  first_from = others_from = PAIRS
  if cast is not None:
    others_from = cast.others
    first_from = others_from if cast.first is None else (cast.first,)
  elif config.combinations == 'seen':
    first_from = others_from = _without(PAIRS, held_out)
  elif config.combinations == 'unseen':
    first_from = sorted(held_out)
  pairs = [_pick(rng, first_from)]
  colour, shape, action = pairs[0]
  shares_object = rng.uniform() < config.object_distractors
  shares_action = rng.uniform() < config.action_distractors
  if shares_object and len(pairs) < n_events:
    same = [p for p in others_from if p[:2] == (colour, shape)]
    pairs += _picked(rng, _without(same, pairs))
  if shares_action and len(pairs) < n_events:
    same = [p for p in others_from if p[2] == action]
    pairs += _picked(rng, _without(same, pairs))
  n_distractors = len(pairs) - 1
  asks_unseen = cast is None and config.combinations == 'unseen'
  while len(pairs) < n_events:
    also_asked = asks_unseen and rng.uniform() < 0.5
    pool = first_from if also_asked else others_from
    pair = _pick(rng, pool)
    if pair not in pairs:
      pairs.append(pair)
  return pairs, n_distractors


def _draw_spans(
  config: StoryConfig,
  rng: np.random.Generator,
  pairs: list[Pair],
  n_frames: int,
) -> list[tuple[int, int]] | None:
  """When each pair happens: (first frame, frame after the last).

  Lengths are uniform. An object does one thing at a time. None where that
  does not fit.
  """
  shortest = max(1, int(np.ceil(config.event_frac[0] * n_frames - 1e-9)))
  longest = int(np.floor(config.event_frac[1] * n_frames + 1e-9))
  longest = max(shortest, longest)
  for attempt in range(_TRIES):
    # Only what hardly fits gets here: then long events become rarer.
    excess = max(0, attempt - _TRIES_BEFORE_SHORTENING)
    most = shortest + round((longest - shortest) * 0.97**excess)
    lengths = rng.integers(shortest, most + 1, len(pairs))
    spans = _place_in_time(config, rng, pairs, lengths.tolist(), n_frames)
    if spans is not None:
      return spans
  return None


def _place_in_time(config, rng, pairs, lengths, n_frames):
  load = np.zeros(n_frames, np.int8)
  spans: list[tuple[int, int]] = []
  for i, length in enumerate(lengths):
    for start in rng.integers(0, n_frames - length + 1, 12).tolist():
      end = start + length
      is_free = load[start:end].max() < config.max_concurrent
      if is_free and not any(
        pairs[i][:2] == pairs[j][:2] and start < e and s < end
        for j, (s, e) in enumerate(spans)
      ):
        break
    else:
      return None
    load[start:end] += 1
    spans.append((start, end))
  return spans


def _draw_places(
  rng: np.random.Generator, spans: list[tuple[int, int]]
) -> list[int]:
  """A place an event, never shared by two events at the same time."""
  places = [-1] * len(spans)
  for i in sorted(range(len(spans)), key=lambda i: spans[i]):
    start, end = spans[i]
    taken = {
      places[j] for j, (s, e) in enumerate(spans) if start < e and s < end
    }
    places[i] = _pick(rng, [p for p in range(len(_PLACES)) if p not in taken])
  return places


def _queries(config, rng, events, duration_s) -> tuple[StoryQuery, ...]:
  held_out = held_out_pairs()
  queries = []
  for i, event in enumerate(events):
    number = int(rng.integers(config.n_paraphrases))
    if config.combinations == 'unseen' and event.pair not in held_out:
      continue
    queries.append(
      StoryQuery(
        text=paraphrase(event.pair, number),
        caption=event.caption,
        start_s=event.start_s,
        end_s=event.end_s,
        # A pair happens once, so nothing else fits in the whole video.
        negative_start_s=0.0,
        negative_end_s=duration_s,
        event=i,
      )
    )
  return tuple(queries)


def _absent_queries(config, rng, events) -> tuple[AbsentQuery, ...]:
  held_out = held_out_pairs()
  shown = {event.pair for event in events}
  objects = {event.pair[:2] for event in events}
  actions = {event.action for event in events}
  never = [
    (*thing, action)
    for thing in OBJECTS
    if thing not in objects
    for action in ACTIONS
  ]
  otherwise = [
    (*thing, action)
    for thing in sorted(objects)
    for action in ACTIONS
    if action not in actions
  ]
  crossed = [
    (*thing, action)
    for thing in sorted(objects)
    for action in sorted(actions)
    if (*thing, action) not in shown
  ]
  queries = []
  for kind, pool in (
    ('object', never),
    ('action', otherwise),
    ('both', crossed),
  ):
    if config.combinations != 'all':
      wanted = config.combinations == 'unseen'
      pool = [pair for pair in pool if (pair in held_out) == wanted]
    number = int(rng.integers(config.n_paraphrases))
    if pool:
      pair = _pick(rng, pool)
      queries.append(
        AbsentQuery(
          text=paraphrase(pair, number),
          caption=paraphrase(pair, 0),
          kind=kind,
        )
      )
  return tuple(queries)


def _pick(rng: np.random.Generator, pool):
  return pool[int(rng.integers(len(pool)))]


def _picked(rng: np.random.Generator, pool) -> list:
  """One of a pool, or nothing of an empty one."""
  return [_pick(rng, pool)] if pool else []


def _without(pool, some):
  return [pair for pair in pool if pair not in some]
