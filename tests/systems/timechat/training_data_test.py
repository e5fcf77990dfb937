"""Samples of TimeChat's training: what is shown, and what is learnt."""

import dataclasses
import json
import pickle
import re

import jax
import numpy as np
import pytest

from input_pipeline.loader import BadSample
from input_pipeline.sequences.clip_sequences import ClipSequenceRule
from input_pipeline.sequences.image_sequences import ImageSequenceRule
from input_pipeline.sequences.lesson import GROUNDING, IIC
from input_pipeline.sequences.lesson import IMAGES as IMAGES_UNIT
from input_pipeline.sequences.long_videos import ReleasedFiles
from vtg_jax.errors import BadInput
from vtg_jax.llm.places import WORD
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments import relative_position
from vtg_jax.nn.compute import Compute
from vtg_jax.shape_stories.cells import NOTHING
from vtg_jax.shape_stories.words import PAIRS, paraphrases
from vtg_jax.systems.registry import SHIPPED
from vtg_jax.systems.timechat import chat
from vtg_jax.systems.timechat.config import small
from vtg_jax.systems.timechat.ids import IGNORE
from vtg_jax.systems.timechat.model import TimeChat, param_shapes
from vtg_jax.systems.timechat.sample_rows import RowMaker
from vtg_jax.systems.timechat.training_data import (
  DataOptions,
  SampleMaker,
  Shapes,
  batches,
)
from vtg_jax.systems.training.story_lessons import (
  DrawnClipSequences,
  DrawnImageSequences,
  DrawnVideos,
)
from vtg_jax.testing.numbered_video import write_numbered_video

TOKENIZERS = SHIPPED / 'tokenizers'
KNOBS = {'max_concurrent': 1, 'n_events': (1, 2)}
IMAGES = DrawnImageSequences(
  knobs=KNOBS,
  n_stories=30,
  rule=ImageSequenceRule(n_iig=2, n_iic=2, n_alr=2, n_images=6),
)
CLIPS = DrawnClipSequences(
  knobs=KNOBS,
  n_stories=30,
  rule=ClipSequenceRule(
    n_grounding=1, n_dense=1, n_frames=7, n_clips=(2, 2), fewest_frames=2
  ),
)
VIDEOS = DrawnVideos(n_stories=5, n_dense=1)
# Two windows of four frames, three tokens each.
SHAPES = Shapes(
  n_frames=8,
  image_size=16,
  queries_a_frame=5,
  keeps_text=True,
  tokens_a_window=3,
  stride=4,
)


@pytest.fixture(scope='module')
def tokenizers():
  words = SentencePieceTokenizer(
    TOKENIZERS / 'tokenizer.model',
    legacy=False,
    extra_tokens=(chat.PLACEHOLDER, *relative_position.TOKENS),
  )
  return words, WordPieceTokenizer(TOKENIZERS / 'vocab.txt')


@pytest.fixture
def rows(tokenizers):
  words, own = tokenizers
  return RowMaker(
    tokenizer=words,
    time_tokenizer=own,
    video_id=words.vocab_size,
    row_tokens=900,
    time_tokens=20,
  )


@pytest.fixture
def made(rows):
  def made(drawn, **options):
    return SampleMaker(
      sources=(drawn.lessons(16),),
      options=DataOptions(row_tokens=900, **options),
      shapes=SHAPES,
      rows=rows,
    )

  return made


def sample(maker, index=0, seed=0):
  return maker(0, index, np.random.default_rng(seed))


def told(maker, made):
  """The text of a sample, and of what is learnt of it."""
  tokenizer, real = maker.rows.tokenizer, made['attention_mask']
  ids, labels = made['input_ids'], made['labels']
  words = real & (made['places'] == WORD)
  return (
    tokenizer.decode(ids[words].tolist()),
    tokenizer.decode(labels[labels != IGNORE].tolist()),
  )


def test_an_image_sequence_in_digit_tokens(made):
  maker = made(IMAGES)
  out = sample(maker)
  lesson = maker.sources[0].lesson(0)
  text, learnt = told(maker, out)
  places = [relative_position.written(i, 6) for i in range(1, 7)]
  assert f'contains 6 images indexed at {", ".join(places)}.' in text
  number = int(lesson.turns[0].events[0].start)
  assert f'The described image is at {places[number - 1]}.' in learnt
  assert (
    out['frames'].shape == (8, 16, 16, 3) and out['frames'].dtype == np.uint8
  )
  np.testing.assert_array_equal(out['frames'][:6], lesson.video.get(range(6)))
  assert not out['frames'][6:].any()
  assert out['shown'].shape == (8, 5 + 20)
  n_shown = 5 + out['time_mask'].sum(1).max()
  assert out['shown'][:6, :n_shown].all() and not out['shown'][6:].any()
  assert not out['shown'][:, n_shown:].any()
  np.testing.assert_array_equal(
    out['places'][out['places'] != WORD], np.arange(6)
  )


def test_a_model_that_drops_the_words_of_times_is_shown_none(made):
  shapes = dataclasses.replace(SHAPES, keeps_text=False)
  out = sample(dataclasses.replace(made(IMAGES), shapes=shapes))
  assert out['shown'].shape == (8, 5)
  assert out['shown'].sum() == 6 * 5


