"""Videos and sentences in, moments out: with random weights."""

import functools
import json
import os
import re
import shutil

import jax
import numpy as np
import pytest

from input_pipeline.encode_video import Encoding
from input_pipeline.frame_features import EvenFeatures
from tests.systems.revisionllm.tiny import tiny, write_tiny
from vtg_jax import cli
from vtg_jax.convert import checkpoint
from vtg_jax.decode.greedy import GreedyConfig
from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, Moment
from vtg_jax.nn.compute import Compute
from vtg_jax.recursion.quirks import CLEAN
from vtg_jax.systems.revisionllm import asking, compiled, grounder, prompt
from vtg_jax.systems.revisionllm.asker import ANSWER_TOKENS
from vtg_jax.systems.revisionllm.likeness import alike
from vtg_jax.systems.revisionllm.model import at_level
from vtg_jax.systems.revisionllm.rows import lay_out
from vtg_jax.testing.numbered_video import write_numbered_video

QUERY = 'A red ball rolls. '


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return write_tiny(tmp_path_factory.mktemp('model') / 'tiny')


@pytest.fixture(scope='module')
def model(folder):
  return grounder.load(folder)


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
  folder = tmp_path_factory.mktemp('videos')
  for name, n_frames in (('a', 120), ('b', 40)):
    write_numbered_video(folder / f'{name}.mp4', n_frames, Encoding(fps=4))
  return folder


def features(n, seed=0):
  rng = np.random.default_rng(seed)
  width = tiny().features_width
  return EvenFeatures(
    features=rng.normal(0, 1, (n, width)).astype(np.float32), fps=tiny().fps
  )


def asked(model, video, **options):
  (words,) = model.frame_encoder.encode_queries([QUERY])
  own = model.asker.about(
    video.features, [QUERY], [words.token_features], quirks=CLEAN, **options
  )
  return own, words.token_features


def test_videos_of_any_length_need_few_compilations(model, caplog):
  looked_at = []
  before = model.n_compiled
  with jax.log_compiles():
    for n in (1, 30, 150, 420):
      (found,) = model.ground(features(n, seed=n), QUERY)
      looked_at.append(found.looked_at)
      assert isinstance(found, Absent) or found.end_s <= n / 2
  names = re.findall(r'Compiling (\S+)', caplog.text)
  # With the encoder of frames there are no more than 8.
  assert 1 <= len(names) <= 7, names
  assert model.n_compiled - before == len(names)
  assert all(0 < share <= 1 for share in looked_at)


def test_many_queries_need_few_more_compilations(model):
  queries = [QUERY, 'a cat', 'a dog', 'a cup', 'a car']
  for n in (1, 30, 150, 420):
    model.ground(features(n, seed=n), QUERY)
  before = model.n_compiled
  for n in (20, 70, 222, 333):
    for search in ('top_down', 'released'):
      model.ground(features(n, seed=n), queries, search=search)
  # Sentences are encoded together, and windows shared by rows.
  assert model.n_compiled - before <= 2


class Plain:
  """One row after the other, read from its first token to its last."""

  def __init__(self, model, folder, level):
    params = checkpoint.load_params(folder)
    self.tokenizer = model.asker.wording.tokenizer
    self.model, self.params = at_level(tiny(), Compute(), params, level)

  def apply(self, *args, method):
    apply = jax.jit(functools.partial(self.model.apply, method=method))
    return apply({'params': self.params}, *args)

  def answer(self, visual):
    """Text and entropies after rows [R E]."""
    text = prompt.chat_prompt(prompt.question(QUERY))
    ids = prompt.prompt_ids(self.tokenizer, text)
    rows = lay_out([ids], len(visual))
    embeds = self.apply(
      rows.input_ids, rows.places, visual[None], method='embed_rows'
    )
    greedy = GreedyConfig(
      max_new_tokens=ANSWER_TOKENS,
      eos_id=self.tokenizer.eos_id,
      stop_ids=(),
      pad_id=prompt.PAD_ID,
    )
    write = functools.partial(asking.write_answers, self.model, greedy=greedy)
    out = jax.jit(write)(
      self.params,
      embeds=embeds,
      attention_mask=rows.attention_mask,
      positions=rows.positions,
    )
    written = prompt.answer_ids(out.ids[0], self.tokenizer.eos_id)
    n = int(out.length[0])
    return self.tokenizer.decode(written).strip(), np.asarray(
      out.watched[0][:n]
    )


