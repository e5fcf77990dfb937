"""TimeChat answers about real files, well formed, each read once."""

import dataclasses
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from input_pipeline.encode_video import Encoding
from input_pipeline.video import Resize, open_video
from tests.systems.announced import check_announced
from tests.systems.golden_folder import random_params
from tests.systems.timechat import golden
from tests.systems.timechat.golden import GOLDEN
from vtg_jax.convert.checkpoint import save_checkpoint
from vtg_jax.decode.greedy import GreedyConfig
from vtg_jax.decode.padded_rows import write_after_rows
from vtg_jax.errors import BadInput
from vtg_jax.llm.decoder import Decoder
from vtg_jax.llm.decoder_config import NewWords
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.moments import Absent, Moment
from vtg_jax.nn.compute import Compute
from vtg_jax.systems import registry
from vtg_jax.systems.timechat import chat, prompt
from vtg_jax.systems.timechat.asker import Asker
from vtg_jax.systems.timechat.frames import ShownFrames
from vtg_jax.systems.timechat.grounder import TimeChatGrounder
from vtg_jax.systems.timechat.model import TimeChat, param_shapes
from vtg_jax.systems.timechat.replay.golden_set import GoldenSet
from vtg_jax.systems.timechat.rows import lay_out
from vtg_jax.systems.timechat.time_words import TIME_WORDS
from vtg_jax.systems.timechat.wording import Wording
from vtg_jax.systems.vocabularies import TOKENIZER, VOCABULARY
from vtg_jax.systems.writing import Draws
from vtg_jax.testing.numbered_video import write_numbered_video

FRAME_TOKENS = 12


@functools.cache
def golden_set():
  return GoldenSet(GOLDEN)


@pytest.fixture(scope='module')
def grounder():
  g = golden_set()
  return TimeChatGrounder(g.config, g.params, g.tokenizer, g.bert)


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
  """Four seconds, 10 frames a second."""
  path = tmp_path_factory.mktemp('clips') / 'four seconds.mp4'
  write_numbered_video(path, 40, Encoding(gop=20), width=64, height=48)
  return path


@pytest.fixture(scope='module')
def video(grounder, clip):
  return grounder.open_video(clip)


@pytest.fixture(scope='module')
def short(grounder, tmp_path_factory):
  """Three frames, fewer than are shown of others."""
  path = tmp_path_factory.mktemp('clips') / 'short.mp4'
  write_numbered_video(path, 3, Encoding(), width=64, height=48)
  return grounder.open_video(path)


def test_all_frames_that_are_shown_are_announced(grounder, clip):
  check_announced(grounder, clip, 'a dog runs')


def written_whole(grounder, video, question):
  """What is written after the whole prompt, read at once and not padded."""
  config, wording = grounder.config, grounder.asker.wording
  shown = grounder.asker.shown(video, 'timestamp')
  rows = wording.time_rows(shown)
  longest = max(map(len, rows))
  time_ids = np.array([row + [0] * (longest - len(row)) for row in rows])
  time_mask = np.array([[1] * len(r) + [0] * (longest - len(r)) for r in rows])
  model = TimeChat(config, Compute())
  variables = {'params': grounder.asker.params}
  tokens = jax.jit(functools.partial(model.apply, method='see'))(
    variables,
    video.get(shown.ids)[None],
    time_ids[None],
    time_mask[None].astype(bool),
  )
  text = chat.asked(question, chat.frames_message(shown.times_s))
  before, after = prompt.prompt_ids(wording.tokenizer, text)
  video_id = wording.tokenizer.vocab_size
  ids = [*before, *[video_id] * tokens.shape[1], *after]
  laid = lay_out([ids], video_id)
  embeds = model.apply(
    variables,
    jnp.asarray(laid.input_ids),
    jnp.asarray(laid.places),
    tokens,
    method='embed_rows',
  )
  greedy = GreedyConfig(
    max_new_tokens=FRAME_TOKENS, eos_id=2, stop_ids=(), pad_id=0
  )
  decoder = Decoder(config.llm, Compute())
  write = jax.jit(functools.partial(write_after_rows, decoder, greedy=greedy))
  return write(
    grounder.asker.params['llm'],
    embeds,
    jnp.asarray(laid.attention_mask),
    jnp.asarray(laid.positions),
  )


