"""Samples: what is seen, what is asked, and what hints know of it."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from input_pipeline.loader import BadSample
from vtg_jax import config_file
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories import make_story, standard
from vtg_jax.shape_stories.cells import NOTHING, cell_pairs
from vtg_jax.shape_stories.words import PAIRS
from vtg_jax.systems.grounded_videollm import row_hints, training_data
from vtg_jax.systems.grounded_videollm.rows import IGNORE
from vtg_jax.systems.grounded_videollm.tasks import task as any_task
from vtg_jax.systems.grounded_videollm.training_data import DataOptions
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}


def make_task(stage, **data):
  values = config_file.read_config(f'grounded_videollm/{stage}:quicktest')
  values['data'] |= data
  return any_task(
    {k: v for k, v in values.items() if k not in OWN | {'system'}}
  )


@pytest.fixture(scope='module')
def hinted():
  """Stage 2's task and a batch."""
  task = make_task('small_stage2')
  batches = task.batches(batch_size=4, seed=0)
  batch = next(batches)
  batches.close()
  return task, batch


def test_keyframes_are_frames_of_their_segments(hinted):
  task, batch = hinted
  keyframes = list(task.model.keyframes)
  np.testing.assert_array_equal(
    batch['keyframes'], batch['frames'][:, keyframes]
  )


def test_hints_say_where_answers_start_and_what_they_are_of(hinted):
  task, batch = hinted
  tokenizer, model = task.tokenizer(), task.model
  says_from = tokenizer.encode('From')[-1]
  n_asked = 0
  for i in range(len(batch['labels'])):
    for at, pair, shown in zip(
      batch['asked_at'][i],
      batch['asked_pair'][i],
      batch['shows_target'][i],
      strict=True,
    ):
      if pair == NOTHING:
        assert not shown.any()
        continue
      n_asked += 1
      labels = batch['labels'][i]
      assert labels[at] != IGNORE and labels[at - 1] == IGNORE
      assert labels[at + 1] == says_from
      start, end = (
        int(tokenizer.decode([labels[at + n]]).strip(' <>')) for n in (2, 4)
      )
      middles = (np.arange(model.n_frames) + 0.5) / model.n_frames
      inside = (start / 300 <= middles) & (middles < end / 300)
      assert (inside != shown).sum() <= 1  # a frame at the very end
      colour, shape, _ = PAIRS[pair]
      turn = batch['turn'][i][at]
      asked = tokenizer.decode(batch['input_ids'][i][batch['turn'][i] == turn])
      assert colour in asked and shape in asked
  assert n_asked >= 4


def test_rows_are_named_as_the_adapter_lays_them_out(hinted):
  task, batch = hinted
  model = task.model
  cells = jnp.asarray(batch['cell_pairs'])
  pairs = np.asarray(row_hints.row_pairs(cells, model))
  frames = np.asarray(row_hints.frames_of_rows(model))
  assert pairs.shape == (len(cells), model.n_video)
  assert frames.shape == (model.n_video,)
  length, side = model.frames_per_segment, model.two_stream.video_side
  row = 0
  for segment in range(model.n_segments):
    key = model.keyframes[segment]
    for line in range(side):
      for column in range(side):
        np.testing.assert_array_equal(
          pairs[:, row], cells[:, key, line, column]
        )
        assert frames[row] == key
        row += 1
      assert (pairs[:, row] == NOTHING).all()
      row += 1
    for frame in range(segment * length, (segment + 1) * length):
      for line in range(side):
        for column in range(side):
          np.testing.assert_array_equal(
            pairs[:, row], cells[:, frame, line, column]
          )
          assert frames[row] == frame
          row += 1
    assert (pairs[:, row] == NOTHING).all()
    row += 1


def test_some_segments_are_shown_whole_to_both_encoders():
  task = make_task('small_cells')
  batches = task.batches(batch_size=4, seed=0)
  batch = next(batches)
  batches.close()
  length = task.model.frames_per_segment
  assert batch['frames'].shape[:2] == (4, length)
  np.testing.assert_array_equal(batch['keyframes'], batch['frames'])
  assert batch['cell_pairs'].shape == (4, length, 2, 2)


def test_loader_processes_change_nothing():
  whole = make_task('small_stage3')
  other = make_task(
    'small_stage3',
    loader=whole._values['data']['loader'] | {'n_workers': 1},
  )
  first, second = (
    next(task.batches(batch_size=2, seed=3)) for task in (whole, other)
  )
  for name, x in first.items():
    np.testing.assert_array_equal(x, second[name], err_msg=name)


def test_a_conversation_without_a_video_shows_nothing():
  @dataclasses.dataclass
  class Texts:
    name: str = 'texts'

    def item(self, index, rng):
      del index, rng
      return {
        'video': None,
        'conversation': [
          {'from': 'human', 'value': '<image>\nWhat?'},
          {'from': 'gpt', 'value': 'It rises.'},
        ],
      }

  task = make_task('small_stage3', layout='conversation')
  model = task.model
  maker = training_data.SampleMaker(
    sources=(Texts(),),
    options=task.data_options(),
    sizes=training_data.FrameSizes(
      n_frames=model.n_frames,
      keyframes=model.keyframes,
      image_size=32,
      video_size=32,
    ),
    rows=task.row_maker(),
  )
  sample = maker(0, 0, np.random.default_rng(0))
  assert not sample['frames'].any()
  start = int(sample['video_start'])
  assert not sample['attention_mask'][start : start + model.n_video].any()
  short = dataclasses.replace(task.row_maker(), row_tokens=10)
  with pytest.raises(BadSample, match='larger row_tokens'):
    dataclasses.replace(maker, rows=short)(0, 0, np.random.default_rng(0))


def test_cells_are_those_of_the_story():
  story = make_story(standard(), 3)
  event = story.events[0]
  pairs = cell_pairs(story, [event.start_frame], 2)
  assert PAIRS.index(event.pair) in pairs


def test_options_that_cannot_be_are_refused():
  for entries, complaint in (
    ({'layout': 'upright'}, 'layout'),
    ({'row_tokens': 0}, 'row_tokens is 0'),
    ({'max_asked': 2}, 'side_by_side'),
    ({'sampling': 'often'}, 'sampling'),
  ):
    with pytest.raises(BadInput, match=complaint):
      DataOptions.from_dict({'row_tokens': 9} | entries)
  with pytest.raises(BadInput, match='nothing to train on'):
    make_task('small_stage3', stories=()).batches(batch_size=1, seed=0)
  one, other = make_task('small_stage3')._values['data']['stories']
  with pytest.raises(BadInput, match='all of them or none'):
    make_task('small_stage3', stories=(one, other | {'weight': None})).batches(
      batch_size=1, seed=0
    )
