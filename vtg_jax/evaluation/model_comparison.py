"""Runs of several models on one benchmark, compared and written.

FOLDER/
  NAME/            each model's own run
  models.md        a line a model, with what it costs
  agreement.md     what their agreement is worth, where some videos are to
                   learn on
  agreement.json   what was learnt, for `vtg ground` with several models
  comparison.json  all figures
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.evaluation import agreement_table, model_table
from vtg_jax.evaluation.benchmarks import benchmark, lacking
from vtg_jax.evaluation.items import CALIBRATION, GroundingItem
from vtg_jax.evaluation.joint_answers import (
  fit_all_joint,
  read_runs,
  side_by_side,
)
from vtg_jax.evaluation.records import as_json, without_nan, write_whole
from vtg_jax.evaluation.rows import markdown
from vtg_jax.metrics.bootstrap import Bootstrap
from vtg_jax.moments.joint_confidence import FILE, write_joint

MODELS, AGREEMENT, DOCUMENT = 'models.md', 'agreement.md', 'comparison.json'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
  """One table of the comparison.

  Attributes:
    title: above it.
    head: names of its columns.
    body: its rows.
    remarks: below it, a line each.
    file: in which it is written.
  """

  title: str
  head: Sequence[str]
  body: Sequence[Sequence[str]]
  remarks: Sequence[str] = ()
  file: str = AGREEMENT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
  """What the runs say beside one another.

  Attributes:
    tables: in the order to show them.
    document: what is in comparison.json.
    folder: where everything is written.
  """

  tables: Sequence[Table]
  document: Mapping[str, Any]
  folder: Path


def check_comparable(config: Mapping[str, Any]) -> None:
  """Raises BadInput where a benchmark's runs cannot be compared."""
  bench = benchmark(config)
  if not isinstance(bench.items[0], GroundingItem):
    raise BadInput(
      f'several models are compared by moments of sentences, and {bench.title} '
      'has none; evaluate them one by one'
    )


def compare_models(
  config: Mapping[str, Any],
  checkpoints: Mapping[str, Path],
  out: Path,
) -> Comparison:
  """Compares whole runs, and writes what they say.

  Args:
    config: of the benchmark.
    checkpoints: name of a model -> its folder; its run is in `out` / name.
    out: folder of the results.

  Raises:
    BadInput: a run is not whole or of other sentences; or see `fit_joint`.
  """
  settings, runs = read_runs({name: out / name for name in checkpoints})
  try:
    bootstrap = Bootstrap(**config['bootstrap'])
  except KeyError as error:
    raise lacking(error, config['benchmark']) from error
  except ValueError as error:
    raise BadInput(f'the config cannot be used: {error}') from error
  models = [
    model_table.model_row(name, runs[name], checkpoints[name], bootstrap)
    for name in checkpoints
  ]
  first, *_ = runs.values()
  tables = [
    Table(
      title=config['title'],
      head=model_table.HEAD,
      body=[model_table.cells(one) for one in models],
      remarks=model_table.remarks(first),
      file=MODELS,
    )
  ]
  document = {
    'settings': settings,
    'models': [one.to_json() for one in models],
  }
  held_out = side_by_side(runs, CALIBRATION)
  if held_out.videos:
    joints = fit_all_joint(
      {name: settings[name]['model'] for name in checkpoints},
      held_out,
      hit_iou=config.get('hit_iou', 0.5),
      fitted_on=learnt_on(config),
    )
    write_joint(out / FILE, joints)
    found = agreement_table.summarise_agreement(
      list(checkpoints), held_out, side_by_side(runs), joints[-1], bootstrap
    )
    tables += _agreement_tables(found)
    document['agreement'] = found.to_json()
  document = without_nan(document)
  for file in dict.fromkeys(table.file for table in tables):
    texts = [_text(table) for table in tables if table.file == file]
    write_whole(out / file, '\n'.join(texts))
  write_whole(out / DOCUMENT, as_json(document))
  return Comparison(tables=tables, document=document, folder=out)


def learnt_on(config: Mapping[str, Any]) -> str:
  """What a confidence is learnt on, in words."""
  return f'{config["title"]}, seeds {config.get("calibration_seeds", "none")}'


def _agreement_tables(found: agreement_table.AgreementSummary) -> list[Table]:
  return [
    Table(
      title='Which confidence tells right answers from wrong ones',
      head=agreement_table.CONFIDENCE_HEAD,
      body=[agreement_table.confidence_cells(r) for r in found.confidences],
      remarks=agreement_table.remarks(found),
    ),
    Table(
      title='Which answer to give',
      head=agreement_table.ANSWER_HEAD,
      body=[agreement_table.answer_cells(row) for row in found.answers],
    ),
    Table(
      title='Whether it happens at all',
      head=agreement_table.PRESENCE_HEAD,
      body=[agreement_table.presence_cells(row) for row in found.presence],
    ),
  ]


def _text(table: Table) -> str:
  lines = [markdown(table.head, table.body, title=table.title)]
  # Two spaces end a line of Markdown.
  return '\n'.join([*lines, *(f'{said}  ' for said in table.remarks), ''])
