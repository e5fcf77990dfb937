"""What the benchmarks of the paper's grounding have in common."""

from ml_collections import ConfigDict


def grounding_recipe(title: str, file_format: str, arg: str) -> ConfigDict:
  """Returns the config of a benchmark, searched as the paper does.

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
  config.search = {
    'sampling': 'paper',
    'mode': 'generate',
    'max_rounds': 4,
    'n_orders': 1,
    'beam_width': None,
    'prefetch': False,
    'seed': 0,
  }
  config.other_orders = 0
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}
  return config
