"""Long ShapeStories as a benchmark: seconds to find in hours of video."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from vtg_jax import shape_stories
from vtg_jax.errors import BadInput
from vtg_jax.evaluation.items import CALIBRATION, LongItem, by_search
from vtg_jax.evaluation.stories import UNSEEN, Stories, seed_range

# What a video's name begins with where it is not of the main world.
_UNSEEN, _OTHER = 'unseen', 'other'


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongStories(Stories):
  """Some long stories and how they are watched.

  Attributes:
    config: the world they happen in.
    calibration_seeds: of further videos of that world, which scores are
      calibrated on.
    other: another world, which a model was not trained in, or None.
    other_name: its difficulty.
    other_seeds: of its videos, which get a row of their own.
    searches: names of searches, with each of which everything is asked; none
      asks once.
    most_asked: most sentences of a video that happen, and most that do not;
      None for all.
  """

  config: shape_stories.LongConfig
  calibration_seeds: range
  other: shape_stories.LongConfig | None = None
  other_name: str = ''
  other_seeds: range = range(0)
  searches: tuple[str, ...] = ()
  most_asked: int | None = None

  @classmethod
  def from_config(cls, config: Mapping[str, Any]) -> 'LongStories':
    """Reads a table of entries: `seeds`, `difficulty` and so on.

    Raises:
      BadInput: a range or a difficulty that does not exist, or seeds that
        are calibrated on and scored.
    """
    world = _world(config['difficulty'], config['minutes'])
    other_name = config['other_difficulty']
    if not config['files'] and config['size'] is None:
      raise BadInput(
        'files is false and size is null; set size to the pixels of the '
        "model's frames"
      )
    seeds = seed_range(config['seeds'])
    calibration_seeds = _range(config['calibration_seeds'])
    if set(seeds) & set(calibration_seeds):
      raise BadInput(
        f'seeds {config["seeds"]} and calibration_seeds '
        f'{config["calibration_seeds"]} share videos; calibrate on others'
      )
    most_asked = config.get('most_asked')
    if most_asked is not None and most_asked < 1:
      raise BadInput(
        f'most_asked is {most_asked}; give a number from 1 up, or null'
      )
    # Everything else is as with short stories.
    usual = Stories.from_config(
      {**config, 'difficulty': 'standard', 'tuning_seeds': None}
    )
    fields = {
      field.name: getattr(usual, field.name)
      for field in dataclasses.fields(Stories)
    }
    return cls(
      **fields
      | {
        'config': world,
        'seeds': seeds,
        'calibration_seeds': calibration_seeds,
        'other': _world(other_name, config['minutes']) if other_name else None,
        'other_name': other_name,
        'other_seeds': _range(config['other_seeds'])
        if other_name
        else range(0),
        'searches': tuple(config.get('searches') or ()),
        'most_asked': most_asked,
      }
    )

  def items(self) -> list[LongItem]:
    """Every query of every story, and the absent ones without spans."""
    parts = (
      ('', self.seeds, ''),
      ('', self.calibration_seeds, CALIBRATION),
      (_UNSEEN, self.unseen_seeds, UNSEEN),
      (_OTHER, self.other_seeds, f'difficulty {self.other_name}'),
    )
    items = [
      item
      for prefix, seeds, part in parts
      for seed in seeds
      for item in self._items_of(f'{prefix}-{seed}'.lstrip('-'), part)
    ]
    return by_search(items, self.searches)

  def story(self, name: str) -> shape_stories.LongStory:
    """Makes the story of a video's name."""
    prefix, _, seed = name.removesuffix('.mp4').rpartition('-')
    config = self.config
    if prefix == _UNSEEN:
      config = config.replace(combinations='unseen')
    elif prefix == _OTHER:
      config = self.other
    return shape_stories.make_long_story(config, int(seed))

  def _items_of(self, stem: str, part: str) -> list[LongItem]:
    story = self.story(name := f'{stem}.mp4')
    items = [
      LongItem(
        video=name,
        question=query.text,
        gold=((query.start_s, query.end_s),),
        part=part,
      )
      for query in _some(story.queries, self.most_asked)
    ]
    if self.absent:
      items += [
        LongItem(
          video=name,
          question=query.text,
          gold=(),
          tags=(query.kind,),
          part=part,
        )
        for query in _some(story.absent_queries, self.most_asked)
      ]
    return items


def _some(queries: Sequence, most: int | None) -> list:
  """At most so many, all over the video: 4 of 10 are those at 1, 3, 6, 8."""
  n = len(queries)
  if most is None or n <= most:
    return list(queries)
  return [queries[(2 * i + 1) * n // (2 * most)] for i in range(most)]


def _world(difficulty: str, minutes: str | None) -> shape_stories.LongConfig:
  presets = shape_stories.LONG_PRESETS
  if difficulty not in presets:
    raise BadInput(
      f'difficulty {difficulty!r} is unknown; use one of {list(presets)}'
    )
  if not minutes:
    return presets[difficulty]()
  duration_s = shape_stories.parse_minutes(str(minutes))
  return presets[difficulty](duration_s=duration_s)


def _range(text: str | None) -> range:
  return seed_range(text) if text else range(0)