@pytest.mark.parametrize('which', ['video', 'short'])
def test_what_is_kept_of_a_video_changes_no_answer(which, grounder, request):
  video = request.getfixturevalue(which)
  (one,) = grounder.asker.write(
    video,
    'timestamp',
    ['describe the video.'],
    max_tokens=FRAME_TOKENS,
    draws=Draws(),
  )
  whole = written_whole(grounder, video, 'describe the video.')
  n = int(whole.length[0])
  assert one.ids == whole.ids[0, :n].tolist()
  np.testing.assert_allclose(
    one.log_probs, whole.token_log_probs[0, :n], atol=1e-4
  )


def test_times_are_well_formed_whatever_the_weights(grounder, video):
  queries = [f'person takes a cup {i}' for i in range(8)]
  for temperature in (0.0, 9.0):
    found = grounder.ground(video, queries, temperature=temperature)
    assert [one.query for one in found] == queries
    for one in found:
      assert isinstance(one, Moment)
      assert 0 <= one.start_s <= one.end_s <= video.duration_s
      assert 0 < one.score <= 1
      assert one.start_s == round(one.start_s, 1)


def test_a_video_is_read_once_and_queries_do_not_see_each_other(grounder, clip):
  video = grounder.open_video(clip)
  before = grounder.asker.n_read
  together = grounder.ground(video, ['a cup', 'the sofa'])
  assert grounder.asker.n_read == before + 1
  assert video.decoded == grounder.config.n_frames
  alone = grounder.ground(video, 'the sofa')
  assert grounder.asker.n_read == before + 1
  assert (together[1].start_s, together[1].end_s) == (
    alone[0].start_s,
    alone[0].end_s,
  )
  assert together[1].score == pytest.approx(alone[0].score, rel=1e-3)


def test_events_are_told_in_seconds_of_the_video(grounder, video):
  events = grounder.dense_caption(video, max_tokens=FRAME_TOKENS * 2)
  for event in events:
    assert 0 <= event.start_s <= event.end_s <= video.duration_s
    assert event.text


def test_highlights_are_asked_for_each_query(grounder, video):
  queries = ['a cup', 'the sofa']
  for mode, max_tokens in (('score', 110), ('generate', FRAME_TOKENS)):
    found = grounder.highlights(
      video,
      queries,
      template='highlights of %s?',
      max_tokens=max_tokens,
      mode=mode,
    )
    assert [one.query for one in found] == queries
    for one in found:
      assert 0 < one.score <= 1
      assert all(0 <= time_s <= video.duration_s for time_s in one.times_s)
      assert all(1 <= saliency <= 5 for saliency in one.saliency)
      # Its grammar always tells some, whatever the weights.
      assert mode == 'generate' or one.times_s
  with pytest.raises(BadInput, match='too few for one highlight'):
    grounder.highlights(video, queries, template='%s?', max_tokens=20)


def test_the_words_around_times_are_those_of_the_answers(grounder):
  wording = grounder.asker.wording
  follow = wording.tokenizer.encode_continuation
  said = '1.5 - 2.5 seconds, a cat sits. 3.0 - 3.5 seconds, it runs.'
  lead, middle, after = wording.event_words
  ids = follow(chat.ANSWERED, f' {said}')
  assert wording.text([*ids, 2, 7]) == said
  assert tuple(ids[: len(lead)]) == lead
  assert tuple(ids[len(lead) + 3 :][: len(middle)]) == middle
  assert tuple(ids[len(lead) + len(middle) + 6 :][: len(after)]) == after
  assert wording.span_words.after[-1] == wording.tokenizer.eos_id


def test_a_saved_checkpoint_answers_the_same(grounder, clip, tmp_path):
  g = golden_set()
  save_checkpoint(
    tmp_path / 'saved',
    jax.tree.map(np.asarray, g.params),
    {'system': 'timechat', 'notice': 'a test', 'model': g.config.to_dict()},
    tokenizer_files={
      TOKENIZER: GOLDEN / 'llama_tokenizer.model',
      VOCABULARY: GOLDEN / 'bert_vocab.txt',
    },
  )
  loaded = registry.load(tmp_path / 'saved')
  assert (loaded.system, loaded.notice) == ('timechat', 'a test')
  assert loaded.config == g.config
  assert isinstance(loaded.asker, Asker)
  assert loaded.ground(clip, 'a cup') == grounder.ground(clip, 'a cup')


