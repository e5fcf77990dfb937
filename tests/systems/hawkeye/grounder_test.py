"""HawkEye as its user meets it: answers, options, odd videos, bad input."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import vtg_jax
from input_pipeline.encode_video import Encoding
from input_pipeline.video import Resize, open_video
from tests.recursion.oracle import TEXTS, recursive_grounding
from tests.systems.announced import check_announced
from tests.systems.hawkeye import tiny
from vtg_jax.decode.greedy import GreedyOutput
from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, Moment, coarse
from vtg_jax.systems.hawkeye import grounder as grounder_module
from vtg_jax.systems.hawkeye import tables
from vtg_jax.systems.hawkeye.grounder import HawkEyeGrounder
from vtg_jax.testing.numbered_video import write_numbered_video

QUERIES = ['a dog runs', 'a cat sits']


# Answers.


def test_a_single_query_may_be_a_string(grounder, warm_video):
  assert grounder.ground(warm_video, 'a dog runs') == grounder.ground(
    warm_video, ['a dog runs']
  )


def test_a_path_is_as_good_as_an_opened_video(grounder, clip, warm_video):
  assert grounder.ground(str(clip), QUERIES) == grounder.ground(clip, QUERIES)
  opened = grounder.ground(warm_video, QUERIES)
  for ours, theirs in zip(grounder.ground(clip, QUERIES), opened, strict=True):
    assert (ours.start_s, ours.end_s) == (theirs.start_s, theirs.end_s)


def test_a_moment_tells_how_it_was_found(grounder, warm_video):
  for query, moment in zip(
    QUERIES, grounder.ground(warm_video, QUERIES), strict=True
  ):
    assert isinstance(moment, Moment)
    assert (moment.query, moment.system) == (query, 'hawkeye')
    assert not moment.calibrated
    names = [one.choice for one in moment.rounds]
    assert (moment.start_s, moment.end_s) == coarse.span_of_path(8.0, names)
    interval, score = (0.0, 8.0), 1.0
    for one in moment.rounds:
      assert (one.start_s, one.end_s) == interval
      assert sum(one.probabilities.values()) == pytest.approx(1)
      assert len(one.frame_times_s) == 3
      assert all(
        interval[0] - 0.1 < t <= interval[1] for t in one.frame_times_s
      )
      interval = coarse.narrow(*interval, one.choice)
      score *= one.probabilities[one.choice]
    assert moment.score == pytest.approx(score)


def test_all_frames_of_a_search_are_announced(grounder, clip):
  check_announced(grounder, clip, QUERIES)
  video = open_video(clip, resize=None)
  with pytest.raises(BadInput, match='max_rounds is 7'):
    grounder.announce(video, max_rounds=7)


def test_several_answers_are_grouped_by_query_best_first(grounder, warm_video):
  found = grounder.ground(warm_video, QUERIES, top_k=3)
  assert [a.query for a in found] == [q for q in QUERIES for _ in range(3)]
  for _, group in itertools.groupby(found, key=lambda a: a.query):
    group = list(group)
    scores = [answer.score for answer in group]
    assert scores == sorted(scores, reverse=True)
    assert len({(a.start_s, a.end_s) for a in group}) == 3
    assert sum(scores) <= 1 + 1e-6


def test_answers_are_plain_json(grounder, warm_video):
  found = grounder.ground(warm_video, QUERIES, absent_below=0.5)
  written = [answer.to_json() for answer in found]
  assert json.loads(json.dumps(written, allow_nan=False)) == written


def test_absent_is_off_and_compares_the_best_score(grounder, warm_video):
  (moment,) = grounder.ground(warm_video, 'a dog runs')
  below = dict(absent_below=moment.score * 0.99)
  assert grounder.ground(warm_video, 'a dog runs', **below) == [moment]
  above = min(1.0, moment.score * 1.01)
  assert moment.score < above
  (absent,) = grounder.ground(warm_video, 'a dog runs', absent_below=above)
  assert isinstance(absent, Absent)
  assert (absent.score, absent.threshold) == (moment.score, above)
  assert (absent.query, absent.rounds) == ('a dog runs', moment.rounds)
  assert not absent.calibrated


def test_many_queries_are_asked_in_batches(grounder, warm_video, monkeypatch):
  wanted = grounder.ground(warm_video, QUERIES)
  monkeypatch.setattr(grounder_module, 'QUERIES_AT_ONCE', 1)
  found = grounder.ground(warm_video, QUERIES)
  for ours, theirs in zip(found, wanted, strict=True):
    assert ours.query == theirs.query
    assert (ours.start_s, ours.end_s) == (theirs.start_s, theirs.end_s)
    assert ours.score == pytest.approx(theirs.score, abs=1e-5)


def test_a_checkpoint_answers_as_its_parameters_do(
  grounder, warm_video, tmp_path
):
  tiny.save(tmp_path / 'saved')
  loaded = vtg_jax.load(tmp_path / 'saved')
  assert loaded.config == grounder.config
  assert loaded.notice == 'a test'
  loaded.programs = grounder.programs  # of the same sizes
  wanted = grounder.ground(warm_video, QUERIES)
  assert loaded.ground(warm_video, QUERIES) == wanted


# Sampling.


@pytest.mark.parametrize(
  ('sampling', 'first_round'),
  [('timestamp', [1.3, 4.0, 6.6]), ('paper', [1.3, 3.9, 6.6])],
)
def test_sampling_chooses_the_frames(
  grounder, warm_video, sampling, first_round
):
  (moment,) = grounder.ground(warm_video, 'a dog runs', sampling=sampling)
  shown = moment.rounds[0].frame_times_s
  assert shown == pytest.approx(first_round, abs=1e-6)


# Decoding.


@pytest.mark.parametrize('mode', ['score', 'generate'])
def test_each_frame_is_decoded_once_however_often_it_is_seen(
  grounder, video, mode
):
  seen = set()
  for query in (*QUERIES, QUERIES[0]):
    before = video.count.passes
    (moment,) = grounder.ground(video, query, mode=mode)
    seen |= {t for one in moment.rounds for t in one.frame_times_s}
    assert video.count.passes <= before + len(moment.rounds)
    assert video.decoded == len(seen)
  passes = video.count.passes
  grounder.ground(video, query, mode=mode)
  assert (video.decoded, video.count.passes) == (len(seen), passes)


def test_queries_together_take_one_pass_a_round(grounder, video):
  found = grounder.ground(video, QUERIES)
  shown = {t for a in found for one in a.rounds for t in one.frame_times_s}
  assert video.decoded == len(shown)
  assert video.count.passes <= max(len(a.rounds) for a in found)


def test_prefetching_reads_all_in_one_pass_and_answers_alike(grounder, clip):
  cold, warm = grounder.open_video(clip), grounder.open_video(clip)
  wanted = grounder.ground(cold, QUERIES)
  answers = grounder.ground(warm, QUERIES, prefetch=True)
  assert (warm.count.passes, warm.decoded > cold.decoded) == (1, True)
  for ours, theirs in zip(answers, wanted, strict=True):
    assert (ours.start_s, ours.end_s) == (theirs.start_s, theirs.end_s)
    assert ours.score == pytest.approx(theirs.score, abs=1e-5)


def test_a_prefetched_video_is_searched_by_the_one_program(
  grounder, clip, monkeypatch
):
  video = grounder.open_video(clip)
  grounder.ground(video, QUERIES, prefetch=True)
  _, frames = grounder._resident[video]
  monkeypatch.setattr(grounder.programs, 'round', None)
  grounder.ground(video, QUERIES)
  assert grounder._resident[video][1] is frames  # not put there again


def test_frames_of_another_size_are_bad_input(grounder, clip):
  for resize in (None, Resize(size=48)):
    with pytest.raises(BadInput, match='32 pixels'):
      grounder.ground(open_video(clip, resize=resize), 'a dog runs')


def test_a_warm_search_reads_nothing(grounder, warm_video):
  before = (warm_video.decoded, warm_video.count.passes)
  grounder.ground(warm_video, QUERIES)
  assert (warm_video.decoded, warm_video.count.passes) == before


# The paper's loop of generated text.


class ScriptedPrograms:
  """Writes each round's answer for each query."""

  def __init__(self, scripts, seed):
    self.scripts, self.seed = scripts, seed
    self.tokenizer = tiny.tokenizers()[0]

  def prefix(self, params, searched):
    return None

  def reply(self, query, turn):
    order = tables.option_orders(query, 1, 4, self.seed)[0][turn]
    answer = self.scripts[query][turn]
    if answer not in TEXTS:
      return answer
    return f'({"ABCD"[order.index(answer)]}) {TEXTS[answer]}###'

  def generate(self, params, searched, prefix, node, active):
    ids = np.zeros((len(node), 80), np.int32)
    length = np.zeros(len(node), np.int32)
    for q, query in enumerate(self.scripts):
      if active[q]:
        said = self.reply(query, int(searched.depth[node[q]]))
        tokens = self.tokenizer.encode_continuation(
          'Best option: (', said.removeprefix('(')
        )
        ids[q, : len(tokens)], length[q] = tokens, len(tokens)
    log_prob = np.log(np.full(len(node), 0.5))
    return GreedyOutput(ids, length, log_prob, np.zeros(ids.shape))


