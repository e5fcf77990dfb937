"""Grounded-VideoLLM as its user meets it: answers, options, bad input."""

import itertools
import json

import numpy as np
import pytest

import vtg_jax
from tests.systems.announced import check_announced
from tests.systems.grounded_videollm import tiny
from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, Moment
from vtg_jax.systems.grounded_videollm.prompt import VIDEO
from vtg_jax.systems.writing import Written

QUERIES = ['a dog runs', 'a cat sits']
MAX_TOKENS = 24


def test_moments_have_a_score_and_the_doubt_of_their_ends(either, video):
  found = either.ground(video, QUERIES, top_k=3)
  assert sorted({m.query for m in found}) == sorted(QUERIES)
  step_s = 4.0 / either.config.n_intervals
  for query, group in itertools.groupby(found, key=lambda m: m.query):
    first, *others = group
    assert isinstance(first, Moment)
    assert (first.system, first.range_level) == ('grounded_videollm', 0.9)
    for low_s, high_s in (first.start_range_s, first.end_range_s):
      assert 0 <= low_s <= high_s <= 4.0
    scores = [m.score for m in (first, *others)]
    assert scores == sorted(scores, reverse=True), query
    for moment in (first, *others):
      assert moment.start_s <= moment.end_s
      places = np.array([moment.start_s, moment.end_s]) / step_s
      np.testing.assert_allclose(places, np.round(places), atol=1e-6)


def test_a_video_is_read_once_for_all_that_is_asked(grounder, clip):
  opened = grounder.open_video(clip)
  before = grounder.asker.n_read
  grounder.ground(opened, QUERIES)
  grounder.answer(opened, ['Who?', 'Why?'], options=['a', 'b'], evidence=True)
  grounder.ground(opened, 'a dog runs')
  assert grounder.asker.n_read == before + 1
  grounder.ground(opened, QUERIES, sampling='paper')
  assert grounder.asker.n_read == before + 2  # other frames


def test_frames_of_both_sizes_are_announced(grounder, clip):
  check_announced(grounder, clip, QUERIES)


def test_videos_that_are_read_together_are_answered_as_alone(grounder, clip):
  other, same = grounder.read([clip, clip])
  before = grounder.asker.n_read
  together = [grounder.ground(video, QUERIES[0])[0] for video in (other, same)]
  assert grounder.asker.n_read == before
  assert [grounder.read([other]), grounder.asker.n_read] == [[other], before]
  (alone,) = grounder.ground(clip, QUERIES[0])
  for moment in together:
    assert (moment.start_s, moment.end_s) == (alone.start_s, alone.end_s)
    assert moment.score == pytest.approx(alone.score, abs=1e-5)


def test_a_query_is_answered_alike_alone_and_among_others(grounder, video):
  together = grounder.ground(video, ['a dog ' * 9, *QUERIES])
  for query, moment in zip(QUERIES, together[1:], strict=True):
    (alone,) = grounder.ground(video, query)
    assert (alone.start_s, alone.end_s) == (moment.start_s, moment.end_s)
    assert alone.score == pytest.approx(moment.score, abs=1e-5)


def test_answers_are_plain_json(grounder, video):
  found = grounder.ground(video, QUERIES, absent_below=0.45)
  assert {type(answer) for answer in found} <= {Moment, Absent}
  written = [answer.to_json() for answer in found]
  assert json.loads(json.dumps(written, allow_nan=False)) == written


def test_absent_is_off_and_compares_the_best_score(grounder, video):
  moments = grounder.ground(video, QUERIES)
  best = max(m.score for m in moments)
  found = grounder.ground(video, QUERIES, absent_below=(best + 1) / 2)
  for absent, moment in zip(found, moments, strict=True):
    assert isinstance(absent, Absent)
    assert (absent.score, absent.query) == (moment.score, moment.query)


def test_written_spans_are_read_and_anything_else_is_absent(
  grounder, video, monkeypatch
):
  ids = grounder.asker.wording.answer_ids
  said = ['From <3> to <15>. From <1> to <2>.', 'Nobody knows.']
  written = [Written(ids(t), np.full(len(ids(t)), -0.1)) for t in said]
  monkeypatch.setattr(grounder.asker, 'write', lambda *_, **__: written)
  found = grounder.ground(video, QUERIES, mode='generate', top_k=2)
  first, second, absent = found
  assert (first.start_s, first.end_s) == pytest.approx((0.6, 3.0))
  assert (second.start_s, second.end_s) == pytest.approx((0.2, 0.4))
  assert isinstance(absent, Absent)
  assert (absent.query, absent.score) == (QUERIES[1], 0.0)


def test_seeded_draws_repeat_and_differ(grounder, video):
  def drawn(seed):
    (caption,) = grounder.describe(
      video, [(1, 3)], max_tokens=MAX_TOKENS, temperature=2.0, seed=seed
    )
    return caption.text

  assert drawn(1) == drawn(1)
  assert drawn(1) != drawn(2)