def same(reply, plain):
  text, entropies = plain
  assert reply.answer == text
  np.testing.assert_allclose(reply.entropy.mean, entropies.mean(), rtol=1e-4)


def test_windows_asked_together_are_answered_as_alone(model, folder):
  video = features(60)
  own, words = asked(model, video, is_free=True)
  frame_idx = np.array([[0, 2, 4, 6, 8], [20, 22, 25, 27, 30]])
  plain = Plain(model, folder, 'dense')
  alone = np.zeros(2, int)
  replies = own.ask_dense(alone, frame_idx, np.arange(2))
  # As many rows as windows are read at once, more share what is read before.
  shared = own.ask_dense(np.zeros(3, int), frame_idx, np.array([1, 0, 1]))
  for row, idx in enumerate(frame_idx):
    rows = plain.apply(video.features[None, idx], method='dense_rows')
    answer = plain.answer(rows[0])
    for reply in (replies[row], shared[1 - row]):
      same(reply, answer)
  # The first four of six windows, repeated as they are in a call.
  shown = np.array([0, 0, 1, 1])
  tokens = np.zeros((4, 6, tiny().llm.width), np.float32)
  tokens[1, :4] = own.encode(alone, frame_idx)[shown]
  is_shown = np.arange(6) < np.array([[6], [4], [1], [6]])
  reply = own.ask_sparse(2, np.zeros(4, int), tokens, is_shown)[1]
  plain = Plain(model, folder, 'long_6')
  rows = plain.apply(
    video.features[frame_idx[shown]][None],
    words[None],
    np.ones((1, len(words)), bool),
    method='window_rows',
  )
  same(reply, plain.answer(rows[0]))


def test_an_answer_is_a_span_that_can_be_or_not_present(model):
  video = features(60)
  own, _ = asked(model, video)
  frame_idx = np.random.default_rng(0).integers(0, 60, (8, 5))
  alone = np.zeros(8, int)
  dense = own.ask_dense(alone, frame_idx, np.arange(8))
  told = [reply.answer for reply in dense]
  tokens = np.random.default_rng(0).normal(0, 3, (4, 12, tiny().llm.width))
  is_shown = np.arange(12) < np.array([[1], [4], [9], [12]])
  placed = own.ask_sparse(3, alone[:4], tokens.astype(np.float32), is_shown)
  told += [reply.answer for reply in placed]
  limits = [(4, 0)] * 8 + [(n, 1) for n in (1, 4, 9, 12)]
  for answer, (most, gap) in zip(told, limits, strict=True):
    if answer != 'Not Present':
      found = re.fullmatch(r'From (\d+) to (\d+)\.', answer)
      first, last = map(int, found.groups())
      assert first + gap <= last <= most


@pytest.mark.parametrize(
  'options',
  [
    {'search': 'dense'},
    {'search': 'sparse', 'levels': 2},
    {'search': 'released'},
    {'levels': 0},
    {'budget': 'frames=5,sequences=9'},
  ],
)
def test_each_search_answers_and_says_what_it_took(model, options):
  found = model.ground(features(100), [QUERY, 'a cat'], top_k=2, **options)
  assert [one.query for one in found] == sorted(
    (one.query for one in found), key=[QUERY, 'a cat'].index
  )
  for one in found:
    assert one.system == 'revisionllm' and one.cost['sequences'] > 0
    assert one.cost['tflop'] > 0
    if isinstance(one, Moment):
      assert 0 <= one.score <= 1 and one.end_s <= 50
    if 'budget' in options:
      assert one.cost['frames'] <= 5 and one.cost['sequences'] <= 9


