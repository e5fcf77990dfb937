import pytest

from vtg_jax.convert.hawkeye import hawkeye_table
from vtg_jax.convert.llama import llama_table
from vtg_jax.convert.phi3 import phi3_table
from vtg_jax.convert.table import Ignore, Rule, Table

STACKED = Table((Rule('blocks.{n}.w', 'layers/w[{n}]'),)).under('net.', '')


@pytest.mark.parametrize('key', ['net.blocks.12.w', 'blocks.12.w'])
def test_a_key_matches_under_each_prefix(key):
  slot = STACKED.slot(key)
  assert (slot.path, slot.index, str(slot)) == ('layers/w', 12, 'layers/w[12]')


@pytest.mark.parametrize(
  'key',
  ['blocks.1.w2', 'xblocks.1.w', 'blocks.x.w', 'blocks.01.w', 'blocksx1.w', ''],
)
def test_a_template_is_anchored_and_literal(key):
  assert STACKED.slot(key) is None


def test_an_alias_is_read_and_the_key_is_written():
  rule = Rule('blocks.{n}.w', 'layers/w[{n}]', aliases=('blocks.{n}.old.w',))
  table = Table((rule,)).under('net.')
  assert table.slot('net.blocks.2.old.w') == table.slot('net.blocks.2.w')
  assert table.slot('net.blocks.2.old.w').index == 2
  ((key, _),) = table.keys_of('layers/w', 1)
  assert key == 'net.blocks.0.w'


def test_a_field_in_the_path_is_no_stack():
  slot = Table((Rule('l.{n}.w', 'layer_{n}/w'),)).slot('l.3.w')
  assert (slot.path, slot.index) == ('layer_3/w', None)


def test_keys_of_a_stacked_parameter_come_in_layer_order():
  names = [key for key, _ in STACKED.keys_of('layers/w', 3)]
  assert names == ['net.blocks.0.w', 'net.blocks.1.w', 'net.blocks.2.w']
  assert list(STACKED.keys_of('layers/v', 3)) == []


def test_ignored_keys_keep_their_reason():
  table = Table((), (Ignore(r'head\..+', 'stage one'),)).under('m.')
  assert table.ignore('m.head.weight').reason == 'stage one'
  assert table.ignore('head.weight') is None
  assert table.ignore('m.head') is None


def test_a_layer_that_is_ignored_fills_nothing():
  ignored = Ignore(r'blocks\.2\..+', 'not run')
  table = STACKED + Table((), (ignored,)).under('net.', '')
  assert table.slot('net.blocks.1.w').index == 1
  assert table.slot('net.blocks.2.w') is None
  assert table.slot('blocks.12.w').index == 12
  assert table.ignore('blocks.2.w').reason == 'not run'


@pytest.mark.parametrize('tied', [False, True])
def test_no_two_rules_match_one_key(tied):
  for table in (
    hawkeye_table(patch=(1, 16, 16)),
    llama_table(tied_embeddings=tied),
    phi3_table(),
  ):
    keys = [
      rule.prefixes[0] + key.format(layer=1)
      for rule in table.rules
      for key in (rule.key, *rule.aliases)
    ]
    for key in keys:
      matching = [r for r in table.rules if r.fields_of_key(key) is not None]
      assert len(matching) == 1, key
      assert table.ignore(key) is None
    targets = [rule.target for rule in table.rules if not rule.tied]
    assert len(targets) == len(set(targets))


def test_the_base_model_matches_with_and_without_the_live_prefix():
  table = hawkeye_table(patch=(1, 16, 16))
  name = 'model.layers.3.mlp.up_proj.weight'
  for prefix in ('', 'llama_model.', 'llama_model.base_model.model.'):
    assert str(table.slot(prefix + name)) == 'llm/layers/up_proj/kernel[3]'
  assert table.slot('qformer.' + name) is None
