"""How small models are trained, whatever the system: on a CPU, in hours."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict


def small_run(own: Mapping[str, Any]) -> ConfigDict:
  """Returns the config of a run.

  Args:
    own: What the run says itself; its tables are laid over those shared.
  """
  config = ConfigDict(
    {
      'seed': 42,
      'accumulate': 1,
      'steps': None,
      'epochs': None,
      'warmup_steps': 200.0,
      'warmup_epochs': None,
      'log_every': 100,
      'checkpoint_every': 1000,
      'keep_last': 2,
      'keep_every': None,
      'max_skipped': 50,
      'mesh': {'data': -1, 'fsdp': 1, 'tensor': 1},
      'trainable': (),
      'compute': {'dtype': 'float32', 'attention': 'auto', 'remat': False},
      'save_dtype': 'float32',
      'notice': '',
      'optimiser': {
        'peak': 1e-3,
        'floor': 0.02,
        'betas': (0.9, 0.999),
        'epsilon': 1e-8,
        'weight_decay': 0.02,
        'clip_norm': 1.0,
      },
      'data': {
        'loader': {
          'n_workers': 1,
          'n_threads': 0,
          'n_buffered': 2,
          'shuffle': True,
          'max_bad_share': 0.1,
          'bad_window': 256,
        },
      },
    }
  )
  config.update(own)
  return config
