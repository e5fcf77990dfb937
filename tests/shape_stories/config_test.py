import dataclasses
import json

import pytest

from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.config import (
  PRESETS,
  StoryConfig,
  easy,
  hard,
  standard,
)


@pytest.mark.parametrize('preset', PRESETS.values())
def test_a_config_survives_json(preset):
  config = preset()
  assert StoryConfig(**json.loads(json.dumps(config.to_dict()))) == config


def test_standard_is_at_least_what_it_promises():
  config = standard()
  assert config.event_frac == (0.05, 0.4)
  assert config.n_events == (3, 6)
  assert config.max_concurrent > 1
  assert config.object_distractors >= 0.3
  assert config.n_paraphrases > 1
  assert config.background_contrast > 0
  assert config.camera_jitter > 0


def test_presets_take_changes():
  assert standard(fps=4.0).fps == 4.0
  assert easy(fps=4.0).fps == hard(fps=4.0).fps == 4.0


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'fps': 0}, 'fps'),
    ({'fps': float('nan')}, 'fps'),
    ({'width': 12.5}, 'width'),
    ({'duration_s': (9.0, 3.0)}, 'duration_s'),
    ({'duration_s': 9.0}, 'duration_s'),
    ({'diameter': (0.2, 'big')}, 'diameter'),
    ({'n_events': (1, 2, 3)}, 'n_events'),
    ({'max_concurrent': True}, 'max_concurrent'),
    ({'combinations': 'new'}, 'combinations'),
    ({'n_paraphrases': 99}, 'n_paraphrases'),
    ({'n_events': (3, 20), 'event_frac': (0.1, 0.4)}, 'do not fit'),
    ({'event_frac': (0.31, 0.4)}, 'do not fit'),
    ({'event_frac': (0.002, 0.4)}, 'less than a frame'),
  ],
)
def test_an_impossible_knob_is_named(changes, message):
  with pytest.raises(BadInput, match=message):
    standard(**changes)


def test_every_knob_is_described():
  text = StoryConfig.__doc__
  for field in dataclasses.fields(StoryConfig):
    assert f'\n    {field.name}: ' in text
