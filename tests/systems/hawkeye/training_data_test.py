"""From annotation and video files to batches."""

import json
import pathlib
import random

import numpy as np
import pytest

from input_pipeline import hawkeye_samples
from input_pipeline.encode_video import Encoding
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments import coarse
from vtg_jax.systems.hawkeye import training_data
from vtg_jax.systems.hawkeye.rows import IGNORE
from vtg_jax.systems.hawkeye.training_data import DataOptions
from vtg_jax.testing.numbered_video import write_numbered_video

TOKENIZERS = (
  pathlib.Path(__file__).parents[3]
  / 'vtg_jax/checkpoints/hawkeye_small/tokenizers'
)
N_VIDEO = 4
CAPTION = hawkeye_samples.GroundedSentence(
  video='a.mp4',
  sentence='a red ball moves left',
  start_s=2.0,
  end_s=3.5,
  negative_end_s=8.0,
)


@pytest.fixture(scope='module')
def tokenizers():
  return (
    SentencePieceTokenizer(TOKENIZERS / 'tokenizer.model'),
    WordPieceTokenizer(TOKENIZERS / 'vocab.txt', ('[DEC]',)),
  )


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """A train.json of all objectives over two videos, and a broken third."""
  folder = tmp_path_factory.mktemp('data')
  videos = folder / 'videos'
  videos.mkdir()
  for name in ('a.mp4', 'b.mp4'):
    write_numbered_video(videos / name, 80, Encoding(fps=10))
  (videos / 'broken.mp4').write_bytes(b'no video')
  rng = random.Random(0)
  sentence = [CAPTION]
  items = [
    *hawkeye_samples.choice_items(sentence, ['Do it.'], ["When is '%s'?"], rng),
    *hawkeye_samples.caption_items(sentence, ['Tell me.'], rng),
    {
      'video': 'b.mp4',
      'start': 1.0,
      'end': 4.0,
      'QA': [{'i': 'Talk.', 'q': 'What is it?', 'a': 'A ball.'}],
    },
  ]
  (folder / 'train.json').write_text(json.dumps(items * 2))
  broken = [{**items[0], 'video': name} for name in ('broken.mp4', 'no.mp4')]
  (folder / 'broken.json').write_text(json.dumps(items[:2] + broken))
  return folder


def options(folder, annotations='train.json', loader=None, **changes):
  values = {
    'files': [
      {
        'annotations': str(folder / annotations),
        'videos': str(folder / 'videos'),
      }
    ],
    'n_frames': 4,
    'row_tokens': 400,
    'instruction_tokens': 64,
    'augment': {'size': 16},
    'loader': loader or {},
  }
  return DataOptions.from_dict(values | changes)


def batches(data, tokenizers, **changes):
  arguments = {'n_video': N_VIDEO, 'max_text_tokens': 512, 'pad_id': 2}
  return training_data.batches(
    data, *tokenizers, **arguments | {'batch_size': 2, 'seed': 0} | changes
  )


def same(one, other):
  assert one.keys() == other.keys()
  for name in one:
    np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_a_batch_has_the_shapes_that_the_step_takes(folder, tokenizers):
  batch = next(batches(options(folder), tokenizers))
  assert {name: (x.shape, str(x.dtype)) for name, x in batch.items()} == {
    'frames': ((2, 4, 16, 16, 3), 'uint8'),
    'input_ids': ((2, 400), 'int32'),
    'attention_mask': ((2, 400), 'bool'),
    'labels': ((2, 400), 'int32'),
    'video_start': ((2,), 'int32'),
    'text_ids': ((2, 64), 'int32'),
    'text_mask': ((2, 64), 'bool'),
    'objective': ((2,), 'int32'),
    'shows_target': ((2, 4), 'bool'),
  }


def test_an_epoch_holds_every_objective(folder, tokenizers):
  made = batches(options(folder), tokenizers)
  assert made.steps_per_epoch == 3
  seen = np.concatenate([next(made)['objective'] for _ in range(3)])
  assert sorted(seen) == [0, 0, 1, 1, 2, 2]


def learnt_text(batch, row, tokenizer):
  labels = batch['labels'][row]
  return tokenizer.decode(labels[labels != IGNORE].tolist())


