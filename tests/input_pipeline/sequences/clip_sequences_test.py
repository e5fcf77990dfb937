"""Joined clips: their events are where their frames are."""

import collections
import json

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline.encode_video import Encoding, encode_video
from input_pipeline.loader import BadSample
from input_pipeline.sequences.clip_sequences import (
  ClipSequenceFiles,
  ClipSequenceRule,
  ClipSequences,
  open_clip_sequences,
  split_frames,
)
from input_pipeline.sequences.clip_sets import (
  CaptionedClips,
  even_frames,
  open_clips,
)
from input_pipeline.sequences.lesson import DENSE_CAPTIONS, FRAMES, GROUNDING
from vtg_jax.errors import BadInput


class Numbered:
  """Clips whose frames show the clip's number and how far they are in it."""

  name = 'numbered'

  def __init__(self, n=150, *, labels=50, bad=None):
    self._n, self._labels, self._bad = n, labels, bad

  def __len__(self):
    return self._n

  def caption(self, index):
    return f'It is clip {index}. It goes on. It ends.'

  def label(self, index):
    return str(index % self._labels)

  def frames(self, index, n, size):
    if self._bad and index % self._bad == 0:
      raise BadInput(f'clip {index} is torn')
    frames = np.full((n, size, size, 3), index, np.uint8)
    frames[..., 1] = np.arange(n)[:, None, None]
    return frames


def sequences(clips=None, **rule):
  rule = {'n_grounding': 40, 'n_dense': 40, 'n_frames': 48} | rule
  return ClipSequences(
    sets=(clips or Numbered(),), rule=ClipSequenceRule(**rule), size=1
  )


def shown(lesson):
  frames = lesson.video.get(range(lesson.video.n_frames))[:, 0, 0]
  return frames[:, 0].tolist(), frames[:, 1].tolist()


@hypothesis.given(
  index=st.integers(0, 79), seed=st.integers(0, 3), most=st.integers(2, 12)
)
@hypothesis.settings(max_examples=50, deadline=None)
def test_events_are_where_the_frames_of_their_clips_are(index, seed, most):
  source = sequences(seed=seed, n_clips=(2, most))
  lesson = source.lesson(index)
  numbers, places = shown(lesson)
  assert lesson.unit == FRAMES and lesson.scale == (FRAMES, 48)
  for turn in lesson.turns:
    for event in turn.events:
      inside = set(numbers[event.start : event.end])
      assert len(inside) == 1
      assert event.caption == f'It is clip {inside.pop()}. It goes on.'
      length = event.end - event.start
      assert places[event.start : event.end] == list(range(length))
      assert length >= 4
  if index < 40:
    assert {turn.task for turn in lesson.turns} == {GROUNDING}
    asked = [turn.events[0] for turn in lesson.turns]
    assert len(set(asked)) == len(asked) <= 3
  else:
    (turn,) = lesson.turns
    assert turn.task == DENSE_CAPTIONS
    assert 2 <= len(turn.events) <= most
    ends = [event.end for event in turn.events]
    assert [event.start for event in turn.events] == [0, *ends[:-1]]
    assert ends[-1] == 48
  assert len({n % 50 for n in numbers}) == len(set(numbers))  # no label twice


@hypothesis.given(
  n_clips=st.integers(1, 10),
  fewest=st.integers(1, 5),
  free=st.integers(0, 60),
  seed=st.integers(0, 99),
)
def test_frames_are_shared_out_whole(n_clips, fewest, free, seed):
  n_frames = n_clips * fewest + free
  lengths = split_frames(n_frames, n_clips, fewest, np.random.default_rng(seed))
  assert len(lengths) == n_clips and sum(lengths) == n_frames
  assert min(lengths) >= fewest


def test_clips_are_long_and_short():
  lengths = split_frames(96, 4, 4, np.random.default_rng(0))
  assert max(lengths) > 1.5 * min(lengths)


@hypothesis.given(n_there=st.integers(1, 50), n=st.integers(1, 50))
def test_even_frames_rise_and_are_there(n_there, n):
  ids = even_frames(n_there, n)
  assert ids == sorted(ids) and ids[0] == 0 and ids[-1] < n_there
  assert len(set(ids)) == min(n, n_there)


def test_a_lesson_follows_from_seed_and_number():
  lesson, again = sequences().lesson(50), sequences().lesson(50)
  assert (shown(lesson), lesson.turns) == (shown(again), again.turns)
  assert shown(lesson) != shown(sequences(seed=1).lesson(50))


