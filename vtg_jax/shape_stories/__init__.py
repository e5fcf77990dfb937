"""ShapeStories: a procedural world of videos, and a grounding benchmark.

    story = make_story(standard(), seed=7)
    story.queries[0].text                 # 'a red circle is rising'
    frames = render(story, [0, 100], size=48)
    write_mp4(story, 'story.mp4')

See README.md beside this file.
"""

from vtg_jax.shape_stories.config import (
  PRESETS,
  StoryConfig,
  easy,
  hard,
  standard,
)
from vtg_jax.shape_stories.long_config import (
  LONG_PRESETS,
  LongConfig,
  parse_minutes,
)
from vtg_jax.shape_stories.long_story import (
  LongQuery,
  LongStory,
  draw,
  make_long_story,
  story_of,
)
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.render import render
from vtg_jax.shape_stories.splits import (
  LONG_TEST,
  LONG_TRAIN,
  LONG_VALIDATION,
  NAME,
  RESERVED_FROM,
  TEST,
  TRAIN,
  VALIDATION,
  VERSION,
)
from vtg_jax.shape_stories.story import AbsentQuery, Event, Story, StoryQuery
from vtg_jax.shape_stories.story_video import StoryVideo, write_mp4
from vtg_jax.shape_stories.words import (
  ACTIONS,
  COLOURS,
  N_PARAPHRASES,
  OBJECTS,
  PAIRS,
  SHAPES,
  held_out_pairs,
  paraphrases,
)

__all__ = [
  'ACTIONS',
  'COLOURS',
  'LONG_PRESETS',
  'LONG_TEST',
  'LONG_TRAIN',
  'LONG_VALIDATION',
  'NAME',
  'N_PARAPHRASES',
  'OBJECTS',
  'PAIRS',
  'PRESETS',
  'RESERVED_FROM',
  'SHAPES',
  'TEST',
  'TRAIN',
  'VALIDATION',
  'VERSION',
  'AbsentQuery',
  'Event',
  'LongConfig',
  'LongQuery',
  'LongStory',
  'Story',
  'StoryConfig',
  'StoryQuery',
  'StoryVideo',
  'draw',
  'easy',
  'hard',
  'held_out_pairs',
  'make_long_story',
  'make_story',
  'paraphrases',
  'parse_minutes',
  'render',
  'standard',
  'story_of',
  'write_mp4',
]
