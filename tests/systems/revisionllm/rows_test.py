"""Where visual rows, words and padding stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtg_jax.llm.places import NOTHING, WORD
from vtg_jax.systems.revisionllm.prompt import IGNORE, PAD_ID, VIDEO_ID
from vtg_jax.systems.revisionllm.rows import lay_out

WORDS = st.lists(st.integers(1, 99), max_size=6)
ROWS = st.lists(
  st.tuples(st.lists(st.integers(1, 99), min_size=1, max_size=6), WORDS),
  min_size=1,
  max_size=4,
)


def test_a_batch_is_laid_out_as_drawn():
  rows = lay_out(
    [[1, 5, VIDEO_ID, 7], [1, 6]], 2, [[IGNORE, IGNORE, IGNORE, 7], [1, 6]]
  )
  n, w = NOTHING, WORD
  assert rows.places.tolist() == [[w, w, 0, 1, w], [w, w, n, n, n]]
  assert rows.input_ids.tolist() == [[1, 5, 0, 0, 7], [1, 6, 0, 0, 0]]
  assert rows.labels.tolist() == [
    [IGNORE] * 4 + [7],
    [1, 6] + [IGNORE] * 3,
  ]
  assert rows.positions.tolist() == [[0, 1, 2, 3, 4], [0, 1, 0, 0, 0]]


@given(ROWS, st.integers(0, 4), st.sampled_from(['left', 'right']))
def test_words_and_visual_rows_come_in_their_order(parts, n_visual, side):
  ids = [[*before, VIDEO_ID, *after] for before, after in parts]
  rows = lay_out(ids, n_visual, ids, side=side)
  for (before, after), own in zip(parts, zip(*rows, strict=True), strict=True):
    input_ids, places, mask, positions, labels = own
    n = len(before) + n_visual + len(after)
    assert mask.sum() == n
    assert mask[-n:].all() if side == 'left' else mask[:n].all()
    assert positions[mask].tolist() == list(range(n))
    assert not positions[~mask].any()
    assert input_ids[places == WORD].tolist() == before + after
    assert places[places >= 0].tolist() == list(range(n_visual))
    assert labels[places == WORD].tolist() == before + after
    assert (labels[places != WORD] == IGNORE).all()
    assert (places[~mask] == NOTHING).all()
    assert (input_ids[~mask] == PAD_ID).all()


def test_what_is_too_long_is_cut_or_refused():
  ids = [[1, VIDEO_ID, 7, 8]]
  assert lay_out(ids, 2, max_length=4).input_ids.tolist() == [[1, 0, 0, 7]]
  assert lay_out(ids, 2, pad_to=7).attention_mask.sum() == 5
  with pytest.raises(ValueError, match='5 tokens exceeds pad_to=4'):
    lay_out(ids, 2, pad_to=4)
  with pytest.raises(ValueError, match='more than one video'):
    lay_out([[VIDEO_ID, VIDEO_ID]], 2)
  with pytest.raises(ValueError, match="side='up'"):
    lay_out(ids, 2, side='up')


def test_rows_are_int32():
  rows = lay_out([[1, VIDEO_ID]], 1)
  assert {rows.input_ids.dtype, rows.labels.dtype} == {np.dtype(np.int32)}
