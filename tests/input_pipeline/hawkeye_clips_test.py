"""Stretches of video, frames within them, and the answers that are true."""

import collections
import dataclasses
import random

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline import frame_choice, hawkeye_clips, hawkeye_samples
from input_pipeline.hawkeye_clips import ClipOptions
from vtg_jax.moments import coarse, coarse_crop

DURATION_S = 30.0
SENTENCE = hawkeye_samples.GroundedSentence(
  video='a.mp4',
  sentence='A man skis',
  start_s=10.0,
  end_s=12.0,
  negative_start_s=3.0,
  negative_end_s=29.0,
)
(GROUNDING,) = hawkeye_samples.choice_items(
  [SENTENCE], ['I'], ["When is '%s'?"], random.Random(0)
)
(CAPTION,) = hawkeye_samples.caption_items([SENTENCE], ['I'], random.Random(0))


@dataclasses.dataclass(frozen=True)
class Ruler:
  """A video that is known by its frame times only."""

  n_frames: int = 300
  fps: float = 10.0
  is_folder: bool = False

  @property
  def duration_s(self):
    return self.n_frames / self.fps

  def frame_at(self, times_s):
    ids = np.floor(np.asarray(times_s) * self.fps + 1e-6).astype(np.int64)
    return np.clip(ids, 0, self.n_frames - 1)


def draw(item=GROUNDING, seed=0, **options):
  return hawkeye_clips.draw_clip(
    item,
    DURATION_S,
    ClipOptions(**options),
    num_frames=12,
    rng=np.random.default_rng(seed),
  )


def answered(clip):
  """The category of a clip's answer."""
  (turn,) = clip.turns
  return next(
    category
    for category, text in coarse.TEXTS.items()
    if turn['a'].endswith(text)
  )


@hypothesis.given(seed=st.integers(0, 2**32))
def test_the_answer_is_true_of_the_crop(seed):
  clip = draw(seed=seed)
  start_s, end_s = clip.bounds_s
  assert 3.0 <= start_s <= 10.0 < 12.0 <= end_s <= 29.0
  assert answered(clip) == coarse.label_span(10.0, 12.0, start_s, end_s)


def test_the_crop_is_the_one_of_the_paper():
  span = hawkeye_samples.target_span(GROUNDING['QA'][0])
  rng = np.random.default_rng(5)
  crop = coarse_crop.random_crop(span, rng.random, num_frames=12)
  assert draw(seed=5).bounds_s == (crop.start_s, crop.end_s)


@hypothesis.given(seed=st.integers(0, 2**32))
def test_a_caption_is_asked_of_the_named_part(seed):
  clip = draw(CAPTION, seed)
  (turn,) = clip.turns
  label = coarse.label_span(10.0, 12.0, *clip.bounds_s)
  assert turn['q'] == coarse.TEXTS[label]
  assert turn['a'] == 'A man skis'


@pytest.mark.parametrize(
  ('crop', 'bounds_s', 'category'),
  [
    ('whole_span', (3.0, 29.0), 'beginning'),
    ('whole_video', (0.0, 30.0), 'beginning'),
  ],
)
def test_without_the_random_crop_the_strict_rule_answers(
  crop, bounds_s, category
):
  clip = draw(crop=crop)
  assert clip.bounds_s == bounds_s
  assert answered(clip) == category


@hypothesis.given(seed=st.integers(0, 2**32))
def test_a_view_is_an_interval_of_the_search_and_its_right_answer(seed):
  clip = draw(seed=seed, view_share=1.0, view_rounds=3)
  path = coarse.path_of_span(10.0, 12.0, DURATION_S, max_rounds=4)
  reached = [
    coarse.span_of_path(DURATION_S, path[:n]) for n in range(len(path))
  ]
  assert clip.bounds_s in reached
  n = reached.index(clip.bounds_s)
  assert answered(clip) == path[n]


def test_as_many_samples_as_asked_are_views():
  path = coarse.path_of_span(10.0, 12.0, DURATION_S, max_rounds=4)
  reached = {
    coarse.span_of_path(DURATION_S, path[:n]) for n in range(len(path))
  }
  clips = [draw(seed=seed, view_share=0.3) for seed in range(300)]
  n_views = sum(clip.bounds_s in reached for clip in clips)
  assert 60 < n_views < 120


