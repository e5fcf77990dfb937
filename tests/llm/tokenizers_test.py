"""Tokenizers against recorded ids, and at the edges of texts."""

import json
from pathlib import Path

import numpy as np
import pytest

from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.systems.registry import CHECKPOINTS

GOLDEN = Path(__file__).parents[1] / 'golden' / 'hawkeye'
ABOUT = json.loads((GOLDEN / 'config.json').read_text('utf-8'))
INPUTS = dict(np.load(GOLDEN / 'inputs.npz'))
MODEL, VOCAB = GOLDEN / 'llama_tokenizer.model', GOLDEN / 'bert_vocab.txt'
LLAMA = SentencePieceTokenizer(MODEL)
BERT = WordPieceTokenizer(VOCAB, ['[DEC]'])


def halves(text):
  end = '</Image>' if '</Image>' in text else '</Video>'
  before, after = text.split(end)
  return before, end + after


TEXTS = {
  'train_0': ABOUT['conversations'][ABOUT['train_samples'][0]],
  'train_1': ABOUT['conversations'][ABOUT['train_samples'][1]],
  'multi_0': ABOUT['conversations'][ABOUT['multi_sample']],
  'plain_0': ABOUT['plain_text'],
  'image_0': ABOUT['image_conversation'][0],
  'trunc_0': ABOUT['conversations'][ABOUT['trunc_sample']],
}


@pytest.mark.parametrize('name', TEXTS)
def test_conversations_have_the_recorded_ids(name):
  case, number = name.split('_')
  for half, text in zip(('before', 'after'), halves(TEXTS[name]), strict=True):
    want = INPUTS[f'{case}_p_{half}_ids_{number}'].tolist()
    assert LLAMA.encode(text) == want


@pytest.mark.parametrize('name', ABOUT['prompts'])
def test_prompts_have_the_recorded_ids(name):
  before, after = ABOUT['prompts'][name].split('<VideoHere>')
  assert LLAMA.encode(before, bos=True) == INPUTS[f'{name}_seg0_ids'].tolist()
  assert LLAMA.encode(after) == INPUTS[f'{name}_seg1_ids'].tolist()


def test_instructions_have_the_recorded_ids():
  rows = INPUTS['qformer_input_ids'], INPUTS['qformer_text_attention_mask']
  for index, ids, mask in zip(ABOUT['train_samples'], *rows, strict=True):
    got = BERT.encode(ABOUT['instructions'][index], max_length=140)
    assert got == ids[mask == 1].tolist()
    assert (ids[mask == 0] == BERT.pad_id).all()
  image = BERT.encode(ABOUT['image_instruction'], max_length=140)
  assert image == INPUTS['image_qformer_input_ids'][0].tolist()


def test_long_instructions_lose_their_first_words():
  cut = ABOUT['bert_left_trunc']
  got = BERT.encode(cut['text'], max_length=cut['max_length'])
  assert got == INPUTS['bert_left_trunc_ids'][0].tolist()
  assert len(got) == cut['max_length']
  assert BERT.encode(cut['text'], max_length=2) == BERT.encode('', max_length=9)


def test_the_empty_instruction_is_two_marks():
  got = BERT.encode('', max_length=140)
  assert got == INPUTS['empty_qformer_input_ids'][0].tolist()
  assert got == [BERT.cls_id, BERT.sep_id]


def test_the_extra_token_is_the_last_one_and_not_added_twice(tmp_path):
  words = VOCAB.read_text('utf-8').split('\n')[:-1]
  assert BERT.vocab_size == ABOUT['bert_vocab_with_dec']
  assert BERT.encode('[DEC]', max_length=9)[1] == BERT.vocab_size - 1
  assert '[DEC]' in words or BERT.vocab_size == len(words) + 1
  with_dec = [w for w in words if w != '[DEC]'] + ['[DEC]']
  path = tmp_path / 'vocab.txt'
  path.write_text('\n'.join(with_dec), 'utf-8')
  again = WordPieceTokenizer(path, ['[DEC]'])
  assert again.vocab_size == len(with_dec)
  assert again.encode('[DEC]', max_length=9)[1] == len(with_dec) - 1


def test_case_and_line_breaks_do_not_matter_to_bert():
  want = BERT.encode('the video clip', max_length=20)
  assert BERT.encode('The\nVIDEO  clip\n', max_length=20) == want


def test_an_unknown_word_is_unk():
  unknown = BERT.encode('\u4e2d', max_length=9)
  assert unknown == [BERT.cls_id, unknown[1], BERT.sep_id]
  assert unknown[1] == BERT.encode('[UNK]', max_length=9)[1]