def test_told_events_are_well_formed(either, video):
  events = either.dense_caption(video, max_tokens=MAX_TOKENS)
  assert events
  for event in events:
    assert 0 <= event.start_s <= event.end_s <= 4.0
    assert event.text and '<' not in event.text
    assert 0 < event.score <= 1
    assert event.system == 'grounded_videollm'


def test_spans_are_described_up_to_the_end(grounder, video):
  captions = grounder.describe(
    video, [(0, 1.5), (3, 99)], max_tokens=MAX_TOKENS
  )
  assert [(c.start_s, c.end_s) for c in captions] == [(0, 1.5), (3, 4)]
  assert all(c.text for c in captions)


def test_options_are_compared_and_evidence_is_told(grounder, video):
  options = [['a dog', 'a cat'], ['one', 'two', 'three']]
  for mode in ('score', 'letter'):
    answers = grounder.answer(
      video, ['Who?', 'How many?'], options=options, mode=mode, evidence=True
    )
    for answer, own in zip(answers, options, strict=True):
      assert len(answer.probabilities) == len(own)
      assert sum(answer.probabilities) == pytest.approx(1)
      assert answer.choice == int(np.argmax(answer.probabilities))
      assert answer.text == f'({"ABC"[answer.choice]}) {own[answer.choice]}'
      assert answer.score == answer.probabilities[answer.choice]
      (moment,) = answer.evidence
      assert 0 <= moment.start_s <= moment.end_s <= 4.0


def test_a_free_answer_is_text(grounder, video):
  (answer,) = grounder.answer(video, 'Who runs?', max_tokens=MAX_TOKENS)
  assert answer.question == 'Who runs?'
  assert answer.text
  assert (answer.choice, answer.evidence) == (None, ())


@pytest.mark.parametrize(
  ('method', 'asked', 'message'),
  [
    ('ground', dict(queries='  '), 'empty'),
    ('ground', dict(queries=[]), 'no query'),
    ('ground', dict(queries='a dog ' * 1700), 'shorten'),
    ('ground', dict(queries=f'a {VIDEO}'), 'marks the place'),
    ('ground', dict(queries='<timestamp_grounding>'), 'marks a place'),
    ('ground', dict(queries='a', mode='guess'), 'guess'),
    ('ground', dict(queries='a', sampling='dense'), 'dense'),
    ('ground', dict(queries='a', top_k=0), 'top_k'),
    ('ground', dict(queries='a', absent_below=2.0), 'absent_below'),
    ('ground', dict(queries='a', temperature=-1.0), 'temperature'),
    ('ground', dict(queries='a', n_candidates=0), 'n_candidates'),
    ('ground', dict(queries='a', seed=-1), 'seed'),
    ('dense_caption', dict(prompt=' '), 'empty'),
    ('dense_caption', dict(max_tokens=0), 'max_tokens'),
    ('dense_caption', dict(max_tokens=10**6), 'positions'),
    ('describe', dict(spans=[]), 'no span'),
    ('describe', dict(spans=[(2, 1)]), 'empty'),
    ('describe', dict(spans=[(9, 10)]), 'ends at 4 s'),
    ('answer', dict(questions=''), 'empty'),
    ('answer', dict(questions='?', options=['a']), '1 options'),
    ('answer', dict(questions='?', options='ab'), 'list'),
    ('answer', dict(questions='?', options=[['a', 'b']] * 2), '1 questions'),
    ('answer', dict(questions='?', options=['a', ' ']), 'empty'),
    ('answer', dict(questions='?', mode='score'), 'no options|there are none'),
    ('answer', dict(questions='?', mode='guess'), 'guess'),
  ],
)
def test_what_cannot_be_asked_is_one_sentence(
  grounder, video, method, asked, message
):
  with pytest.raises(BadInput, match=message) as error:
    getattr(grounder, method)(video, **asked)
  assert '\n' not in str(error.value)


def test_a_video_of_another_size_or_none_is_refused(grounder, clip, tmp_path):
  from input_pipeline.video import Resize, open_video

  with pytest.raises(BadInput, match='open it with open_video'):
    grounder.ground(open_video(clip, resize=Resize(size=7)), 'a')
  (tmp_path / 'empty').mkdir()
  with pytest.raises(BadInput):
    grounder.ground(tmp_path / 'empty', 'a')


def test_a_checkpoint_answers_as_its_parameters_do(grounder, video, tmp_path):
  tiny.save(tmp_path / 'saved', 'phi3')
  loaded = vtg_jax.load(tmp_path / 'saved')
  assert loaded.config == grounder.config
  assert loaded.notice == 'a test'
  loaded.asker.programs = grounder.asker.programs  # of the same sizes
  wanted = grounder.ground(video, QUERIES)
  assert loaded.ground(video, QUERIES) == wanted


def test_a_checkpoint_without_words_of_time_is_refused(tmp_path):
  from vtg_jax.systems.grounded_videollm.config import before_stage2
  from vtg_jax.systems.grounded_videollm.wording import Wording

  early = before_stage2(tiny.config('llama3'))
  with pytest.raises(BadInput, match='after stage 2'):
    Wording(early, tiny.tokenizer('llama3'))