@hypothesis.given(seed=st.integers(0, 2**32))
def test_shuffled_options_keep_their_answers(seed):
  clip = draw(seed=seed, shuffle='every_time')
  (turn,) = clip.turns
  head, _, listed = turn['q'].partition('\nOptions:\n')
  assert head == "Question: When is 'A man skis'?"
  lines = listed.split('\n')
  assert sorted(line[4:] for line in lines) == sorted(coarse.TEXTS.values())
  assert [line[:4] for line in lines] == ['(A) ', '(B) ', '(C) ', '(D) ']
  assert turn['a'] in lines
  assert answered(clip) == coarse.label_span(10.0, 12.0, *clip.bounds_s)


def test_every_order_of_options_comes_about():
  orders = collections.Counter(
    draw(seed=seed, shuffle='every_time').turns[0]['q'] for seed in range(400)
  )
  assert len(orders) == 24
  assert len({draw(seed=seed).turns[0]['q'] for seed in range(20)}) == 1


def test_chat_keeps_its_turns_in_random_order():
  turns = [{'q': f'Q{i}', 'a': f'A{i}'} for i in range(4)]
  clip = draw({'video': 'a.mp4', 'QA': turns})
  assert clip.bounds_s is None
  assert sorted(t['q'] for t in clip.turns) == ['Q0', 'Q1', 'Q2', 'Q3']
  assert len({draw({'QA': turns}, s).turns[0]['q'] for s in range(40)}) == 4
  clip = draw({'video': 'a.mp4', 'start': 1, 'end': 2, 'QA': turns})
  assert clip.bounds_s == (1, 2)


def choose(how, bounds_s=(10.0, 20.0), video=None, seed=0):
  return hawkeye_clips.choose_frames(
    video or Ruler(),
    bounds_s,
    how,
    num_frames=12,
    rng=np.random.default_rng(seed),
  )


@hypothesis.given(
  how=st.sampled_from(hawkeye_clips.FRAME_CHOICES),
  start_s=st.floats(0, 29),
  length_s=st.floats(3.0, 30),
  seed=st.integers(0, 99),
)
def test_frames_lie_in_the_clip_and_times_count_from_its_start(
  how, start_s, length_s, seed
):
  end_s = min(start_s + length_s, 30.0)
  if end_s - start_s < 2.5:
    return
  chosen = choose(how, (start_s, end_s), seed=seed)
  ids = chosen.ids
  assert len(ids) == len(chosen.times_s) == 12
  assert (np.diff(ids) >= 0).all()
  assert start_s * 10 - 1 <= ids[0] <= ids[-1] <= end_s * 10
  told_s = np.asarray(chosen.times_s) + start_s
  assert np.abs(told_s - ids / 10).max() <= 0.11


def test_random_frames_are_the_papers_training_draw():
  want = frame_choice.train_frame_indices(
    300, 12, start_frac=1 / 3, end_frac=2 / 3, rng=np.random.default_rng(3)
  )
  np.testing.assert_array_equal(choose('rand', seed=3).ids, want)


def test_evaluation_frames_are_the_papers_evaluation_draw():
  want = frame_choice.eval_frame_indices((10.0, 20.0), 10.0, 299, 12)
  np.testing.assert_array_equal(choose('evaluation').ids, want)
  assert choose('evaluation').times_s[0] == pytest.approx(want[0] / 10 - 10)


def test_frame_folders_are_told_in_seconds_of_the_video():
  chosen = choose('evaluation', video=Ruler(is_folder=True))
  assert chosen.times_s[0] == pytest.approx(chosen.ids[0] / 10)


@pytest.mark.parametrize('how', hawkeye_clips.FRAME_CHOICES)
def test_no_bounds_mean_the_whole_video(how):
  ids = choose(how, None).ids
  assert ids[0] < 30
  assert ids[-1] > 270


@pytest.mark.parametrize('how', hawkeye_clips.FRAME_CHOICES)
@pytest.mark.parametrize('n_frames', [1, 2, 5])
def test_a_clip_past_the_end_still_has_frames(how, n_frames):
  video = Ruler(n_frames=n_frames)
  ids = choose(how, (40.0, 50.0), video).ids
  assert ((ids >= 0) & (ids < n_frames)).all()


@pytest.mark.parametrize(
  'wrong',
  [
    {'crop': 'x'},
    {'frame_choice': 'x'},
    {'shuffle': 'x'},
    {'view_share': -0.1},
    {'view_rounds': -1},
  ],
)
def test_unknown_options_are_refused(wrong):
  with pytest.raises(ValueError, match='unknown|no share|below'):
    ClipOptions(**wrong)
