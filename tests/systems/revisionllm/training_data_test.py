"""Samples of ReVisionLLM's training: what is shown, and what is learnt."""

import dataclasses
import pickle

import numpy as np
import pytest

from input_pipeline.long_video.item import NegativeItems
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.revisionllm.drawn_source import DrawnSource, DrawnVideos
from vtg_jax.systems.revisionllm.prompt import IGNORE
from vtg_jax.systems.revisionllm.sample_rows import RowMaker
from vtg_jax.systems.revisionllm.starting_point import SHIPPED_TOKENIZER
from vtg_jax.systems.revisionllm.training_data import (
  DataOptions,
  SampleMaker,
  SequenceRule,
  Shapes,
  batches,
)

SHAPES = Shapes(n_windows=None, n_frames=8, window_s=16.0, fps=2.0, width=16)
QUIET = DrawnVideos(n_videos=4, noise=0.0)


@pytest.fixture(scope='module')
def tokenizer():
  return SentencePieceTokenizer(
    SHIPPED_TOKENIZER / 'tokenizers' / 'tokenizer.model'
  )


@pytest.fixture
def made(tokenizer):
  def made(n_windows=None, *, drawn=QUIET, text_tokens=200, **options):
    shapes = dataclasses.replace(SHAPES, n_windows=n_windows)
    return SampleMaker(
      sources=(DrawnSource(options=drawn, width=16, fps=2.0),),
      options=DataOptions(drawn=(drawn,), query_words=3, **options),
      shapes=shapes,
      rows=RowMaker(
        tokenizer=tokenizer,
        n_visual=n_windows or SHAPES.n_frames,
        text_tokens=text_tokens,
      ),
    )

  return made


def answer(maker, sample):
  labels = sample['labels']
  text = maker.rows.tokenizer.decode(labels[labels != IGNORE].tolist())
  assert text.endswith('</s>')
  return text.removesuffix('</s>').strip()


def shows(features):
  """Which frames show an event: without noise, what is not 0 everywhere."""
  return (features != 0).any(-1)


def test_a_window_and_its_answer(made):
  maker = made()
  n_items = len(maker.items(0))
  assert n_items == 16
  answers = []
  for index in range(n_items):
    sample = maker(0, index, np.random.default_rng(index))
    said = answer(maker, sample)
    shown = shows(sample['features'])
    if index >= 8:
      assert said == 'Not Present'
    else:
      first, last = (int(word) for word in said[:-1].split()[1::2])
      # The last number is that of the first frame after the event, if any.
      assert shown[first + 1 : last].all()
      assert shown.any()
    answers.append(said)
    assert sample['features'].shape == (8, 16)
    assert sample['attention_mask'].sum() == (sample['places'] != -2).sum()
    assert (sample['places'] >= 0).sum() == 8
  assert len(set(answers)) > 4


def test_a_sequence_and_its_answer(made):
  maker = made(6, negatives=NegativeItems(share=0.0))
  seen = set()
  for index in range(8):
    sample = maker(0, index, np.random.default_rng(index))
    first, after = (int(w) for w in answer(maker, sample)[:-1].split()[1::2])
    assert sample['features'].shape == (6, 8, 16)
    assert shows(sample['features'])[first:after].any(-1).all()
    assert sample['text'].shape == (3, 16)
    assert sample['text_mask'].tolist() == [True, True, False]
    seen.add(first)
  assert len(seen) > 1


def test_one_window_of_a_sparse_level_knows_the_query(made):
  sample = made(1, wording='yes_no', yes_no=True)(
    0, 0, np.random.default_rng(0)
  )
  assert sample['features'].shape == (8, 16)
  assert sample['text'].shape == (3, 16)
  maker = made(1, wording='yes_no', yes_no=True)
  for index, said in ((0, 'yes'), (9, 'no')):
    assert answer(maker, maker(0, index, np.random.default_rng(0))) == said


def test_videos_are_shown_for_retrieval(made):
  maker = made(3, shown='videos')
  sample = maker(0, 2, np.random.default_rng(0))
  assert sample['features'].shape == (3, 8, 16)
  place = int(answer(maker, sample).removeprefix('In video '))
  own = maker.sources[0].frames('1')
  assert (sample['features'][place][0] == own[0]).all()
  negative = maker(0, 10, np.random.default_rng(0))
  assert answer(maker, negative) == 'Not Present'


def test_released_sequences_ask_for_the_first_items(made):
  maker = made(6, sampler='released')
  samples = [maker(0, i, np.random.default_rng(5)) for i in (2, 3)]
  np.testing.assert_array_equal(*(s['input_ids'] for s in samples))
  fixed = made(6)
  samples = [fixed(0, i, np.random.default_rng(5)) for i in (2, 3)]
  assert (samples[0]['input_ids'] != samples[1]['input_ids']).any()


def test_samples_are_those_of_their_generator_in_any_process(made):
  maker = made(6)
  sample = maker(0, 1, np.random.default_rng(3))
  other = pickle.loads(pickle.dumps(maker))(0, 1, np.random.default_rng(3))
  for name, x in sample.items():
    np.testing.assert_array_equal(x, other[name])


def test_what_does_not_fit_is_named(made):
  rng = np.random.default_rng(0)
  with pytest.raises(BadInput, match='room for 20; use a larger text_tokens'):
    made(text_tokens=20)(0, 0, rng)
  with pytest.raises(BadInput, match='none of 100 items can be used'):
    long = DrawnVideos(n_videos=1, duration_s=40, event_s=20)
    made(drawn=long, negatives=NegativeItems(share=0.0))(0, 0, rng)
  wide = dataclasses.replace(
    made(), shapes=dataclasses.replace(SHAPES, width=7)
  )
  with pytest.raises(BadInput, match="of '0' have 16 channels, the model 7"):
    wide(0, 0, rng)


@pytest.mark.parametrize(
  ('n_windows', 'options', 'said'),
  [
    (None, {'drawn': ()}, 'nothing to train on'),
    (5, {'sequence': SequenceRule(zoom=2)}, '5 windows are not shown 2 times'),
    (5, {'yes_no': True}, 'yes_no is asked of one window, and 5 are shown'),
  ],
)
def test_data_that_do_not_fit_are_refused(made, n_windows, options, said):
  maker = made(n_windows)
  changed = dataclasses.replace(maker.options, **options)
  with pytest.raises(BadInput, match=said):
    batches(changed, maker.rows, maker.shapes, batch_size=2, seed=0)


def test_windows_of_broken_seconds_are_refused():
  with pytest.raises(BadInput, match='windows of 2.5 s cannot be drawn'):
    dataclasses.replace(SHAPES, window_s=2.5)


@pytest.mark.parametrize(
  'values', [{'sampler': 'new'}, {'wording': 'x'}, {'text_tokens': 0}]
)
def test_options_out_of_range_are_refused(values):
  with pytest.raises(BadInput, match='is unknown; use one of|use 1 up'):
    DataOptions.from_dict(values)


@pytest.mark.parametrize(
  'values', [{'n_events': 99}, {'n_videos': 0}, {'event_s': 99}]
)
def test_drawn_videos_that_cannot_be_are_refused(values):
  with pytest.raises(ValueError, match='use'):
    DrawnVideos(**values)