@pytest.mark.parametrize('seed', range(6))
def test_generated_answers_are_followed_as_the_paper_does(video, seed):
  rng = np.random.default_rng(seed)
  said = [*coarse.CATEGORIES, *coarse.CATEGORIES[:3], '(A) or so', '']
  scripts = {
    query: rng.choice(said, 4).tolist() for query in ('one', 'two', 'three')
  }
  grounder = HawkEyeGrounder(tiny.config(), tiny.params(), *tiny.tokenizers())
  grounder.programs = programs = ScriptedPrograms(scripts, seed)
  found = grounder.ground(
    video, list(scripts), mode='generate', sampling='paper', seed=seed
  )
  for query, moment in zip(scripts, found, strict=True):
    rounds, span = recursive_grounding(
      query,
      video_frames=80,
      fps=10.0,
      orders=tables.option_orders(query, 1, 4, seed)[0],
      reply=lambda turn, query=query: programs.reply(query, turn),
      max_turns=4,
      shown=3,
    )
    assert (moment.start_s, moment.end_s) == span
    assert [one.choice for one in moment.rounds] == [r.answer for r in rounds]
    for one, wanted in zip(moment.rounds, rounds, strict=True):
      assert (one.start_s, one.end_s) == (wanted.start_s, wanted.end_s)
      shown = [round(t * 10) for t in one.frame_times_s]
      assert shown == wanted.frame_indices
    assert moment.score == pytest.approx(0.5 ** len(rounds))


