import dataclasses
import json
import random

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline import hawkeye_samples
from input_pipeline.internvid_g import (
  InternVidGConfig,
  NegativeSpanRule,
  build_dataset,
)
from input_pipeline.internvid_g.dataset import (
  find_videos,
  least_match,
  record_path,
  sentences,
)
from input_pipeline.internvid_g.description import (
  SceneCaption,
  VideoDescription,
)
from tests.input_pipeline.internvid_g.colour_models import (
  SHADES,
  ColourCaptioner,
  ColourEmbedder,
  wall,
  write_walls,
)
from vtg_jax.errors import BadInput

PAPER = InternVidGConfig()
(RED, _), (GREEN, _), (BLUE, DARK_BLUE) = (
  SHADES[name] for name in ('red', 'green', 'blue')
)
(WHITE,), (YELLOW,) = SHADES['white'], SHADES['yellow']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """Two videos, one in a folder of its own, a broken one and a text."""
  folder = tmp_path_factory.mktemp('data') / 'my videos'
  (folder / 'more').mkdir(parents=True)
  write_walls(
    folder / 'a.mp4',
    [
      (wall(RED), 2),
      (wall(BLUE), 3),
      (wall(DARK_BLUE), 2),
      (wall(GREEN), 3),
      (wall(RED, stripe=WHITE), 2),
    ],
  )
  write_walls(
    folder / 'more' / 'b.MKV',
    [(wall(YELLOW), 2), (wall(GREEN, stripe=BLUE, striped=0.45), 2)],
  )
  (folder / 'broken.mp4').write_bytes(b'nothing of a video')
  (folder / 'notes.txt').write_text('notes')
  return folder


def build(folder, out, config=PAPER, **options):
  options = {
    'embedder': ColourEmbedder(),
    'captioner': ColourCaptioner(),
    **options,
  }
  return build_dataset(folder, out, config, **options)


def lines_of(out):
  return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_folder_of_videos_becomes_grounded_sentences(folder, tmp_path):
  out = tmp_path / 'train.jsonl'
  done = build(folder, out)
  # Of six captions four match fully; the median is theirs.
  assert (done.n_videos, done.n_described) == (3, 2)
  assert (done.n_captions, done.n_kept, done.n_sentences) == (6, 4, 4)
  common = {'video': 'a.mp4', 'duration': 12.0, 'neg_start_scene': None}
  assert lines_of(out) == [
    {
      **common,
      'start_sec': 0.0,
      'end_sec': 2.0,
      'neg_start_sec': 0,
      # The last scene is mostly red as well.
      'neg_end_sec': 10.0,
      'caption': 'a red wall',
      'start_scene': 0,
      'end_scene': 0,
      'neg_end_scene': 3,
    },
    {
      **common,
      'start_sec': 2.0,
      'end_sec': 7.0,
      'neg_start_sec': 0,
      'neg_end_sec': 12.0,
      'caption': 'a blue wall',
      'start_scene': 1,
      'end_scene': 1,
      'neg_end_scene': None,
    },
    {
      **common,
      'start_sec': 7.0,
      'end_sec': 10.0,
      'neg_start_sec': 0,
      'neg_end_sec': 12.0,
      'caption': 'a green wall',
      'start_scene': 2,
      'end_scene': 2,
      'neg_end_scene': None,
    },
    {
      **common,
      'video': 'more/b.MKV',
      'duration': 4.0,
      'start_sec': 0.0,
      'end_sec': 2.0,
      'neg_start_sec': 0,
      'neg_end_sec': 4.0,
      'caption': 'a yellow wall',
      'start_scene': 0,
      'end_scene': 0,
      'neg_end_scene': None,
    },
  ]


def test_keys_come_in_the_published_order(folder, tmp_path):
  build(folder, tmp_path / 'train.jsonl')
  for line in lines_of(tmp_path / 'train.jsonl'):
    assert list(line) == [
      'video', 'duration', 'start_sec', 'end_sec', 'neg_start_sec',
      'neg_end_sec', 'caption', 'start_scene', 'end_scene',
      'neg_start_scene', 'neg_end_scene',
    ]  # fmt: skip


def test_hawkeye_trains_on_what_is_written(folder, tmp_path):
  out = tmp_path / 'train.jsonl'
  build(folder, out)
  read = hawkeye_samples.internvid_g_sentences(out.read_text())
  assert read[0] == hawkeye_samples.GroundedSentence(
    video='a.mp4',
    sentence='A red wall',
    start_s=0.0,
    end_s=2.0,
    negative_start_s=0,
    negative_end_s=10.0,
  )
  items = hawkeye_samples.choice_items(
    read, ['Look.'], ['When: %s'], random.Random(0)
  )
  assert [item['video'] for item in items] == [s.video for s in read]


def test_a_broken_video_is_told_and_skipped(folder, tmp_path):
  told = []
  done = build(
    folder, tmp_path / 'a.jsonl', on_skip=lambda *why: told.append(why)
  )
  assert tuple(told) == done.skipped
  ((video, why),) = told
  assert video == 'broken.mp4' and 'cannot be read as a video' in why


def test_progress_counts_to_the_end(folder, tmp_path):
  told = []
  build(
    folder, tmp_path / 'a.jsonl', on_progress=lambda *done: told.append(done)
  )
  assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


