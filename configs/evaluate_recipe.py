"""What the benchmarks of the paper's grounding have in common."""

from ml_collections import ConfigDict


def grounding_recipe(title: str, file_format: str, arg: str) -> ConfigDict:
  """Returns the config of a benchmark, asked as the model's paper asks.

  Args:
    title: of the table.
    file_format: of the annotations; see `evaluation.annotations`.
    arg: 'quicktest' asks the first 8 sentences.
  """
  config = ConfigDict()
  config.benchmark = 'grounding'
  config.title = title
  config.format = file_format
  config.annotations = ''
  config.videos = ''
  config.first = 8 if arg == 'quicktest' else None
  config.resize = 'pil'
  # 'paper' or 'best': what the model's system takes where nothing is said.
  config.protocol = 'paper'
  # Options of the model's `ground`, whatever they are: search.sampling=paper.
  config.search = {}
  # Further seeds of the option order; whether an IoU must exceed a threshold.
  # Null leaves both to the system.
  config.other_orders = None
  config.strict = None
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}
  return config