def test_the_same_sequence_in_plain_numbers(made):
  maker = made(IMAGES, places='plain', qformer_time_format=chat.SECONDS)
  text, learnt = told(maker, sample(maker))
  assert 'contains 6 images indexed at 1, 2, 3, 4, 5, 6.' in text
  number = maker.sources[0].lesson(0).turns[0].events[0].start
  assert f'The described image is at {number}.' in learnt
  assert not relative_position.codes_in(text)


def test_joined_clips_are_dense_captions_of_all_frames(made):
  maker = made(CLIPS)
  out = sample(maker, 1)
  (turn,) = maker.sources[0].lesson(1).turns
  _, learnt = told(maker, out)
  codes = [
    relative_position.code_of(place, 7)
    for event in turn.events
    for place in (event.start, event.end)
  ]
  assert relative_position.codes_in(learnt) == codes
  assert out['shown'][:, 0].sum() == 7


def test_frames_of_videos_are_drawn_anew_and_say_when(made):
  maker = made(VIDEOS, places='plain', qformer_time_format=chat.SECONDS)
  one, again, other = sample(maker), sample(maker), sample(maker, seed=1)
  for name in one:
    np.testing.assert_array_equal(one[name], again[name])
  assert (one['frames'] != other['frames']).any()
  assert ' seconds' in told(maker, one)[1]
  even = made(VIDEOS, sampling='even')
  np.testing.assert_array_equal(
    sample(even)['frames'], sample(even, seed=1)['frames']
  )


def test_crops_are_of_videos_only(made):
  whole, cropped = sample(made(VIDEOS)), sample(made(VIDEOS, random_crop=True))
  assert (whole['frames'] != cropped['frames']).any()
  whole, cropped = sample(made(CLIPS)), sample(made(CLIPS, random_crop=True))
  np.testing.assert_array_equal(whole['frames'], cropped['frames'])


def test_sentences_of_times_in_both_tokenizers(made, rows, tokenizers):
  words, own = tokenizers
  sentence = f'This frame is sampled at 0.{relative_position.code_of(2, 6)}.'
  out = sample(made(IMAGES))
  ids, mask = out['time_ids'], out['time_mask']
  assert ids[1][mask[1]].tolist() == own.encode(sentence, max_length=32)
  assert not ids[~mask].any() and not mask[6:].any()
  released = dataclasses.replace(rows, time_tokenizer=None, time_tokens=40)
  out = released.times([sentence], 2)
  assert out['time_ids'][0][out['time_mask'][0]].tolist() == words.encode(
    sentence, bos=True
  )
  with pytest.raises(BadInput, match=r'raise data\.time_tokens, which is 4'):
    dataclasses.replace(rows, time_tokens=4).times([sentence], 2)


@pytest.mark.parametrize(
  ('drawn', 'index'), [(IMAGES, 0), (IMAGES, 2), (IMAGES, 4), (CLIPS, 0)]
)
def test_hints_tell_what_is_asked_and_where_it_is(made, drawn, index):
  maker = made(drawn, max_asked=3)
  out = sample(maker, index)
  lesson = maker.sources[0].lesson(index)
  for i, turn in enumerate(lesson.turns):
    event = turn.events[0]
    at = out['asked_at'][i]
    assert out['labels'][at] != IGNORE and out['labels'][at - 1] == IGNORE
    shown = np.flatnonzero(out['shows_target'][i])
    if lesson.unit == IMAGES_UNIT:
      assert shown.tolist() == [event.start - 1]
    else:
      assert shown.tolist() == list(range(event.start, event.end))
    if turn.task == IIC:
      assert out['asked_pair'][i] == NOTHING
    else:
      pair = out['asked_pair'][i]
      assert event.caption[0].lower() + event.caption[1:-1] in paraphrases(
        PAIRS[pair]
      )
      assert (out['frame_pairs'][shown, 0] == pair).all()
      others = np.delete(out['frame_pairs'][:, 0], shown)
      assert not (others == pair).any()
  n = len(lesson.turns)
  assert not out['asked_at'][n:].any() and not out['shows_target'][n:].any()
  assert (out['frame_pairs'][lesson.video.n_frames :] == NOTHING).all()


@pytest.mark.parametrize('places', ['codes', 'plain'])
def test_hints_about_videos_tell_where_each_event_is_told(made, places):
  maker = made(VIDEOS, max_asked=8, places=places)
  for index in range(4):
    out, lesson = sample(maker, index), maker.sources[0].lesson(index)
    turns = [
      (turn, event)
      for turn in lesson.turns
      for event in turn.events[: 1 if turn.task == GROUNDING else None]
    ]
    tokenizer = maker.rows.tokenizer
    for i, (turn, event) in enumerate(turns):
      at = out['asked_at'][i]
      end = (out['labels'][at:] == IGNORE).argmax() or None
      told = tokenizer.decode(
        [int(t) for t in out['labels'][at:][:end] if t != IGNORE]
      )
      is_named = turn.task == GROUNDING
      assert (out['asked_pair'][i] != NOTHING) == is_named
      if is_named:
        assert told.startswith('The given query happens in')
      else:  # nothing but its times stands before what is said of it
        assert re.fullmatch(r'[-<>\d., second]*', told.split(event.caption)[0])
    assert not out['shows_target'][len(turns) :].any()
    assert (out['frame_pairs'] != NOTHING).any()
  with pytest.raises(BadSample, match='events are told of, .* max_asked is 1'):
    sample(made(VIDEOS, max_asked=1))


