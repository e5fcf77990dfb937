"""Keys of the BERT-based Q-Former.

Source: HawkEye `models/blip2/Qformer.py`, spec section 11; TimeChat
`models/Qformer.py`.
"""

from collections.abc import Sequence

from vtg_jax.convert.ops import LeadingOne, Transpose
from vtg_jax.convert.table import Ignore, Rule, Table

# BERT's submodule -> ours. Text rows pass `intermediate`/`output`, query rows
# `intermediate_query`/`output_query`.
_DENSE = {
  'attention.self.query': 'self_attention/query',
  'attention.self.key': 'self_attention/key',
  'attention.self.value': 'self_attention/value',
  'attention.output.dense': 'self_attention/output',
  'crossattention.self.query': 'cross_attention/query',
  'crossattention.self.key': 'cross_attention/key',
  'crossattention.self.value': 'cross_attention/value',
  'crossattention.output.dense': 'cross_attention/output',
  'intermediate.dense': 'text_ffn/fc1',
  'output.dense': 'text_ffn/fc2',
  'intermediate_query.dense': 'query_ffn/fc1',
  'output_query.dense': 'query_ffn/fc2',
}
_NORM = {
  'attention.output.LayerNorm': 'self_attention/norm',
  'crossattention.output.LayerNorm': 'cross_attention/norm',
  'output.LayerNorm': 'text_ffn/norm',
  'output_query.LayerNorm': 'query_ffn/norm',
}


def qformer_table(
  *,
  prefixes: tuple[str, ...] = ('qformer.',),
  target: str = 'qformer/',
  queries: Sequence[str] = ('query_tokens', 'extra_query_tokens'),
) -> Table:
  """Returns the rules that fill a Q-Former, query tokens included.

  Args:
    prefixes: what may stand before `bert.`; query tokens stand outside it.
    target: what the paths of the parameters start with.
    queries: keys of the query tokens and, where there are two, of those added
      for instruction tuning.
  """
  embeddings, layer = 'bert.embeddings.', 'bert.encoder.layer.{layer}.'
  rules = [
    Rule(
      f'{embeddings}{name}.weight',
      f'{target}{name}/embedding',
    )
    for name in ('word_embeddings', 'position_embeddings')
  ]
  rules += [
    Rule(f'{embeddings}LayerNorm.weight', f'{target}embed_norm/scale'),
    Rule(f'{embeddings}LayerNorm.bias', f'{target}embed_norm/bias'),
  ]
  ours = f'{target}layer_{{layer}}/'
  for key, name in _DENSE.items():
    rules += [
      Rule(f'{layer}{key}.weight', f'{ours}{name}/kernel', Transpose()),
      Rule(f'{layer}{key}.bias', f'{ours}{name}/bias'),
    ]
  for key, name in _NORM.items():
    rules += [
      Rule(f'{layer}{key}.weight', f'{ours}{name}/scale'),
      Rule(f'{layer}{key}.bias', f'{ours}{name}/bias'),
    ]
  ignored = (
    Ignore(r'bert\.embeddings\.position_ids', 'a buffer that counts positions'),
    Ignore(r'cls\..+', 'the masked-language head of the first stage'),
  )
  tokens = Table(
    tuple(
      Rule(key, f'{target}{name}', LeadingOne())
      for key, name in zip(
        queries, ('query_tokens', 'extra_query_tokens'), strict=False
      )
    )
  )
  return tokens + Table(tuple(rules), ignored).under(*prefixes)
