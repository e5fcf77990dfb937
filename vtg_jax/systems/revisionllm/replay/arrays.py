"""Replays a ReVisionLLM golden folder: every array and every case."""

import json
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from vtg_jax.systems.replay.arrays import Tolerance, attempt, replay_names
from vtg_jax.systems.replay.comparison import Comparison, compare_values
from vtg_jax.systems.replay.golden_weights import changed_keys
from vtg_jax.systems.revisionllm.replay import cases, trace
from vtg_jax.systems.revisionllm.replay.golden_set import GoldenSet
from vtg_jax.systems.revisionllm.replay.makers import OUTPUTS, usual_names
from vtg_jax.systems.revisionllm.replay.network import Replayed
from vtg_jax.systems.revisionllm.replay.texts import text_comparisons


def _replay_trace(folder: Path):
  """Replays a folder's recorded search; nothing where it has none."""
  recorded = trace.read_trace(folder)
  if recorded is None:
    return [], {}
  comparisons, values = trace.replay_trace(recorded)
  return comparisons, {trace.FILE_NAME: np.array(json.dumps(values))}


Replay = tuple[list[Comparison], dict[str, np.ndarray]]
# By name; the first match counts. Source: the golden set's README.
TOLERANCES = (
  (r'.*(logits|entropy).*', Tolerance(most=2e-3)),
  (r'.*/(generated_ids|spliced_(labels|mask|position_ids))', Tolerance(most=0)),
  (r'.*', Tolerance(most=1e-4)),
)
# What else a folder may hold: each replays its own file, if it is there.
MORE: tuple[Callable[[Path], Replay], ...] = (cases.replay, _replay_trace)


def replay(folder: Path) -> Replay:
  """Replays a golden folder.

  Args:
    folder: config.json, weights.safetensors, ckpt, inputs.npz and the
      tokenizer file; outputs.npz and files of cases are compared with where
      they are there.

  Returns:
    A comparison for every recorded array, case and figure, and our arrays by
    name.

  Raises:
    BadInput: when what the replay needs is missing or damaged.
  """
  # Accelerators multiply float32 in fewer bits unless told otherwise.
  with jax.default_matmul_precision('highest'):
    replayed = Replayed(GoldenSet(folder))
    names = list(replayed.golden.recorded) or usual_names(replayed)
    comparisons, arrays = replay_names(
      OUTPUTS, TOLERANCES, replayed, names, replayed.golden.recorded
    )
    comparisons += text_comparisons(replayed)
    comparisons.append(attempt('export', lambda: _export(replayed.golden)))
  for more in MORE:
    compared, found = more(folder)
    comparisons += compared
    arrays |= found
  return comparisons, arrays


def _export(golden: GoldenSet) -> Comparison:
  """Whether every tensor of every file comes back bit for bit."""
  changed = changed_keys(golden.plan, golden.params)
  return compare_values('export', changed, [])
