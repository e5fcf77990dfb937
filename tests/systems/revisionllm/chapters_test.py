"""Videos put together from chapters: what is asked happens once, and when."""

import json
import pickle

import numpy as np
import pytest

from tests.systems.clip.tiny import write_tiny
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.render import render
from vtg_jax.systems.clip import frame_encoder
from vtg_jax.systems.revisionllm import chapters
from vtg_jax.systems.revisionllm.chapter_source import (
  ChapterSource,
  ChapterVideos,
)
from vtg_jax.systems.revisionllm.write_chapters import write_chapters

WIDTH, FPS = 8, 2.0


@pytest.fixture(scope='module')
def source():
  return ChapterSource(
    ChapterVideos(n_chapters=16, n_items=40, chapters_a_video=3),
    width=WIDTH,
    fps=FPS,
  )


def test_what_is_asked_is_shown_when_it_happens_and_never_else(source):
  for item in source.items:
    video = source.frames(item.video)
    shown = video.shown(np.arange(len(video)))
    pair = source.pair_of(item.query_id)
    rows = np.flatnonzero((shown == pair).any(1))
    times_s = np.arange(len(video)) / FPS
    during = (item.start_s <= times_s) & (times_s < item.end_s)
    np.testing.assert_array_equal(rows, np.flatnonzero(during))
    assert 90 <= item.duration_s <= 180 and 3 <= item.end_s - item.start_s <= 10
    assert chapters.sentence_of(int(item.query_id)) in item.text


def test_features_of_rows_are_the_same_in_any_order_and_process(source):
  item = source.items[3]
  video = source.frames(item.video)
  rows = np.array([len(video) - 1, 0, 100, 100])
  again = pickle.loads(pickle.dumps(source))
  assert again.items[3] == item
  np.testing.assert_array_equal(video[rows], again.frames(item.video)[rows])
  np.testing.assert_array_equal(video[rows][1], video[np.array([0])][0])
  assert len(source.words(item.query_id)) == 3


def test_a_pool_holds_what_the_encoder_says_of_the_frames(tmp_path):
  encoder = frame_encoder.load(write_tiny(tmp_path / 'clip'))
  pool = tmp_path / 'pool'
  write_chapters(pool, encoder, range(5, 7), fps=FPS)
  options = ChapterVideos(folder=str(pool), n_items=4, chapters_a_video=1)
  source = ChapterSource(options, width=encoder.features, fps=FPS)
  item = source.items[2]
  story = next(
    chapters.make_chapter(seed)
    for seed in (5, 6)
    if chapters.told(chapters.make_chapter(seed)).duration_s == item.duration_s
  )
  row = int(np.ceil(item.start_s * FPS))
  ids = chapters.frame_ids(story, np.array([row]), FPS)
  frame = render(story, ids, size=16)
  wanted = encoder.encode_frames(frame)
  got = source.frames(item.video)[np.array([row])]
  np.testing.assert_allclose(got, wanted, rtol=2e-3, atol=2e-3)
  (query,) = encoder.encode_queries([chapters.sentence_of(int(item.query_id))])
  words = source.words(item.query_id)
  np.testing.assert_allclose(words, query.token_features, rtol=2e-3, atol=2e-3)
  for options_of, said in (
    ({'width': 9, 'fps': FPS}, 'have 8 channels, the model 9'),
    ({'width': 8, 'fps': 4.0}, 'has 2.0 rows a second'),
  ):
    with pytest.raises(BadInput, match=said):
      ChapterSource(options, **options_of)
  about = json.loads((pool / chapters.ABOUT).read_text())
  about['duration_s'] = about['duration_s'][:1]
  (pool / chapters.ABOUT).write_text(json.dumps(about))
  with pytest.raises(BadInput, match='make the pool anew'):
    chapters.Pool(pool).frames(0)


def test_a_folder_without_its_last_file_is_no_pool(tmp_path):
  with pytest.raises(BadInput, match='holds no features of chapters; make'):
    ChapterSource(ChapterVideos(folder=str(tmp_path)), width=8, fps=2.0)
