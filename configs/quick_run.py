"""The argument that makes an experiment quick, whatever the system."""

from ml_collections import ConfigDict


def check_argument(arg: str) -> None:
  """Raises ValueError unless it is '' or 'quicktest'."""
  if arg not in ('', 'quicktest'):
    raise ValueError(
      f'get_config knows no argument {arg!r}; leave it out or use quicktest'
    )


def make_quick(config: ConfigDict) -> None:
  """Cuts a run to a few steps, and has the model say so."""
  config.batch_size, config.steps, config.warmup_steps = 4, 4, 1.0
  config.log_every, config.checkpoint_every = 1, 2
  config.data.loader.n_workers = 0
  config.notice = 'a few steps of a tiny model: its answers mean nothing'