# Odd videos.


def folder_of_frames(path, n):
  path.mkdir()
  for i in range(n):
    Image.new('RGB', (40, 30), (9 * i, 80, 90)).save(path / f'{i:03}.jpg')
  return path


@pytest.mark.parametrize('sampling', ['timestamp', 'paper'])
@pytest.mark.parametrize('n_frames', [1, 3, 24])
def test_short_videos_are_searched_to_the_end(
  grounder, tmp_path, n_frames, sampling
):
  path = tmp_path / 'short.mp4'
  write_numbered_video(path, n_frames, width=64, height=48)
  for mode in ('score', 'generate'):
    (moment,) = grounder.ground(
      path, 'a dog runs', sampling=sampling, mode=mode
    )
    assert 0 <= moment.start_s < moment.end_s <= n_frames / 10 + 1e-9
    times_s = [t for one in moment.rounds for t in one.frame_times_s]
    assert set(np.round(np.array(times_s) * 10)) <= set(range(n_frames))


@pytest.mark.parametrize('sampling', ['timestamp', 'paper'])
@pytest.mark.parametrize('n_frames', [1, 2, 20])
def test_folders_of_frames_are_searched(grounder, tmp_path, n_frames, sampling):
  path = folder_of_frames(tmp_path / 'frames', n_frames)
  (moment,) = grounder.ground(path, 'a dog runs', sampling=sampling)
  assert 0 <= moment.start_s < moment.end_s <= n_frames / 3 + 1e-9


