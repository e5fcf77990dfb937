"""The demo clip: three nameable events in 48 seconds, drawn by our own code.

    python -m vtg_jax.testing.demo_clip OUT.mp4

writes OUT.mp4 and, beside it, OUT.json with each event's caption and seconds.
The clip that is shipped was made this way.
"""

import argparse
import json
import pathlib

from vtg_jax.testing.encode_video import Encoding, encode_video
from vtg_jax.testing.synthetic_video import Event, Story, render

DEMO_CLIP = pathlib.Path(__file__).parent / 'data' / 'demo.mp4'
DEMO_STORY = Story(
  events=(
    Event(
      start_s=4.0,
      end_s=11.0,
      colour='red',
      shape='circle',
      action='moves right',
    ),
    Event(
      start_s=20.0,
      end_s=28.0,
      colour='blue',
      shape='square',
      action='spins',
    ),
    Event(
      start_s=36.5,
      end_s=43.0,
      colour='yellow',
      shape='star',
      action='falls',
    ),
  ),
  duration_s=48.0,
)
_ENCODING = Encoding(
  fps=DEMO_STORY.fps,
  gop=48,
  b_frames=3,
  crf=24,
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
  encode_video(path, render(DEMO_STORY), _ENCODING)
  events = json.dumps(describe(DEMO_STORY, path.name), indent=2)
  path.with_suffix('.json').write_text(events + '\n')


def main(arguments: list[str] | None = None) -> None:
  """Reads the command line and writes the clip."""
  parser = argparse.ArgumentParser(description='Write the demo clip.')
  parser.add_argument('path', type=pathlib.Path, metavar='OUT.mp4')
  write_demo_clip(parser.parse_args(arguments).path)


if __name__ == '__main__':
  main()
