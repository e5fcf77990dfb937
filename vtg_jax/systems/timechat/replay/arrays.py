"""Replays a TimeChat golden folder: every array, text and case."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from vtg_jax.systems.replay.arrays import Tolerance, attempt, replay_names
from vtg_jax.systems.replay.comparison import Comparison, compare_values
from vtg_jax.systems.replay.golden_weights import changed_keys
from vtg_jax.systems.timechat.replay import cases
from vtg_jax.systems.timechat.replay.golden_set import GoldenSet
from vtg_jax.systems.timechat.replay.makers import OUTPUTS, usual_names
from vtg_jax.systems.timechat.replay.network import Replayed
from vtg_jax.systems.timechat.replay.texts import text_comparisons

Replay = tuple[list[Comparison], dict[str, np.ndarray]]
# By name; the first match counts. Source: the golden set's README.
TOLERANCES = (
  (
    r'.*(_ids|_mask)',
    Tolerance(most=0),
  ),
  (r'.*_loss_\w+', Tolerance(most=1e-4)),
  (r'.*_grad/.*', Tolerance(most=1e-4, relative_to_max=True)),
  (r'.*', Tolerance(most=2e-4, relative=2e-4)),
)
# What else a folder may hold: each replays its own file, if it is there.
MORE: tuple[Callable[[Path], Replay], ...] = (cases.replay,)


def replay(folder: Path) -> Replay:
  """Replays a golden folder.

  Args:
    folder: config.json, weights.safetensors, inputs.npz and the tokenizers'
      files; outputs.npz, texts.json and cases.json are compared with where
      they are there.

  Returns:
    A comparison for every recorded array, text and case, and our arrays by
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
  """Whether every tensor comes back bit for bit."""
  changed = changed_keys(golden.plan, golden.params)
  return compare_values('export', changed, [])