SEVERAL = [QUERY, 'a cat', 'a very small bird that sits on a wall', 'a car']


@pytest.mark.parametrize('search', ['top_down', 'dense', 'released'])
def test_queries_asked_together_are_answered_as_alone(model, search):
  options = {'search': search, 'top_k': 3}
  together = model.ground(features(90), [*SEVERAL, QUERY], **options)
  alone = [
    found
    for query in [*SEVERAL, QUERY]
    for found in model.ground(features(90), query, **options)
  ]
  assert len(together) == len(alone)
  for one, other in zip(together, alone, strict=True):
    told, wanted = one.to_json(), other.to_json()
    assert told['score'] == pytest.approx(wanted['score'], rel=1e-4)
    for document in (told, wanted):
      del document['score'], document['cost']['seconds']
    assert told == wanted


def test_the_compiled_search_finds_what_the_host_does(model):
  before = compiled.n_compiled_searches()
  # One sparse level, and as many windows as one table holds.
  for n, budget in ((60, None), (75, 'calls=9,frames=20')):
    told = []
    for search in ('compiled', 'top_down'):
      found = model.ground(
        features(n, seed=n),
        SEVERAL[:2],
        search=search,
        levels=2,
        budget=budget,
        top_k=8,
      )
      told.append([one.to_json() for one in found])
    assert compiled.n_compiled_searches() == before + 1
    assert len(told[0]) == len(told[1]), budget
    for one, other in zip(*told, strict=True):
      assert one['score'] == pytest.approx(other['score'], rel=1e-4)
      for document in (one, other):
        # Both start with windows that the one before has encoded.
        del document['score'], document['cost']['seconds']
        for unit in ('encodings', 'tflop'):
          del document['cost'][unit]
      assert one == other
  for refused in ({'mode': 'generate'}, {'budget': 'seconds=3'}):
    with pytest.raises(BadInput, match="search 'compiled' cannot have"):
      model.ground(features(20), QUERY, search='compiled', **refused)


def test_what_is_quoted_is_what_is_read(model):
  video = features(100)
  (found,) = model.ground(video, QUERY, search='dense')
  quote = model.quote(video, QUERY, search='dense')
  for name in ('sequences', 'prefill_tokens', 'frames'):
    assert getattr(quote.most, name) == found.cost[name], name


def test_windows_are_encoded_once_for_a_query(model):
  video = features(100)
  first, again = (model.ground(video, 'a bird', top_k=1)[0] for _ in range(2))
  assert first.cost['encodings'] > 0 and again.cost['encodings'] == 0
  assert first.score == again.score


def test_a_video_made_ready_costs_every_search_the_same(model):
  video = features(100)
  costs = []
  for _ in range(2):
    model.ready(video)
    (found,) = model.ground(video, 'a bird')
    costs.append(found.cost['encodings'])
  assert costs[0] == costs[1] > 0


def test_moments_are_ranked_by_their_frames_too(model):
  video = features(100)
  options = {'search': 'dense', 'top_k': 64}
  alone = model.ground(video, QUERY, rank='confidence', **options)
  both = model.ground(video, QUERY, **options)
  (words,) = model.known.words([QUERY])
  factor = alike(video, words)
  expected = {(m.start_s, m.end_s): m.score * factor(m) for m in alone}
  assert {(m.start_s, m.end_s): m.score for m in both} == expected
  scores = [m.score for m in both]
  assert len(scores) > 2 and scores == sorted(scores, reverse=True)
  best = model.ground(video, QUERY, search='dense')
  assert best[0].score == scores[0]


def test_likeness_asks_no_language_model(model):
  video = features(100)
  found = model.ground(video, QUERY, search='likeness', top_k=3)
  assert [one.score for one in found] == sorted(
    (one.score for one in found), reverse=True
  )
  assert found[0].cost['sequences'] == found[0].cost['tflop'] == 0
  assert model.quote(video, QUERY, search='likeness').most.sequences == 0