def test_the_empty_text_has_no_ids():
  assert LLAMA.encode('') == []
  assert LLAMA.encode('', bos=True) == [LLAMA.bos_id]
  assert LLAMA.decode([]) == ''
  assert LLAMA.encode_continuation('', '') == []


def test_control_tokens_in_a_text_count_as_such():
  assert LLAMA.encode('</s>') == [LLAMA.eos_id]
  first, second = LLAMA.encode('the video'), LLAMA.encode('the clip')
  assert LLAMA.encode('the video</s>the clip') == [
    *first,
    LLAMA.eos_id,
    *second,
  ]
  assert LLAMA.encode('<s></s>') == [LLAMA.bos_id, LLAMA.eos_id]


def test_decoding_writes_control_tokens_out():
  ids = LLAMA.encode('the video')
  assert LLAMA.decode(ids) == 'the video'
  assert LLAMA.decode([*ids, LLAMA.eos_id]).replace(' ', '') == 'thevideo</s>'
  assert '<s>' in LLAMA.decode([LLAMA.bos_id, *ids])


@pytest.mark.parametrize('name', ['gen', 'gen_sysq', 'gen_noprompt'])
def test_generated_ids_read_as_the_recorded_text(name):
  with np.load(GOLDEN / 'outputs.npz') as outputs:
    ids = outputs[f'{name}_tokens'].tolist()
  assert ids[0] == LLAMA.bos_id
  text = LLAMA.decode(ids[1:]).split('###')[0].split('Assistant:')[-1].strip()
  told = ABOUT['generation'][name]['text']
  assert text == told or f'({text}' == told


def test_unicode_survives_the_round_trip():
  text = 'caf\u00e9 \u4e2d\u6587 \U0001f3ac'
  assert LLAMA.decode(LLAMA.encode(text)) == text


@pytest.mark.parametrize(
  ('before', 'text'),
  [
    ('###Assistant: (', 'A) In the middle of the video.'),
    ('the', ' video'),
    ('the vid', 'eo'),
    ('the video', '</s>'),
    ('', 'the video'),
    ('##', '#'),
  ],
)
def test_a_continuation_reads_on_without_a_gap(before, text):
  head = LLAMA.encode(before)
  tail = LLAMA.encode_continuation(before, text)
  joined = LLAMA.decode(head + tail)
  assert joined.replace(' </s>', '</s>') == before + text


def test_a_continuation_is_the_rest_of_the_whole_where_nothing_merges():
  before, text = 'the video', ' clip'
  whole = LLAMA.encode(before + text)
  assert LLAMA.encode(before) + LLAMA.encode_continuation(before, text) == whole


def test_a_continuation_that_would_merge_leaves_the_prompt_as_it_is():
  before, text = '#', '##'
  assert LLAMA.encode(before + text)[: len(LLAMA.encode(before))] != (
    LLAMA.encode(before)
  )
  ids = LLAMA.encode(before) + LLAMA.encode_continuation(before, text)
  assert LLAMA.decode(ids) == '###'


def test_half_a_character_is_told_in_one_sentence():
  folder = CHECKPOINTS / 'grounded_videollm_small/tokenizers'
  phi = JsonTokenizer(folder / 'tokenizer.json')
  text = json.loads(r'"a dog \ud83d runs"')  # cut in the middle of an emoji
  for encode in (
    LLAMA.encode,
    phi.encode,
    lambda t: BERT.encode(t, max_length=9),
  ):
    with pytest.raises(BadInput, match=r"a dog .ud83d runs' holds half a char"):
      encode(text)


def test_a_damaged_model_file_is_told_in_one_sentence(tmp_path):
  path = tmp_path / 'tokenizer.model'
  for damaged in (b'', b'not a model', MODEL.read_bytes()[:1000]):
    path.write_bytes(damaged)
    with pytest.raises(BadInput, match='tokenizer.model.* is not a Sentence'):
      SentencePieceTokenizer(path)


def test_a_vocabulary_without_its_marks_is_told_in_one_sentence(tmp_path):
  path = tmp_path / 'vocab.txt'
  path.write_text('the\nvideo\n[CLS]\n', 'utf-8')
  with pytest.raises(BadInput, match=r'lacks \[SEP\], \[PAD\], \[UNK\]; give'):
    WordPieceTokenizer(path)
  path.write_bytes(b'\xff\xfe\x00\x81')
  with pytest.raises(BadInput, match='is not UTF-8 text'):
    WordPieceTokenizer(path)


def test_a_missing_file_stays_an_os_error(tmp_path):
  with pytest.raises(FileNotFoundError):
    SentencePieceTokenizer(tmp_path / 'tokenizer.model')
  with pytest.raises(FileNotFoundError):
    WordPieceTokenizer(tmp_path / 'vocab.txt')
