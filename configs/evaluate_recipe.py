"""What the benchmarks of a kind have in common."""

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


def long_recipe(config: ConfigDict) -> None:
  """Adds how sentences of hours of video are asked and scored."""
  # Answers a sentence.
  config.top_k = 5
  # 'isotonic' or 'temperature', and what the IoU of a right moment exceeds.
  config.calibration = 'isotonic'
  config.hit_iou = 0.5
  # Of absent sentences, at most this share is to be answered with a moment.
  config.false_alarm_rate = 0.1
  config.resize = 'pil'
  # 'paper' or 'best': what the model's system takes where nothing is said.
  config.protocol = 'best'
  # Options of the model's `ground`, whatever they are: search.sampling=paper.
  config.search = {}
  # Searches to compare, each a table of such options; see long_searches.
  config.searches = {}
  config.other_orders = 0
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}


def long_moments_recipe(
  title: str, file_format: str, fps: float, arg: str
) -> ConfigDict:
  """Returns the config of a benchmark of one moment a sentence.

  Args:
    title: of the table.
    file_format: of the annotations; see `evaluation.long_files`.
    fps: rows per second of the features that are released.
    arg: 'quicktest' asks the first 8 sentences.
  """
  config = ConfigDict()
  config.benchmark = 'long_moments'
  config.title = title
  config.format = file_format
  config.annotations = ''
  # Features of frames, as released or a folder of indexes; or else videos.
  config.features = ''
  config.features_fps = fps
  config.videos = ''
  config.longer_than_s = None
  config.first = 8 if arg == 'quicktest' else None
  long_recipe(config)
  # As the paper asks.
  config.protocol = 'paper'
  return config


def retrieval_recipe(config: ConfigDict) -> None:
  """Adds how the videos of sentences are looked for and scored."""
  # Videos that are looked at closely; the others are ranked by their frames.
  config.closely = 10
  config.first = None
  config.protocol = 'best'
  # Options of the model's `ground`, whatever they are.
  config.search = {}
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}


def questions_recipe(benchmark: str, title: str, arg: str) -> ConfigDict:
  """Returns the config of a benchmark of questions with options.

  Args:
    benchmark: which reader of annotations.
    title: of the table.
    arg: 'quicktest' asks the first 8 questions.
  """
  config = ConfigDict()
  config.benchmark = benchmark
  config.title = title
  config.annotations = ''
  config.videos = ''
  config.first = 8 if arg == 'quicktest' else None
  config.resize = 'pil'
  # 'paper' or 'best': what the model's system takes where nothing is said.
  config.protocol = 'paper'
  # Options of the model's `answer`, whatever they are: answer.mode=score.
  config.answer = {}
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}
  return config


def captions_recipe(title: str, arg: str) -> ConfigDict:
  """Returns the config of a benchmark whose videos are to be told.

  Args:
    title: of the table.
    arg: 'quicktest' has the first 8 videos told.
  """
  config = ConfigDict()
  config.title = title
  config.first = 8 if arg == 'quicktest' else None
  config.resize = 'pil'
  # 'paper' or 'best': what the model's system takes where nothing is said.
  config.protocol = 'paper'
  # Options of the model's `dense_caption`, whatever they are.
  config.tell = {}
  # How sentences are compared: 'published' by METEOR and CIDEr, which need an
  # extra and Java; 'overlap' counts words in common.
  config.words = 'published'
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}
  return config


def highlights_recipe(title: str, arg: str) -> ConfigDict:
  """Returns the config of a benchmark whose highlights are to be found.

  Args:
    title: of the table.
    arg: 'quicktest' asks the first 8 sentences.
  """
  config = ConfigDict()
  config.benchmark = 'highlights'
  config.title = title
  config.annotations = ''
  config.videos = ''
  config.first = 8 if arg == 'quicktest' else None
  config.resize = 'pil'
  # 'paper' or 'best': what the model's system takes where nothing is said.
  config.protocol = 'paper'
  # Options of the model's `highlights`, whatever they are.
  config.mark = {}
  config.bootstrap = {'n_resamples': 2000, 'level': 0.95, 'seed': 0}
  return config


def stories_recipe(config: ConfigDict, arg: str) -> None:
  """Adds which generated videos are watched, and how.

  Args:
    config: gets the entries.
    arg: 'quicktest' watches two videos.
  """
  quick = arg == 'quicktest'
  # The end is excluded.
  config.seeds = '2000000:2000002' if quick else '2000000:2000500'
  config.difficulty = 'standard'
  # Knobs of its world that are set otherwise; see `shape_stories`.
  config.knobs = {}
  # False renders frames of `size` pixels instead of reading MP4 files.
  config.files = True
  config.size = None
  config.cache = ''
  # Processes that write files ahead.
  config.workers = 0 if quick else 4
