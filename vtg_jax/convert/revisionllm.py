"""Keys of ReVisionLLM: Vicuna, the projector, and what its stages leave.

Several stages leave files with the same keys. What tells them apart is the
scope of a source, such as 'long_33|', which stands before its keys here.

Source: spec section 9.
"""

from collections.abc import Sequence

from vtg_jax.convert.llama import PROJECTIONS, llama_table
from vtg_jax.convert.ops import Identity, Transpose
from vtg_jax.convert.readers import SCOPE_END
from vtg_jax.convert.table import Rule, Table

# What stands before a module of the network: in a file of a stage, in one whose
# wrapper was taken off, and in one saved from the bare module.
_WRAPPERS = (
  'base_model.model.model.',
  'base_model.model.',
  'base_model.',
  'model.model.',
  'model.',
  '',
)
# Name of the encoder of windows, which is the projector of the sparse stages,
# or stands beside it in the variant with one adapter for all levels.
_ENCODERS = ('mm_projector.', 'cross_attn.')
# Scopes beside those of the adapters: of the stage that leaves the encoder, and
# of the projector where export gives it a file of its own.
SPARSE, PROJECTOR = 'sparse', 'projector'
# Its modules -> ours, within a layer.
_LAYER = (
  ('self_attn.in_proj_weight', 'attention/in_proj/kernel', Transpose()),
  ('self_attn.in_proj_bias', 'attention/in_proj/bias', Identity()),
  ('self_attn.out_proj.weight', 'attention/out_proj/kernel', Transpose()),
  ('self_attn.out_proj.bias', 'attention/out_proj/bias', Identity()),
  ('linear1.weight', 'fc1/kernel', Transpose()),
  ('linear1.bias', 'fc1/bias', Identity()),
  ('linear2.weight', 'fc2/kernel', Transpose()),
  ('linear2.bias', 'fc2/bias', Identity()),
  ('norm1.weight', 'norm1/scale', Identity()),
  ('norm1.bias', 'norm1/bias', Identity()),
  ('norm2.weight', 'norm2/scale', Identity()),
  ('norm2.bias', 'norm2/bias', Identity()),
)


def scope(name: str) -> str:
  """What stands before the keys of a stage's files."""
  return f'{name}{SCOPE_END}'


def clip_encoder_table(*, target: str = 'clip_encoder/') -> Table:
  """Returns the rules that fill the encoder of windows."""
  rules = [
    Rule('global_rep_token', f'{target}global_token'),
    Rule('global_rep_pos', f'{target}global_position'),
    Rule('mm_projector.weight', f'{target}projector/kernel', Transpose()),
    Rule('mm_projector.bias', f'{target}projector/bias'),
  ]
  for stage, name in (
    ('t2v_encoder', 'text_layers'),
    ('encoder', 'self_layers'),
  ):
    rules += [
      Rule(
        f'{stage}.layers.{{layer}}.{key}',
        f'{target}{name}/{path}[{{layer}}]',
        op,
      )
      for key, path, op in _LAYER
    ]
  return Table(tuple(rules))


def lora_table(*, target: str) -> Table:
  """Returns the rules that fill one adapter, saved by peft or as trained."""
  rules = []
  for name, module in PROJECTIONS.items():
    for key, path in (('lora_A', 'lora_a'), ('lora_B', 'lora_b')):
      layer = f'model.layers.{{layer}}.{module}.{key}'
      rules.append(
        Rule(
          f'{layer}.weight',
          f'{target}layers/{name}/{path}[{{layer}}]',
          Transpose(),
          aliases=(f'{layer}.default.weight',),
        )
      )
  return Table(tuple(rules)).under('base_model.model.', 'base_model.', '')


def revisionllm_table(
  *,
  loras: Sequence[str],
  sparse_copies: str | None,
  beside_projector: bool = False,
) -> Table:
  """Returns the rules for every file that ReVisionLLM is loaded from.

  Args:
    loras: names of the adapters, each of which has a scope.
    sparse_copies: the one of which the files of the sparse stage hold a copy.
    beside_projector: export names the encoder as where it stands beside the
      projector.
  """
  scopes = tuple(map(scope, loras))
  sparse = scope(SPARSE)
  anywhere = (sparse, '', *scopes)  # whatever else a file holds
  encoders = _ENCODERS[::-1] if beside_projector else _ENCODERS
  encoder = clip_encoder_table().under(
    *(wrapper + name for wrapper in _WRAPPERS for name in encoders)
  )
  projector = Table(
    (
      Rule('mm_projector.weight', 'dense_projector/kernel', Transpose()),
      Rule('mm_projector.bias', 'dense_projector/bias'),
    )
  ).under('model.', *(w for w in _WRAPPERS if w != 'model.'))
  norm = Table(
    (
      Rule('alternate_layer_norm.weight', 'alternate_norm/scale'),
      Rule('alternate_layer_norm.bias', 'alternate_norm/bias'),
    )
  ).under(*_WRAPPERS)
  table = llama_table().under('', 'base_model.model.')
  table += projector.under(scope(PROJECTOR), *anywhere).shared()
  table += (encoder + norm).under(*anywhere).shared()
  for name in loras:
    prefixes = [scope(name)] + [sparse] * (name == sparse_copies)
    own = lora_table(target=f'loras/{name}/')
    table += own.under(*prefixes).shared()
  return table