def test_an_unsteady_frame_rate_shows_what_is_on_display(grounder, tmp_path):
  path = tmp_path / 'unsteady.mp4'
  times_s = [0.0, 0.1, 0.2, 4.0, 7.0, 7.5]
  encoding = Encoding(b_frames=0)
  write_numbered_video(path, 6, encoding, width=64, height=48, times_s=times_s)
  (moment,) = grounder.ground(path, 'a dog runs', max_rounds=1)
  centres_s = (np.arange(3) + 0.5) * moment.rounds[0].end_s / 3
  wanted = [max(t for t in times_s if t <= c) for c in centres_s]
  assert moment.rounds[0].frame_times_s == pytest.approx(wanted, abs=1e-3)


# Bad input.


@pytest.mark.parametrize(
  ('query', 'said'),
  [
    ('', 'empty'),
    (' \n', 'empty'),
    ([], 'no query'),
    (['a dog', ''], 'empty'),
    ('x' * 10_000, r'takes \d+ tokens, the model has 1024 positions'),
    ('what is in <VideoHere>?', 'holds <VideoHere>'),
    ('half a letter \ud800', 'UTF-8'),
  ],
)
def test_a_query_that_cannot_be_asked_is_bad_input(
  grounder, video, query, said
):
  for mode in ('score', 'generate'):
    with pytest.raises(BadInput, match=said) as caught:
      grounder.ground(video, query, mode=mode)
    assert '\n' not in str(caught.value)
    assert len(str(caught.value)) < 300
  assert video.decoded == 0


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    ({'sampling': 'random'}, "sampling 'random' is unknown; use one of"),
    ({'mode': 'guess'}, "mode 'guess' is unknown; use one of"),
    ({'max_rounds': 0}, 'max_rounds is 0; it must be from 1 to'),
    ({'top_k': 3, 'beam_width': 2}, 'beam_width 2 cannot hold top_k 3'),
    ({'max_rounds': 1000}, 'max_rounds is 1000; it must be from 1 to'),
    ({'top_k': 0}, 'top_k is 0'),
    ({'top_k': 10**9}, 'top_k is 1000000000'),
    ({'beam_width': 10**9}, 'beam_width is 1000000000'),
    ({'n_orders': 0}, 'n_orders is 0'),
    ({'absent_below': 1.5}, 'absent_below is 1.5'),
    ({'absent_below': float('nan')}, 'absent_below is nan'),
    ({'seed': -1}, 'seed is -1'),
    ({'mode': 'generate', 'top_k': 2}, 'use mode score'),
    ({'mode': 'generate', 'n_orders': 4}, 'use mode score'),
  ],
)
def test_an_option_out_of_range_is_bad_input(grounder, video, options, said):
  with pytest.raises(BadInput, match=said) as caught:
    grounder.ground(video, 'a dog', **options)
  assert '\n' not in str(caught.value)
  assert video.decoded == 0


def test_what_is_no_video_is_bad_input(grounder, tmp_path):
  text = tmp_path / 'text.mp4'
  text.write_text('no video')
  empty = tmp_path / 'empty'
  empty.mkdir()
  for path in (text, empty, tmp_path / 'nothing.mp4'):
    with pytest.raises(BadInput):
      grounder.ground(path, 'a dog')


def test_weights_that_are_no_numbers_are_told(grounder, warm_video):
  good = grounder._params
  bad = dict(
    good, projector={k: v * np.nan for k, v in good['projector'].items()}
  )
  grounder._params = bad
  try:
    for queries, options in (
      (QUERIES[:1], {}),
      (QUERIES[:1], {'mode': 'generate'}),
      (QUERIES, {'top_k': 3}),
    ):
      with pytest.raises(BadInput, match='computes NaN'):
        grounder.ground(warm_video, queries, **options)
  finally:
    grounder._params = good


def test_a_tokenizer_of_another_size_than_the_network_is_refused():
  llm, words = tiny.tokenizers()
  for tokenizers, said in (
    ((SimpleNamespace(vocab_size=411), words), 'language model.* 411 tokens'),
    ((SimpleNamespace(vocab_size=200), words), 'language model.* 200 tokens'),
    ((llm, SimpleNamespace(vocab_size=133)), 'Q-Former.* 133 tokens'),
    ((llm, SimpleNamespace(vocab_size=131)), 'Q-Former.* 131 tokens'),
  ):
    with pytest.raises(BadInput, match=said):
      HawkEyeGrounder(tiny.config(), tiny.params(), *tokenizers)
