"""Lists of JSON that are read item by item, against the whole at once."""

import json
import os
import pickle
import tracemalloc

import hypothesis
import pytest
from hypothesis import strategies as st

from input_pipeline.json_list import JsonLines, JsonList, JsonObject
from vtg_jax.errors import BadInput

VALUES = st.recursive(
  st.none() | st.booleans() | st.integers() | st.text(max_size=8),
  lambda inner: (
    st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3)
  ),
  max_leaves=6,
)
ITEMS = st.lists(st.dictionaries(st.text(max_size=4), VALUES), max_size=5)


@hypothesis.settings(
  max_examples=40,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
  items=ITEMS,
  chunk=st.integers(1, 40),
  ascii_only=st.booleans(),
  indent=st.sampled_from([None, 2]),
)
def test_items_are_those_of_the_whole(
  tmp_path, items, chunk, ascii_only, indent
):
  file = tmp_path / 'list.json'
  text = json.dumps(items, ensure_ascii=ascii_only, indent=indent)
  file.write_bytes(text.encode())
  assert list(JsonList(file, chunk=chunk)) == items


@pytest.mark.parametrize(
  ('text', 'said'),
  [
    ('', "byte 0 is no '\\['"),
    ('{}', "byte 0 is no '\\['"),
    ('[{"a": 1} {"a": 2}]', "byte 10 is no ','"),
    ('[{"a": 1},]', 'the item at byte 10 cannot be read'),
    ('[{"a": ', 'the item at byte 1 cannot be read'),
    ('[{"a": 1}', "byte 9 is no ','"),
    ('[{"a": 1}] 7', 'more follows its end at byte 11'),
    ('[' + '[' * 200_000, 'the item at byte 1'),
  ],
)
def test_what_is_no_list_is_refused(tmp_path, text, said):
  file = tmp_path / 'list.json'
  file.write_text(text)
  with pytest.raises(BadInput, match=f'{file} is no JSON list: {said}'):
    JsonList(file, chunk=4)


def test_a_missing_file_is_refused(tmp_path):
  with pytest.raises(BadInput, match=r'none.json cannot be read \(No such'):
    JsonList(tmp_path / 'none.json')


def test_a_text_that_is_not_utf8_is_refused_when_it_is_read(tmp_path):
  file = tmp_path / 'list.json'
  file.write_bytes(b'[{"a": "good"}, {"a": "\xff"}]')
  items = JsonList(file)
  assert items[0] == {'a': 'good'}
  with pytest.raises(BadInput, match='item 1 is not JSON'):
    items[1]
  with pytest.raises(IndexError):
    items[2]


def test_a_long_list_is_small_in_memory_and_when_sent(tmp_path):
  file = tmp_path / 'list.json'
  file.write_text(json.dumps([{'text': f'{i:04000}'} for i in range(500)]))
  tracemalloc.start()
  items = JsonList(file, chunk=4096)
  _, most = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert most < 0.2 * file.stat().st_size
  assert items[499] == {'text': f'{499:04000}'}
  sent = pickle.dumps(items)
  assert len(sent) < 0.1 * file.stat().st_size
  assert pickle.loads(sent)[1] == items[1]


def test_a_file_that_changed_is_not_read_on(tmp_path):
  file = tmp_path / 'list.json'
  file.write_text('[{"a": 1}]')
  items = JsonList(file)
  file.write_text('[{"a": 10}]')
  os.utime(file, ns=(1, 1))
  with pytest.raises(BadInput, match='changed while it was in use'):
    items[0]


@hypothesis.settings(
  max_examples=20,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
  items=st.dictionaries(st.text(max_size=4), VALUES, max_size=5),
  chunk=st.integers(1, 40),
  ascii_only=st.booleans(),
)
def test_entries_of_an_object_are_those_of_the_whole(
  tmp_path, items, chunk, ascii_only
):
  file = tmp_path / 'object.json'
  text = json.dumps(items, ensure_ascii=ascii_only)
  file.write_bytes(text.encode())
  assert list(JsonObject(file, chunk=chunk)) == list(items.items())


@hypothesis.settings(
  max_examples=20,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(items=ITEMS, chunk=st.integers(1, 40))
def test_lines_are_items_and_empty_ones_none(tmp_path, items, chunk):
  file = tmp_path / 'list.jsonl'
  file.write_text('\n \n'.join(map(json.dumps, items)))
  assert list(JsonLines(file, chunk=chunk)) == items


@pytest.mark.parametrize(
  ('text', 'said'),
  [
    ('[]', "no JSON object: byte 0 is no '{'"),
    ('{"a" 1}', "byte 5 is no ':'"),
    ('{1: 2}', 'byte 1 begins no key'),
    ('{"a": 1} 2', 'more follows its end at byte 9'),
  ],
)
def test_what_is_no_object_is_refused(tmp_path, text, said):
  file = tmp_path / 'object.json'
  file.write_text(text)
  with pytest.raises(BadInput, match=said):
    JsonObject(file)


def test_a_line_that_is_no_json_is_named(tmp_path):
  file = tmp_path / 'list.jsonl'
  file.write_text('1\n\n{\n')
  lines = JsonLines(file)
  assert (len(lines), lines[0]) == (2, 1)
  with pytest.raises(BadInput, match='list.jsonl, item 1 is not JSON'):
    lines[1]