def test_bad_clips_give_way_and_are_told_of():
  source = sequences(Numbered(bad=7))
  kinds, messages = collections.Counter(), []
  for i in range(12):
    lesson = source.lesson(i)
    assert not [n for n in shown(lesson)[0] if n % 7 == 0]
    kinds.update(fault.kind for fault in lesson.faults)
    messages += [fault.message for fault in lesson.faults]
  assert kinds.keys() == {'clip'} and 'is torn' in messages[0]


@pytest.mark.parametrize(
  ('clips', 'said'),
  [(Numbered(bad=1), 'first: .* is torn'), (Numbered(labels=1), 'repeat')],
)
def test_sets_without_enough_different_clips_are_refused(clips, said):
  with pytest.raises(BadSample, match=rf'of \d+ clips .* {said}'):
    sequences(clips).lesson(0)


@pytest.mark.parametrize(
  ('wrong', 'said'),
  [
    ({'n_clips': (2, 30)}, '30 clips of 4 frames do not fit into 96'),
    ({'n_clips': (3, 2)}, 'two rising numbers'),
    ({'n_clips': (2,)}, 'two rising numbers'),
    ({'n_grounding': 0, 'n_dense': 0}, 'ask for one or more'),
    ({'fewest_frames': 0}, 'it must be 1 or more'),
  ],
)
def test_rules_that_cannot_be_are_refused(wrong, said):
  with pytest.raises(ValueError, match=said):
    ClipSequenceRule(**wrong)


@pytest.fixture
def folder(tmp_path):
  """Three clips of two actions, each of one grey that rises by 10 a frame."""
  entries = []
  for name, level, said in (
    ('running/a.mp4', 20, 'A man runs.'),
    ('running/b.mp4', 60, 'A woman runs.'),
    ('c.mp4', 100, 'A cat sits.'),
  ):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    frames = [np.full((16, 24, 3), level + 10 * i, np.uint8) for i in range(10)]
    encode_video(tmp_path / name, frames, Encoding(fps=10.0, crf=4))
    entries.append({'video': name, 'caption': said})
  (tmp_path / 'clips.json').write_text(json.dumps(entries))
  return tmp_path


def test_clips_on_disk(folder):
  clips = open_clips(
    CaptionedClips(videos=str(folder), captions=str(folder / 'clips.json'))
  )
  assert [clips.label(i) for i in range(3)] == ['running', 'running', 'c.mp4']
  frames = clips.frames(1, 5, 8)
  assert frames.shape == (5, 8, 8, 3)
  np.testing.assert_allclose(
    frames.mean((1, 2, 3)), [60, 80, 100, 120, 140], atol=4
  )


def test_clips_may_be_parts_of_videos(folder):
  entry = {'video': 'c.mp4', 'caption': 'Late.', 'label': 'cat'}
  (folder / 'parts.jsonl').write_text(
    json.dumps(entry | {'start_s': 0.5, 'end_s': 0.9})
  )
  clips = open_clips(
    CaptionedClips(videos=str(folder), captions=str(folder / 'parts.jsonl'))
  )
  assert clips.label(0) == 'cat'
  levels = clips.frames(0, 4, 4).mean((1, 2, 3))
  np.testing.assert_allclose(levels, [150, 160, 170, 180], atol=4)


def test_sequences_of_clips_on_disk(folder):
  source = open_clip_sequences(
    ClipSequenceFiles(
      clips=(
        CaptionedClips(videos=str(folder), captions=str(folder / 'clips.json')),
      ),
      rule=ClipSequenceRule(
        n_grounding=0, n_dense=4, n_frames=12, n_clips=(2, 2)
      ),
    ),
    size=8,
  )
  for i in range(4):
    lesson = source.lesson(i)
    events = lesson.turns[0].events
    assert sum('runs' in event.caption for event in events) == 1
    assert lesson.video.get([0]).shape == (1, 8, 8, 3)


@pytest.mark.parametrize(
  ('entry', 'said'),
  [
    ({'video': 'c.mp4'}, 'item 0: caption is None'),
    ({'caption': 'x'}, 'video is None'),
    ([], 'is no object'),
    ({'video': 'c.mp4', 'caption': 'x', 'label': 3}, 'label is 3'),
    ({'video': 'c.mp4', 'caption': 'x', 'end_s': 'y'}, "end_s is 'y'"),
  ],
)
def test_lists_of_another_form_are_refused(folder, entry, said):
  (folder / 'bad.json').write_text(json.dumps([entry]))
  with pytest.raises(BadInput, match=said):
    open_clips(
      CaptionedClips(videos=str(folder), captions=str(folder / 'bad.json'))
    )
