"""Tokens are those of transformers' CLIP tokenizer."""

import json

import pytest

from vtg_jax.systems.clip.words import ClipTokenizer


@pytest.mark.torch
def test_tokens_are_those_of_transformers(tmp_path):
  from transformers import CLIPTokenizer
  from transformers.models.clip.tokenization_clip import VOCAB_FILES_NAMES

  letters = 'abcdefghijklmnopqrstuvwxyz0123456789.,!?\'"Ã©'
  words = [*letters, *(f'{letter}</w>' for letter in letters)]
  merges = [('d', 'o'), ('do', 'g</w>'), ('t', 'h'), ('th', 'e</w>')]
  words += [''.join(merge) for merge in merges]
  words += ['<|startoftext|>', '<|endoftext|>']
  vocab, merged = (
    tmp_path / VOCAB_FILES_NAMES[name] for name in ('vocab_file', 'merges_file')
  )
  vocab.write_text(json.dumps({word: i for i, word in enumerate(words)}))
  lines = ['#version: 0.2', *map(' '.join, merges)]
  merged.write_text('\n'.join(lines) + '\n')
  theirs = CLIPTokenizer.from_pretrained(str(tmp_path))
  theirs.save_pretrained(str(tmp_path / 'saved'))
  ours = ClipTokenizer(tmp_path / 'saved' / 'tokenizer.json', max_tokens=12)
  assert ours.vocab_size == len(words)
  sentences = ['The dog.', "the  DOG's 12 dogs!?", 'café', 'the dog ' * 9]
  wanted = theirs(sentences, max_length=12, truncation=True).input_ids
  assert [ours.ids(sentence) for sentence in sentences] == wanted
  assert len(set(map(len, wanted))) > 2
  ids, mask = ours.rows(sentences)
  padded = theirs(
    sentences, max_length=12, truncation=True, padding='max_length'
  )
  assert ids.tolist() == padded.input_ids
  assert mask.astype(int).tolist() == padded.attention_mask