def test_rows_that_are_too_short_are_told_of(made, rows):
  maker = made(IMAGES)
  short = dataclasses.replace(rows, row_tokens=30)
  with pytest.raises(BadSample, match='its question fills all 30 tokens'):
    sample(dataclasses.replace(maker, rows=short))


def test_released_conversations_about_files(rows, tmp_path):
  write_numbered_video(tmp_path / 'a.mp4', n_frames=20)
  entry = {
    'video': 'a.mp4',
    'QA': [
      {
        'q': 'When is it?',
        'a': 'The given query happens in 0.5 - 1.0 seconds.',
      }
    ],
  }
  (tmp_path / 'it.json').write_text(json.dumps([entry] * 2))
  files = ReleasedFiles(
    annotations=str(tmp_path / 'it.json'), videos=str(tmp_path)
  )
  loaded = batches(
    DataOptions(row_tokens=900, videos=(files,), sampling='even'),
    rows,
    SHAPES,
    batch_size=2,
    seed=0,
  )
  batch = next(loaded)
  assert batch['frames'].shape == (2, 8, 16, 16, 3)
  labels = batch['labels'][0]
  said = rows.tokenizer.decode(labels[labels != IGNORE].tolist())
  assert '<2><5><0><0> - <5><0><0><0>.' in said


def test_sources_are_mixed_and_workers_can_be_sent_them(made, rows):
  options = DataOptions.from_dict(
    {
      'row_tokens': 900,
      'drawn_images': [dataclasses.asdict(IMAGES)],
      'drawn_clips': [dataclasses.asdict(CLIPS)],
      'drawn_videos': [dataclasses.asdict(VIDEOS)],
    }
  )
  loaded = batches(options, rows, SHAPES, batch_size=13, seed=0)
  assert loaded.steps_per_epoch == 1
  n_shown = next(loaded)['shown'][:, :, 0].sum(1)
  assert sorted(n_shown.tolist()) == [6] * 6 + [7] * 2 + [8] * 5
  maker = made(IMAGES)
  sent = pickle.loads(pickle.dumps(dataclasses.replace(maker, rows=None)))
  np.testing.assert_array_equal(
    dataclasses.replace(sent, rows=rows)(0, 1, None)['frames'],
    sample(maker, 1)['frames'],
  )


def test_a_batch_fits_the_network(rows, tokenizers):
  words, own = tokenizers
  config = small(
    vocab_size=words.vocab_size + 1 + len(relative_position.TOKENS),
    bert_vocab_size=own.vocab_size,
  )
  shapes = Shapes(
    n_frames=config.n_frames,
    image_size=config.encoder.image_size,
    queries_a_frame=config.qformer.n_tokens,
    keeps_text=config.keeps_text,
    tokens_a_window=config.video_qformer.qformer.n_tokens,
    stride=config.video_qformer.stride,
  )
  assert shapes.n_video_tokens(7) == config.video_qformer.n_tokens(7)
  batch = next(
    batches(
      DataOptions(row_tokens=900, drawn_images=(IMAGES,)),
      rows,
      shapes,
      batch_size=2,
      seed=0,
    )
  )
  network = TimeChat(config, Compute())

  def states(params, batch):
    return network.apply(
      {'params': params}, batch, deterministic=True, method='training_states'
    )

  out = jax.eval_shape(states, param_shapes(config), batch)
  assert out.shape == (2, 900, config.llm.width)
  assert batch['input_ids'].max() < config.llm.vocab_size


def test_what_cannot_be_trained_on_is_refused(rows):
  for wrong, said in (
    ({'places': 'words'}, "places 'words' is unknown"),
    ({'time_tokenizer': 'x'}, "time_tokenizer 'x' is unknown"),
    ({'sampling': 'x'}, "sampling 'x' is unknown"),
  ):
    with pytest.raises(BadInput, match=said):
      DataOptions(row_tokens=9, **wrong)
  with pytest.raises(BadInput, match='known of drawn data only'):
    batches(
      DataOptions(
        row_tokens=9,
        max_asked=1,
        videos=(ReleasedFiles(annotations='a', videos='b'),),
      ),
      rows,
      SHAPES,
      batch_size=1,
      seed=0,
    )
  with pytest.raises(BadInput, match='nothing to train on'):
    batches(DataOptions(row_tokens=9), rows, SHAPES, batch_size=1, seed=0)
  short = dataclasses.replace(SHAPES, n_frames=5)
  with pytest.raises(BadInput, match='has 6 frames and the model is shown 5'):
    batches(
      DataOptions(row_tokens=9, drawn_images=(IMAGES,)),
      rows,
      short,
      batch_size=1,
      seed=0,
    )
