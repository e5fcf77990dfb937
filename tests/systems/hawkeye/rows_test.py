"""Training rows against the recorded labels and masks."""

import json
from pathlib import Path

import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.hawkeye import rows

GOLDEN = Path(__file__).parents[2] / 'golden' / 'hawkeye'
ABOUT = json.loads((GOLDEN / 'config.json').read_text('utf-8'))
TOKENIZER = SentencePieceTokenizer(GOLDEN / 'llama_tokenizer.model')
CASES = {
  'train': [ABOUT['conversations'][i] for i in ABOUT['train_samples']],
  'multi': [ABOUT['conversations'][ABOUT['multi_sample']]],
  'plain': [ABOUT['plain_text']],
  'image': [ABOUT['image_conversation'][0]],
  'trunc': [ABOUT['conversations'][ABOUT['trunc_sample']]],
}
CUT = ABOUT['truncation_case_max_txt_len']
N_VIDEO, PAD = 10, 2


def lay_out(texts, *, max_text_tokens=140):
  return rows.training_rows(
    TOKENIZER,
    texts,
    n_video=N_VIDEO,
    max_text_tokens=max_text_tokens,
    pad_id=PAD,
  )


@pytest.mark.parametrize('name', CASES)
def test_labels_and_masks_are_the_recorded_ones(name):
  limit = CUT if name == 'trunc' else 140
  out = lay_out(CASES[name], max_text_tokens=limit)
  with np.load(GOLDEN / 'outputs.npz') as recorded:
    np.testing.assert_array_equal(out.labels, recorded[f'{name}_labels'])
    np.testing.assert_array_equal(
      out.attention_mask, recorded[f'{name}_attention_mask'].astype(bool)
    )


@pytest.mark.parametrize('name', CASES)
def test_a_row_is_bos_text_video_text(name):
  out = lay_out(CASES[name], max_text_tokens=300)
  inputs = np.load(GOLDEN / 'inputs.npz')
  for i, start in enumerate(out.video_start):
    before = inputs[f'{name}_p_before_ids_{i}']
    after = inputs[f'{name}_p_after_ids_{i}']
    ids = out.input_ids[i]
    assert start == 1 + len(before)
    assert ids[0] == TOKENIZER.bos_id
    np.testing.assert_array_equal(ids[1:start], before)
    text = ids[start + N_VIDEO :]
    np.testing.assert_array_equal(text[: len(after)], after)
    assert (text[len(after) :] == PAD).all()
    assert (out.labels[i, : start + N_VIDEO] == rows.IGNORE).all()


def test_learnt_labels_are_the_tokens_themselves():
  out = lay_out(CASES['train'])
  learnt = out.labels != rows.IGNORE
  np.testing.assert_array_equal(out.labels[learnt], out.input_ids[learnt])
  assert learnt.any(axis=1).all()
  assert not learnt[~out.attention_mask].any()


def test_roles_and_answers_are_learnt_and_questions_are_not():
  text = (
    '</Video> ###Human: What is it? ###Assistant: A man. '
    '###Human: And then? ###Assistant: He sits. ###'
  )
  ids = TOKENIZER.encode(text)
  labels = rows.label_after(TOKENIZER, text, ids)
  learnt = [i for i, label in zip(ids, labels, strict=True) if label != -100]
  told = TOKENIZER.decode(learnt)
  assert 'A man.' in told and 'He sits.' in told
  assert told.count('###Human:') == told.count('###Assistant:') == 2
  assert 'What' not in told and 'then' not in told and 'Video' not in told


def test_a_caption_is_learnt_but_for_its_end_tag():
  text = '</Video>the woman cuts an onion'
  ids = TOKENIZER.encode(text)
  n_tag = len(TOKENIZER.encode('</Video>'))
  labels = rows.label_after(TOKENIZER, text, ids)
  assert labels == [rows.IGNORE] * n_tag + ids[n_tag:]


@pytest.mark.parametrize(
  'text', ['no end tag', '</Video> a </Video>', '<Video></Video> </Image>', '']
)
def test_a_text_needs_exactly_one_end_tag(text):
  with pytest.raises(BadInput, match='must hold exactly one </Video>'):
    rows.split_at_video(text)


def test_turns_that_do_not_add_up_are_refused():
  text = '</Video> ###Human: What?  ###Assistant: A man. ###'
  ids = TOKENIZER.encode(text)
  with pytest.raises(BadInput, match='change the spacing around'):
    rows.label_after(TOKENIZER, text, [*ids, 5])


def test_a_row_cut_at_the_video_is_refused():
  (text,) = CASES['multi']
  n_before = len(TOKENIZER.encode(rows.split_at_video(text)[0]))
  out = lay_out([text], max_text_tokens=n_before + 1)
  assert out.input_ids.shape == (1, n_before + 1 + N_VIDEO)
  with pytest.raises(BadInput, match='leaves no room for the video'):
    lay_out([text], max_text_tokens=n_before)