def test_what_cannot_be_asked_is_bad_input(grounder, video, clip):
  for change, said in (
    ({'mode': 'guess'}, 'mode'),
    ({'sampling': 'odd'}, 'sampling'),
    ({'top_k': 0}, 'top_k is 0'),
    ({'temperature': -1.0}, 'temperature'),
    ({'top_p': 0.0}, 'top_p is 0.0'),
    ({'absent_below': 2.0}, 'absent_below'),
  ):
    with pytest.raises(BadInput, match=said):
      grounder.ground(video, 'a cup', **change)
  with pytest.raises(BadInput, match='<ImageHere>'):
    grounder.ground(video, 'a <ImageHere>')
  with pytest.raises(BadInput, match='positions; shorten the question'):
    grounder.ground(video, 'a cup ' * 200)
  cropped = open_video(clip, resize=Resize(size=grounder.frame_size))
  with pytest.raises(BadInput, match="by 'stretch'; open it with open_video"):
    grounder.ground(cropped, 'a cup')


def test_released_prompts_are_not_those_of_training():
  g = golden_set()
  assert golden.TOLD['eval']['system'] == chat.EVAL_SYSTEM
  trained = dataclasses.replace(g.config, prompts='as_trained')
  released, own = (
    Wording(config, g.tokenizer, g.bert) for config in (g.config, trained)
  )
  assert len(released.before_ids) > len(own.before_ids)
  text = chat.learnt_text(
    [('when?', 'now.')], chat.frames_message([0.5]), n_placeholders=1
  )
  ids, labels = prompt.learnt_rows(g.tokenizer, text, most=500)
  first = next(i for i, label in enumerate(labels) if label >= 0)
  after = own.question_ids('when?', ShownFrames(np.array([5]), [0.5], 4.0))
  assert [*own.before_ids, g.tokenizer.vocab_size, *after] == ids[:first]


@pytest.fixture(scope='module')
def coded():
  """The same network with rows for the words of places."""
  g = golden_set()
  words = TIME_WORDS['codes'].added_words
  behind = NewWords(first=g.tokenizer.vocab_size + 1, count=10)
  config = dataclasses.replace(
    g.config,
    llm=dataclasses.replace(g.config.llm, new_words=behind),
    places='codes',
    qformer_time_format='relative_text',
    prompts='as_trained',
  )
  tokenizer = SentencePieceTokenizer(
    GOLDEN / 'llama_tokenizer.model', legacy=False, extra_tokens=words
  )
  params = random_params(param_shapes(config))
  return TimeChatGrounder(config, params, tokenizer, g.bert)


def test_places_are_answers_with_their_doubt(coded, video):
  queries = ['a cup', 'the sofa']
  found = coded.ground(video, queries, top_k=2)
  assert [one.query for one in found] == ['a cup'] * 2 + ['the sofa'] * 2
  for best, other in zip(found[::2], found[1::2], strict=True):
    assert 1 >= best.score >= other.score > 0
    assert 0 <= best.start_s <= best.end_s <= video.duration_s
    assert best.start_range_s[0] <= best.start_range_s[1]
    assert best.range_level and other.range_level is None
  (absent,) = coded.ground(video, 'a cup', absent_below=1.0)
  assert isinstance(absent, Absent)


def test_codes_are_well_formed_and_told_in_seconds(coded, video):
  (written,) = coded.asker.write(
    video,
    'timestamp',
    ['when?'],
    max_tokens=32,
    draws=Draws(9.0),
    words=coded.asker.wording.span_words,
  )
  text = coded.asker.wording.text(written.ids)
  assert re.fullmatch(r'(<\d>){4} - (<\d>){4}\.', text)


def test_highlights_in_codes_are_told_in_seconds(coded, video):
  (found,) = coded.highlights(
    video, 'a cup', template='%s?', max_tokens=110, temperature=9.0
  )
  assert found.times_s and len(found.times_s) == len(found.saliency)
  assert all(0 <= time_s <= video.duration_s for time_s in found.times_s)


def test_a_network_without_rows_for_the_words_is_refused(coded):
  config = dataclasses.replace(
    coded.config, llm=dataclasses.replace(coded.config.llm, new_words=None)
  )
  wording = coded.asker.wording
  with pytest.raises(BadInput, match='words of time'):
    Wording(config, wording.tokenizer, wording.bert)
