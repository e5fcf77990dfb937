import pathlib
import re

from vtg_jax.shape_stories.splits import (
  LONG_TEST,
  LONG_TRAIN,
  LONG_VALIDATION,
  RESERVED_FROM,
  TEST,
  TRAIN,
  VALIDATION,
)

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_splits_do_not_meet():
  assert TRAIN.stop <= VALIDATION.start
  assert VALIDATION.stop <= TEST.start
  assert TEST.stop <= LONG_TRAIN.start
  assert LONG_TRAIN.stop <= LONG_VALIDATION.start
  assert LONG_VALIDATION.stop <= LONG_TEST.start
  assert LONG_TEST.stop == RESERVED_FROM == 10_000_000


def test_no_recipe_uses_a_reserved_seed():
  """Seeds stand in configs as START:END, or after the word seed."""
  recipes = [ROOT / 'Makefile']
  for folder in ('configs', 'launch', 'benchmarks', 'vtg_jax'):
    recipes += (ROOT / folder).rglob('*.py')
  for path in recipes:
    for found in re.findall(
      r'(?:seeds?\w*[\'" ]*[:=(][\'" ]*)([\d_]+)(?::([\d_]+))?',
      path.read_text(),
    ):
      for number in filter(None, found):
        digits = number.replace('_', '')
        assert not digits or int(digits) < RESERVED_FROM, path