def test_a_low_score_is_an_absence(model):
  found = model.ground(features(100), [QUERY, 'a cat'], absent_below=1.0)
  assert [type(one) for one in found] == [Absent, Absent]
  assert all(one.threshold == 1 and one.looked_at > 0 for one in found)


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    ({'search': 'deep'}, "search 'deep' is unknown"),
    ({'rank': 'luck'}, "rank 'luck' is unknown"),
    ({'search': 'dense', 'levels': 2}, "search 'dense' has its own levels"),
    ({'search': 'likeness', 'budget': 'frames=1'}, "search 'likeness' looks"),
    ({'levels': 9}, "levels is 9; search 'top_down' has 0 to 8"),
    ({'budget': 'frames'}, "the budget 'frames' is none"),
    ({'budget': {'euros': 3}}, "budget of 'euros' is unknown"),
    ({'top_k': 0}, 'top_k is 0'),
  ],
)
def test_options_that_cannot_be_are_refused(model, options, said):
  with pytest.raises(BadInput, match=re.escape(said)):
    model.ground(features(20), QUERY, **options)
  if 'top_k' not in options:
    check = model.benchmark_options['best'].checks['ground']
    with pytest.raises(BadInput, match=re.escape(said)):
      check(options)


def test_features_of_another_kind_are_refused(model):
  wrong = EvenFeatures(features=np.zeros((9, 8), np.float32), fps=5.0)
  with pytest.raises(BadInput, match='of 5 frames per second, the network'):
    model.ground(wrong, QUERY)
  wrong = EvenFeatures(features=np.zeros((9, 4), np.float32), fps=2.0)
  with pytest.raises(BadInput, match='have 4 channels, the network reads 8'):
    model.ground(wrong, QUERY)


def test_an_indexed_video_is_not_read_again(folder, videos, tmp_path):
  video = shutil.copy(videos / 'b.mp4', tmp_path / 'b.mp4')
  own = grounder.load(folder)
  (new,) = own.ground(video, QUERY)
  assert cli.main(['index', str(video), '--model', str(folder)]) == 0
  state = video.stat()
  video.write_bytes(b'x' * state.st_size)
  os.utime(video, ns=(state.st_atime_ns, state.st_mtime_ns))
  (indexed,) = own.ground(video, QUERY)
  assert indexed.score == pytest.approx(new.score, rel=1e-2)  # of 16 bits
  os.utime(video)
  with pytest.raises(BadInput, match='b.mp4 cannot be read as a video'):
    own.ground(video, QUERY)


def vtg(capsys, *arguments):
  assert cli.main([str(a) for a in arguments]) == 0
  return json.loads(capsys.readouterr().out)


def test_files_are_grounded_and_searched(folder, videos, tmp_path, capsys):
  options = ('--model', folder, '--json')
  plot = tmp_path / 'timeline.png'
  video = videos / 'a.mp4'
  new = vtg(capsys, 'ground', video, QUERY, *options, '--plot', plot)
  assert new['duration_s'] == 30.0 and plot.stat().st_size > 1000
  assert cli.main(['search', str(videos), QUERY, '--model', str(folder)]) == 2
  assert 'holds no index' in capsys.readouterr().err
  assert cli.main(['index', str(videos), '--model', str(folder)]) == 0
  capsys.readouterr()
  indexed = vtg(capsys, 'ground', video, QUERY, *options)
  for one in (new, indexed):
    (answer,) = one['moments']
    del answer['cost']['seconds']
  assert indexed == new
  found = vtg(capsys, 'search', videos, QUERY, *options)['found']
  assert {one['video'] for one in found} == {
    str(videos / name) for name in ('a.mp4', 'b.mp4')
  }
  (same_video,) = [one for one in found if one['video'] == str(video)]
  assert same_video['score'] == indexed['moments'][0]['score']
  assert [one['absent'] for one in found] == sorted(
    one['absent'] for one in found
  )
  short = ('--videos', 1, '--top-k', 1)
  (best,) = vtg(capsys, 'search', videos, QUERY, *options, *short)['found']
  assert best['cosine'] == max(one['cosine'] for one in found)
