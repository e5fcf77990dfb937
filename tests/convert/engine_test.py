import ml_dtypes
import numpy as np
import pytest

from tests.convert.small_model import EXPECTED, TABLE, Shape, released, save
from vtg_jax.convert.engine import plan
from vtg_jax.convert.llama import llama_table
from vtg_jax.convert.readers import open_source
from vtg_jax.errors import BadInput


def planned(tmp_path, *releases, expected=EXPECTED, table=TABLE):
  paths = [
    save(tmp_path / f'{n}.safetensors', tensors)
    for n, tensors in enumerate(releases)
  ]
  return plan([open_source(path) for path in paths], table, expected)


def test_every_expected_parameter_gets_its_tensors_in_layer_order(tmp_path):
  tensors = released()
  steps = planned(tmp_path, tensors)
  assert [leaf.path for leaf in steps.leaves] == list(EXPECTED)
  leaf = next(x for x in steps.leaves if x.path == 'layers/fc/kernel')
  for n, piece in enumerate(leaf.pieces):
    assert piece.slot.index == n
    wanted = tensors[f'net.blocks.{n}.fc.weight'].T
    np.testing.assert_array_equal(steps.read(piece), wanted)
  assert [key for _, key, _ in steps.ignored] == [
    'net.positions',
    'net.old.weight',
  ]


@pytest.mark.parametrize(
  ('key', 'told'),
  [
    ('net.queries', r'1 parameter that no key fills \(queries from net.q'),
    ('net.blocks.1.fc.bias', r'layers/fc/bias\[1\] from net.blocks.1.fc.bias'),
  ],
)
def test_a_missing_key_or_layer_is_named(tmp_path, key, told):
  tensors = released()
  del tensors[key]
  with pytest.raises(BadInput, match=told):
    planned(tmp_path, tensors)


@pytest.mark.parametrize(
  'key', ['net.other', 'net.blocks.3.fc.bias', 'net.norms.1.weight']
)
def test_a_key_without_a_place_is_named(tmp_path, key):
  tensors = released() | {key: np.zeros(7, np.float32)}
  with pytest.raises(BadInput, match=f'1 key that .* not have .{key}'):
    planned(tmp_path, tensors)


@pytest.mark.parametrize(
  'tensor',
  [
    np.zeros((5, 4), np.float32),
    np.zeros((1, 5, 3), np.float32),
    np.zeros((), np.float32),
    np.zeros((1, 5, 4), np.int8),
  ],
)
def test_a_misshaped_or_integer_tensor_is_named_once(tmp_path, tensor):
  tensors = released() | {'net.queries': tensor}
  with pytest.raises(BadInput) as error:
    planned(tmp_path, tensors)
  assert 'net.queries is' in str(error.value)
  assert 'not a float [1, 5, 4]' in str(error.value)
  assert 'no key fills' not in str(error.value)


@pytest.mark.parametrize('n_rows', [5, 8])
def test_more_extra_rows_than_the_table_allows_are_refused(tmp_path, n_rows):
  tensors = released() | {'net.embed.weight': np.ones((n_rows, 4), np.float32)}
  with pytest.raises(BadInput, match='net.embed.weight is'):
    planned(tmp_path, tensors)


def test_two_names_for_one_place_in_one_source_are_refused(tmp_path):
  tensors = released()
  tensors['queries'] = tensors['net.queries']
  with pytest.raises(BadInput, match='net.queries and queries'):
    planned(tmp_path, tensors)


def test_everything_wrong_is_told_at_once_ten_names_of_a_kind(tmp_path):
  tensors = released() | {f'x{n:02}': np.ones(1) for n in range(13)}
  del tensors['net.norms.0.weight']
  tensors['net.queries'] = tensors['net.queries'][:, :2]
  with pytest.raises(BadInput) as error:
    planned(tmp_path, tensors)
  text = str(error.value)
  assert '13 keys' in text and 'x09 and 3 more' in text and 'x10' not in text
  assert 'norm_0/scale from net.norms.0.weight' in text
  assert 'net.queries is F32[1, 2, 4]' in text
  assert text.count('. ') == 0  # one sentence


def test_a_parameter_without_a_rule_is_named(tmp_path):
  expected = EXPECTED | {'new/kernel': Shape((2,))}
  with pytest.raises(BadInput, match='new/kernel, for which'):
    planned(tmp_path, released(), expected=expected)


def test_a_later_source_wins_and_the_earlier_is_reported(tmp_path):
  later = {'net.queries': np.full((1, 5, 4), 7, np.float32)}
  steps = planned(tmp_path, released(), later)
  leaf = next(x for x in steps.leaves if x.path == 'queries')
  assert (steps.read(leaf.pieces[0]) == 7).all()
  assert steps.overridden == {(0, 'net.queries'): 1}


def test_layers_of_mixed_types_are_stacked_in_a_type_that_holds_both(tmp_path):
  tensors = released(np.float16)
  key = 'net.blocks.1.fc.bias'
  tensors[key] = tensors[key].astype(ml_dtypes.bfloat16)
  steps = planned(tmp_path, tensors)
  dtypes = {leaf.path: leaf.dtype for leaf in steps.leaves}
  assert dtypes['layers/fc/bias'] == np.float32
  assert dtypes['layers/fc/kernel'] == np.float16


@pytest.mark.parametrize('same', [True, False])
def test_a_tied_output_layer_must_be_the_embedding(tmp_path, same):
  rng = np.random.default_rng(0)
  embed = rng.normal(size=(6, 4)).astype(np.float32)
  tensors = {
    'model.embed_tokens.weight': embed,
    'lm_head.weight': embed if same else embed + 1,
    'model.norm.weight': np.ones(4, np.float32),
  }
  expected = {
    'llm/embed/embedding': Shape((6, 4)),
    'llm/final_norm/scale': Shape((4,)),
  }
  steps = planned(
    tmp_path,
    tensors,
    expected=expected,
    table=llama_table(tied_embeddings=True),
  )
  told = [sentence.split()[0] for sentence in steps.untied()]
  assert told == ([] if same else ['lm_head.weight'])
