"""The demo clip: a ShapeStory of 48 seconds with four nameable events.

    python -m vtg_jax.testing.demo_clip OUT.mp4

writes OUT.mp4 and, beside it, OUT.json with each event's caption and seconds.
The clip that is shipped was made this way. Two events share an object, two an
action.
"""

import argparse
import json
import pathlib

from input_pipeline.encode_video import Encoding, encode_video
from vtg_jax.shape_stories.config import standard
from vtg_jax.shape_stories.make_story import make_story
from vtg_jax.shape_stories.story import Story
from vtg_jax.shape_stories.story_video import iterate_frames

DEMO_CLIP = pathlib.Path(__file__).parent / 'data' / 'demo.mp4'
# Of the test seeds: nothing was trained on it.
DEMO_STORY = make_story(
  standard(duration_s=(48.0, 48.0), n_events=(4, 4)), seed=3_000_131
)
_ENCODING = Encoding(
  fps=DEMO_STORY.fps,
  gop=48,
  b_frames=3,
  crf=25,
  preset='slow',
  container_options={'movflags': 'faststart'},
)


def describe(story: Story, video: str) -> dict:
  """The story's times as the JSON file beside a clip holds them."""
  return {
    'video': video,
    'duration_s': story.duration_s,
    'fps': story.fps,
    'events': [
      {
        'caption': event.caption,
        'start_s': event.start_s,
        'end_s': event.end_s,
      }
      for event in story.events
    ],
  }


def write_demo_clip(path: pathlib.Path) -> None:
  """Writes the clip to `path` and its events to the same name in .json."""
  encode_video(path, iterate_frames(DEMO_STORY), _ENCODING)
  events = json.dumps(describe(DEMO_STORY, path.name), indent=2)
  path.with_suffix('.json').write_text(events + '\n')


def main(arguments: list[str] | None = None) -> None:
  """Reads the command line and writes the clip."""
  parser = argparse.ArgumentParser(description='Write the demo clip.')
  parser.add_argument('path', type=pathlib.Path, metavar='OUT.mp4')
  write_demo_clip(parser.parse_args(arguments).path)


if __name__ == '__main__':
  main()