def test_the_answer_is_learnt_and_padding_is_not(folder, tokenizers):
  made = batches(options(folder), tokenizers)
  for _ in range(3):
    batch = next(made)
    learnt = batch['labels'] != IGNORE
    assert (batch['labels'] == batch['input_ids'])[learnt].all()
    assert batch['attention_mask'][learnt].all()
    for row in range(2):
      text = learnt_text(batch, row, tokenizers[0])
      assert text.startswith('###Human:')
      assert text.endswith('###')
      kind = training_data.OBJECTIVES[batch['objective'][row]]
      if kind == 'grounding':
        assert any(answer in text for answer in coarse.TEXTS.values())
      else:
        told = {'caption': 'a red ball moves left', 'chat': 'A ball.'}[kind]
        assert f'###Assistant: {told} ###' in text


def test_every_epoch_draws_anew(folder, tokenizers):
  made = batches(options(folder), tokenizers)
  frames = [next(made)['frames'] for _ in range(6)]
  distinct = {x.tobytes() for batch in frames for x in batch}
  assert len(distinct) == 12


def test_the_evaluation_layout_teaches_the_searchs_prompt(folder, tokenizers):
  made = batches(options(folder, layout='evaluation'), tokenizers)
  seen = 0
  for _ in range(3):
    batch = next(made)
    for row in np.flatnonzero(batch['objective'] == 0):
      seen += 1
      ids = batch['input_ids'][row][batch['attention_mask'][row]]
      text = tokenizers[0].decode(ids.tolist())
      assert 'Only give the best option.\n###Assistant: Best option: (' in text
      answer = learnt_text(batch, row, tokenizers[0])
      assert answer[:3] in ('A) ', 'B) ', 'C) ', 'D) ')
      assert answer.endswith('.###')
  assert seen == 2


def test_unreadable_videos_are_replaced_and_counted(folder, tokenizers):
  data = options(folder, 'broken.json', {'max_bad_share': 1.0})
  made = batches(data, tokenizers, batch_size=4)
  batch = next(made)
  assert set(batch['objective']) <= {0, 1}
  assert made.replaced['video'] >= 2
  assert 'broken.mp4' in ' '.join(fault.message for fault in made.first_faults)


def test_too_many_unreadable_videos_end_the_run(folder, tokenizers):
  loader = {'max_bad_share': 0.1, 'bad_window': 4}
  data = options(folder, 'broken.json', loader)
  made = batches(data, tokenizers, batch_size=4)
  with pytest.raises(BadInput, match='cannot be used .*video'):
    next(made)


def test_a_text_longer_than_a_row_is_bad(folder, tokenizers):
  made = batches(options(folder, row_tokens=20), tokenizers)
  with pytest.raises(BadInput, match='larger row_tokens'):
    next(made)


def test_hosts_share_the_batches_of_one(folder, tokenizers):
  data = options(folder)
  whole = batches(data, tokenizers)
  parts = [
    batches(data, tokenizers, process_index=host, process_count=2)
    for host in range(2)
  ]
  for _ in range(4):
    joined = [next(part) for part in parts]
    same(
      next(whole),
      {name: np.concatenate([p[name] for p in joined]) for name in joined[0]},
    )


def test_resuming_gives_the_batches_that_would_have_come(folder, tokenizers):
  made = batches(options(folder), tokenizers)
  for _ in range(2):
    next(made)
  state = json.loads(json.dumps(made.get_state()))
  resumed = batches(options(folder), tokenizers)
  resumed.set_state(state)
  for _ in range(4):
    same(next(made), next(resumed))
  assert resumed.get_state() == made.get_state()


@pytest.mark.parametrize('n_workers', [1, 2])
def test_worker_processes_change_no_batch(folder, tokenizers, n_workers):
  want = batches(options(folder), tokenizers)
  made = batches(options(folder, loader={'n_workers': n_workers}), tokenizers)
  try:
    for _ in range(3):
      same(next(want), next(made))
    made.set_state(want.get_state())
    same(next(want), next(made))
  finally:
    made.close()


@pytest.mark.parametrize(
  ('changes', 'match'),
  [
    ({'layout': 'mine'}, 'layout'),
    ({'n_frames': 0}, 'n_frames'),
    ({'augment': {'size': 16, 'flip': 'up'}}, 'flip'),
    ({'clip': {'view_share': 2.0}}, 'view_share'),
    ({'clip': {'crop': 'x'}}, 'crop'),
    ({'unknown': 1}, 'unknown'),
  ],
)
def test_wrong_options_are_named(folder, changes, match):
  with pytest.raises(BadInput, match=match):
    options(folder, **changes)


def test_nothing_to_train_on_is_refused(folder, tokenizers):
  with pytest.raises(BadInput, match='nothing to train on'):
    batches(options(folder, files=[]), tokenizers)
