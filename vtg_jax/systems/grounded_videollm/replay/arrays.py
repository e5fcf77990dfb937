"""Replays a Grounded-VideoLLM golden folder: every array and every case."""

import functools
import json
from pathlib import Path

import jax
import numpy as np

from vtg_jax.systems.grounded_videollm.replay.cases import find_rule
from vtg_jax.systems.grounded_videollm.replay.figures import (
  figure_comparisons,
)
from vtg_jax.systems.grounded_videollm.replay.golden_set import GoldenSet
from vtg_jax.systems.grounded_videollm.replay.makers import OUTPUT_MAKERS
from vtg_jax.systems.grounded_videollm.replay.usual_names import usual_names
from vtg_jax.systems.replay.arrays import Tolerance, replay_names
from vtg_jax.systems.replay.cases import FILE_NAME, replay_values
from vtg_jax.systems.replay.comparison import Comparison, failure

# By name; the first match counts. Source: the golden set's README.
TOLERANCES = (
  (r'\w+\.grad[|_].*', Tolerance(most=1e-4, relative_to_max=True)),
  (r'.*\.loss(_no_lora)?', Tolerance(most=1e-5, relative=1e-5)),
  (r'.*logits.*', Tolerance(most=2e-4, relative=1e-4)),
  (r'.*(_ids|labels_spliced|attention_mask(_spliced)?)', Tolerance(most=0.0)),
  (r'.*', Tolerance(most=1e-4, relative=1e-4)),
)


def replay(
  folder: Path,
) -> tuple[list[Comparison], dict[str, np.ndarray]]:
  """Replays a golden folder.

  Args:
    folder: config.json, weights.safetensors, inputs.npz and a tokenizer file
      for each language model; outputs.npz and cases.json are compared with
      where they are there.

  Returns:
    A comparison for every recorded array, case and figure, and our arrays by
    name.

  Raises:
    BadInput: when what the replay needs is missing or damaged.
  """
  # Accelerators multiply float32 in fewer bits unless told otherwise.
  with jax.default_matmul_precision('highest'):
    return _replay(folder)


def _replay(folder):
  golden = GoldenSet(folder)
  comparisons = [
    failure(name, 'no model of the set is loaded from this section')
    for name in golden.sections.strangers(golden.llms)
  ]
  names = list(golden.recorded) or usual_names(golden)
  compared, arrays = replay_names(
    OUTPUT_MAKERS, TOLERANCES, golden, names, golden.recorded
  )
  comparisons += compared + figure_comparisons(golden)
  if golden.cases:
    cases = replay_values(
      golden.cases,
      functools.partial(find_rule, golden.config, golden.tokenizer),
    )
    comparisons += cases.comparisons
    arrays[FILE_NAME] = np.array(json.dumps(cases.values))
  return comparisons, arrays
