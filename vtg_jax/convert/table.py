"""Conversion tables: which source key fills which parameter, as data.

A key is written once, as a template that serves both ways: it compiles to an
anchored regular expression for reading and formats back to the name that
export writes.

    Rule('encoder.blocks.{layer}.attn.qkv.weight',
         'encoder/layers/qkv/kernel[{layer}]', Transpose())

    'encoder.blocks.3.attn.qkv.weight'
      -> layer 3 of the stacked parameter 'encoder/layers/qkv/kernel'
"""

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping

from vtg_jax.convert.ops import Identity, Op

_FIELD = re.compile(r'\{(\w+)\}')
_NUMBER = r'(0|[1-9][0-9]*)'


def _compile(template: str) -> re.Pattern[str]:
  """Returns the regular expression of a template; fields match integers."""
  parts = _FIELD.split(template)  # text, field, text, field, ..., text
  pattern = re.escape(parts[0])
  for name, text in zip(parts[1::2], parts[2::2], strict=True):
    pattern += f'(?P<{name}>{_NUMBER}){re.escape(text)}'
  return re.compile(pattern)


@dataclasses.dataclass(frozen=True)
class Rule:
  """One kind of source key and the parameter it fills.

  Attributes:
    key: template of the source key without its prefix; `{name}` is an integer.
    target: template of the parameter path; a trailing `[{layer}]` is the index
      on the leading axis of a parameter that stacks its layers.
    op: how the tensor becomes the parameter.
    prefixes: prefixes a key may have; export without a manifest uses the first.
    extra_rows: how many rows the tensor may have beyond the parameter's; they
      are kept aside and put back by export.
    aliases: other templates of the key, with the same fields, that are read;
      export without a manifest does not write them.
    tied: the key is a second name of a tensor that another key holds; it may
      be absent and, when present, must be equal bit for bit.
    shared: several sources may hold copies of the tensor, equal bit for bit;
      the first fills the parameter and none replaces another.
  """

  key: str
  target: str
  op: Op = Identity()
  prefixes: tuple[str, ...] = ('',)
  extra_rows: int = 0
  aliases: tuple[str, ...] = ()
  tied: bool = False
  shared: bool = False

  @functools.cached_property
  def _key_patterns(self) -> tuple[re.Pattern[str], ...]:
    return tuple(map(_compile, (self.key, *self.aliases)))

  @functools.cached_property
  def _path_pattern(self) -> re.Pattern[str]:
    return _compile(self.path)

  @functools.cached_property
  def path(self) -> str:
    """The target without the index on the stacked axis."""
    return self.target.removesuffix(']').rsplit('[', 1)[0]

  @functools.cached_property
  def index_field(self) -> str | None:
    """The field that is the index on the stacked axis, if there is one."""
    found = re.search(r'\[\{(\w+)\}\]$', self.target)
    return found.group(1) if found else None

  def fields_of_key(self, key: str) -> dict[str, int] | None:
    """Returns the integers in `key`, or None where the rule does not match."""
    for prefix in self.prefixes:
      if key.startswith(prefix):
        matches = (p.fullmatch(key, len(prefix)) for p in self._key_patterns)
        found = next(filter(None, matches), None)
        if found:
          return {name: int(n) for name, n in found.groupdict().items()}
    return None

  def fields_of_path(self, path: str) -> dict[str, int] | None:
    """Returns the integers in a parameter path, or None where it is another."""
    found = self._path_pattern.fullmatch(path)
    if not found:
      return None
    return {name: int(n) for name, n in found.groupdict().items()}

  def name(self, fields: Mapping[str, int]) -> str:
    """Returns the key that export writes for these integers."""
    return self.prefixes[0] + self.key.format(**fields)


@dataclasses.dataclass(frozen=True)
class Ignore:
  """Keys that hold nothing to learn from, and why.

  Attributes:
    pattern: anchored regular expression of the key without its prefix.
    reason: why the key fills no parameter, for the report.
    prefixes: prefixes a key may have.
  """

  pattern: str
  reason: str
  prefixes: tuple[str, ...] = ('',)

  def matches(self, key: str) -> bool:
    return any(
      key.startswith(prefix)
      and re.compile(self.pattern).fullmatch(key, len(prefix))
      for prefix in self.prefixes
    )


@dataclasses.dataclass(frozen=True)
class Slot:
  """Where a source tensor goes: a parameter, or one layer of it.

  Attributes:
    rule: the rule that says so.
    path: the parameter.
    index: the layer on the leading axis; None where the parameter is whole.
  """

  rule: Rule
  path: str
  index: int | None

  def __str__(self) -> str:
    return self.path if self.index is None else f'{self.path}[{self.index}]'


@dataclasses.dataclass(frozen=True)
class Table:
  """The rules of one module, or of a system that composes several.

  Attributes:
    rules: keys that fill parameters.
    ignored: keys that are known and fill none.
  """

  rules: tuple[Rule, ...]
  ignored: tuple[Ignore, ...] = ()

  def shared(self) -> 'Table':
    """Returns the table whose tensors several sources may hold copies of."""
    rules = (dataclasses.replace(rule, shared=True) for rule in self.rules)
    return Table(tuple(rules), self.ignored)

  def __add__(self, other: 'Table') -> 'Table':
    return Table(self.rules + other.rules, self.ignored + other.ignored)

  def under(self, *prefixes: str) -> 'Table':
    """Returns the table for keys that carry one of `prefixes`.

    Args:
      *prefixes: what may stand before a key; export writes the first.
    """

    def prefixed(entry):
      return dataclasses.replace(
        entry,
        prefixes=tuple(p + q for p in prefixes for q in entry.prefixes),
      )

    return Table(
      tuple(map(prefixed, self.rules)), tuple(map(prefixed, self.ignored))
    )

  def slot(self, key: str) -> Slot | None:
    """Returns where a source key goes, or None where it fills nothing.

    A key that is ignored fills nothing, even where a rule matches it: so a
    table says which of the file's layers the model leaves out.
    """
    if self.ignore(key):
      return None
    for rule in self.rules:
      fields = rule.fields_of_key(key)
      if fields is not None:
        return Slot(
          rule,
          rule.path.format(**fields),
          None if rule.index_field is None else fields[rule.index_field],
        )
    return None

  def ignore(self, key: str) -> Ignore | None:
    """Returns the entry that ignores a source key, if one does."""
    return next((i for i in self.ignored if i.matches(key)), None)

  def keys_of(
    self, path: str, n_layers: int | None
  ) -> Iterator[tuple[str, Slot]]:
    """Yields the source keys that fill a parameter, in layer order.

    Args:
      path: the parameter.
      n_layers: length of its leading axis; read only where a rule stacks.

    Yields:
      Pairs of source key and slot; none where no rule fills `path`.
    """
    for rule in self.rules:
      fields = rule.fields_of_path(path)
      if fields is None or rule.tied:
        continue
      if rule.index_field is None:
        yield rule.name(fields), Slot(rule, path, None)
      else:
        for index in range(n_layers or 0):
          key = rule.name(fields | {rule.index_field: index})
          yield key, Slot(rule, path, index)
      return
