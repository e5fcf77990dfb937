"""Templates, tokens and labels: the reference's cases."""

import json
from pathlib import Path

import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.systems.grounded_videollm import prompt, rows

GOLDEN = Path(__file__).parents[2] / 'golden' / 'grounded_videollm'
CASES = json.loads((GOLDEN / 'cases.json').read_text())
CONFIG = json.loads((GOLDEN / 'config.json').read_text())
INPUTS = np.load(GOLDEN / 'inputs.npz')
OUTPUTS = np.load(GOLDEN / 'outputs.npz')
LLMS = ('phi3', 'llama3')


def tokenizer_of(llm, *, extra=True):
  words = time_tokens(CONFIG['num_temporal_tokens']) if extra else ()
  return JsonTokenizer(GOLDEN / f'tokenizer_{llm}.json', words)


@pytest.fixture(scope='module', params=LLMS)
def llm(request):
  return request.param


@pytest.fixture(scope='module')
def tokenizer(llm):
  return tokenizer_of(llm)


@pytest.fixture(scope='module')
def dialect(llm):
  return prompt.DIALECTS[llm]


def test_ids_follow_the_tokenizers_length(llm, tokenizer):
  sizes = CONFIG[llm]
  first, last = sizes['temporal_token_ids']
  assert tokenizer_of(llm, extra=False).vocab_size == first
  assert tokenizer.token_id('<0>') == first
  assert tokenizer.token_id(f'<{CONFIG["num_temporal_tokens"]}>') == last
  marker = tokenizer.token_id('<timestamp_grounding>')
  assert marker == sizes['grounding_token_id'] == tokenizer.vocab_size - 1


@pytest.mark.parametrize('case', CASES['grounding_marker_and_templates'])
def test_markers_and_templates(case):
  turns = prompt.marked(case['inp'])
  assert turns == case['out']
  assert prompt.conversation(turns, prompt.PHI3) == case['phi']
  assert prompt.conversation(turns, prompt.LLAMA3) == case['llama']


def test_tokens_and_labels(llm, tokenizer, dialect):
  for case in CASES[f'{llm}_tokenise_and_labels']:
    ids = rows.tokenize(case['text'], tokenizer)
    assert ids == case['input_ids']
    labels = rows.labels_of(case['text'], ids, tokenizer, dialect)
    assert labels == case['labels'], case['text']


def test_a_cut_batch(llm, tokenizer, dialect):
  case = CASES[f'{llm}_truncation_max_txt_len_40']
  made = rows.training_rows(case['texts'], tokenizer, dialect, max_tokens=40)
  np.testing.assert_array_equal(made.input_ids, case['input_ids'])
  np.testing.assert_array_equal(made.labels, case['labels'])
  np.testing.assert_array_equal(made.attention_mask, case['attention_mask'])


def test_the_batches_of_the_golden_set(llm, tokenizer, dialect):
  plain = tokenizer_of(llm, extra=False)
  for name, texts, own in (
    ('stage1', CASES[f'{llm}_stage1_text'], plain),
    ('sft', CONFIG[llm]['sft_texts'], tokenizer),
  ):
    made = rows.training_rows(texts, own, dialect, max_tokens=4096)
    for ours, theirs in (
      ('input_ids', 'input_ids'),
      ('labels', 'labels_text'),
      ('attention_mask', 'attention_mask_text'),
    ):
      np.testing.assert_array_equal(
        getattr(made, ours), INPUTS[f'{llm}.{name}.{theirs}']
      )
  made = rows.prompt_rows(
    CONFIG[llm]['prompts'], tokenizer, dialect, max_tokens=4096
  )
  np.testing.assert_array_equal(made.input_ids, INPUTS[f'{llm}.gen.input_ids'])


def golden_rows(llm, name):
  ids = INPUTS[f'{llm}.{name}.input_ids']
  if name == 'gen':
    first = (ids != CONFIG[llm]['tokenizer_pad_id']).argmax(1)
    mask = np.arange(ids.shape[1]) >= first[:, None]
    return rows.Rows(ids, np.full_like(ids, rows.IGNORE), mask)
  mask = INPUTS[f'{llm}.{name}.attention_mask_text'] > 0
  return rows.Rows(ids, INPUTS[f'{llm}.{name}.labels_text'], mask)


def test_the_video_takes_its_place(llm):
  n_video = OUTPUTS[f'{llm}.visual_tokens'].shape[1]
  sft = golden_rows(llm, 'sft')
  for text_only, labels, mask in (
    (None, 'sft.labels_spliced', 'sft.attention_mask_spliced'),
    ([True, False], 'textonly.labels_spliced', 'textonly.attention_mask'),
  ):
    made = rows.with_video(sft, n_video, 7, text_only=text_only)
    np.testing.assert_array_equal(made.labels, OUTPUTS[f'{llm}.{labels}'])
    np.testing.assert_array_equal(made.attention_mask, OUTPUTS[f'{llm}.{mask}'])
    for ids, start in zip(made.input_ids, made.video_start, strict=True):
      assert (ids[start : start + n_video] == 7).all()
      assert rows.VIDEO_ID not in ids
  made = rows.with_video(golden_rows(llm, 'gen'), n_video, 7)
  mask = OUTPUTS[f'{llm}.gen.attention_mask']
  np.testing.assert_array_equal(made.attention_mask, mask)


def test_a_row_cut_before_its_video_is_bad_input(llm):
  cut = rows.Rows(*(x[:, :20] for x in golden_rows(llm, 'sft')))
  with pytest.raises(BadInput, match='cut in front'):
    rows.with_video(cut, 5, 0)


def test_prompts(llm, dialect):
  when, what = CONFIG[llm]['prompts']
  question = when.partition('<timestamp_grounding>\n')[2]
  question = question.removesuffix(dialect.separator)
  assert prompt.asked(question, dialect, when=True) == when
  question = 'What is happening from <3> to <9>?'
  assert prompt.asked(question, dialect, when=False) == what


def test_decoding(llm, tokenizer):
  for case in CASES[f'{llm}_decode']:
    assert tokenizer.decode(case['ids']) == case['text']


def test_a_text_holds_one_video(tokenizer, dialect):
  for text in ('no video', f'{prompt.VIDEO} and {prompt.VIDEO}'):
    with pytest.raises(BadInput, match='exactly one'):
      rows.training_rows([text], tokenizer, dialect, max_tokens=10)


def test_no_tokenizer_is_one_sentence(tmp_path):
  path = tmp_path / 'tokenizer.json'
  path.write_text('{"model": 1}')
  with pytest.raises(BadInput, match=r'no tokenizer\.json'):
    JsonTokenizer(path)