class Stopping(ColourCaptioner):
  """Is interrupted when it is asked the second time."""

  n_asked = 0

  def caption_images(self, images):
    self.n_asked += 1
    if self.n_asked == 2:
      raise KeyboardInterrupt
    return super().caption_images(images)


def test_a_stopped_run_goes_on_and_ends_the_same(folder, tmp_path):
  whole, out = tmp_path / 'whole.jsonl', tmp_path / 'train.jsonl'
  build(folder, whole)
  with pytest.raises(KeyboardInterrupt):
    build(folder, out, captioner=Stopping())
  assert not out.exists()
  # As if the process had been killed while it wrote.
  with record_path(out).open('a') as file:
    file.write('{"video": "more/b.MKV", "by')
  assert build(folder, out).n_described == 1
  assert out.read_bytes() == whole.read_bytes()
  assert record_path(out).read_bytes() == record_path(whole).read_bytes()


def test_a_run_that_is_done_describes_nothing_again(folder, tmp_path):
  out = tmp_path / 'train.jsonl'
  build(folder, out)
  before = out.read_bytes()
  done = build(folder, out)
  assert done.n_described == 0 and done.n_sentences == 4
  assert out.read_bytes() == before
  assert sorted(p.name for p in tmp_path.iterdir()) == [
    'train.jsonl', 'train.videos.jsonl'
  ]  # fmt: skip


def test_what_captions_are_kept_may_change_without_describing(folder, tmp_path):
  out = tmp_path / 'train.jsonl'
  build(folder, out)
  done = build(folder, out, InternVidGConfig(kept_quantile=0.0))
  assert (done.n_described, done.n_sentences) == (0, 6)
  rule = NegativeSpanRule(max_caption_s=2.5)
  done = build(folder, out, InternVidGConfig(negative=rule))
  assert (done.n_described, done.n_sentences) == (0, 2)


def test_another_embedder_needs_another_record(folder, tmp_path):
  class Other(ColourEmbedder):
    name = 'other'

  out = tmp_path / 'train.jsonl'
  build(folder, out)
  with pytest.raises(BadInput, match="embedder='colours', not 'other'"):
    build(folder, out, embedder=Other())


def test_a_video_that_changed_is_described_again(tmp_path):
  folder = tmp_path / 'videos'
  folder.mkdir()
  write_walls(folder / 'a.mp4', [(wall(RED), 2), (wall(BLUE), 2)])
  out = tmp_path / 'train.jsonl'
  build(folder, out)
  write_walls(folder / 'a.mp4', [(wall(GREEN), 2), (wall(YELLOW), 4)])
  assert build(folder, out).n_described == 1
  captions = [line['caption'] for line in lines_of(out)]
  assert captions == ['a green wall', 'a yellow wall']


def test_videos_that_say_nothing_make_an_empty_file(tmp_path):
  folder = tmp_path / 'videos'
  folder.mkdir()
  write_walls(folder / 'a.mp4', [(wall(RED), 2)])
  done = build(folder, tmp_path / 'train.jsonl')
  assert done.n_sentences == 0
  assert (tmp_path / 'train.jsonl').read_text() == ''


def test_a_folder_without_videos_is_bad_input(tmp_path):
  with pytest.raises(BadInput, match='holds no video'):
    find_videos(tmp_path)
  with pytest.raises(BadInput, match='there is no folder'):
    find_videos(tmp_path / 'none')


@hypothesis.given(
  matches=st.lists(st.floats(-1, 1), min_size=1, max_size=30),
)
def test_kept_captions_match_at_least_as_well_as_the_median(matches):
  least = least_match(matches, 0.5)
  kept = [match for match in matches if match >= least]
  assert all(match >= np.median(matches) for match in kept)
  assert len(kept) >= len(matches) / 2
  assert max(matches) in kept


@hypothesis.given(
  lengths_ms=st.lists(st.integers(500, 9000), min_size=1, max_size=12),
  values=st.lists(st.floats(0, 1), min_size=144, max_size=144),
)
def test_a_negative_span_contains_its_caption(lengths_ms, values):
  n = len(lengths_ms)
  ends_s = [int(end) / 1000 for end in np.cumsum(lengths_ms)]
  merged = [list(pair) for pair in zip([0.0, *ends_s], ends_s, strict=False)]
  similarity = np.reshape(values, (12, 12))[:n, :n]
  similarity = np.maximum(similarity, similarity.T)
  np.fill_diagonal(similarity, 1.0)
  description = VideoDescription(
    duration_s=ends_s[-1],
    scenes=merged,
    merged=merged,
    similarity=similarity.tolist(),
    captions=[
      SceneCaption(start_s=start_s, end_s=end_s, text='x', match=1.0)
      for start_s, end_s in merged
    ],
  )
  lines = sentences('a.mp4', description, 0.5, NegativeSpanRule())
  for line in lines:
    assert 0 <= line['neg_start_sec'] <= line['start_sec']
    assert line['start_sec'] < line['end_sec'] <= line['neg_end_sec']
    assert line['neg_end_sec'] <= description.duration_s
    assert line['end_sec'] - line['start_sec'] <= 10.0
  fields = json.loads(json.dumps(dataclasses.asdict(description)))
  assert VideoDescription.from_json(fields) == description
