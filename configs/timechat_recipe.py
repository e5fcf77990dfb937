"""What trainings of the whole TimeChat have in common, and what is quick."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

# Annotations and videos lie here as the release has them below its data/; make
# it a link.
DATA = 'data/timechat'
# What all but fine-tuning start from: no adapters yet, and 32 positions of
# frames.
START = 'checkpoints/timechat_start'
# What fine-tuning starts from, as released.
TIMECHAT = 'checkpoints/timechat'
LORA = {
  'rank': 32,
  'alpha': 32.0,
  'dropout': 0.1,
  'targets': ('q_proj', 'k_proj', 'v_proj', 'o_proj'),
}
N_FRAMES = 96
# The encoder of images, its norm and the language model rest.
TRAINABLE = (
  r'.*/lora_[ab]',
  r'qformer/.*',
  r'video_qformer/.*',
  r'projector/.*',
)
# What digits of places add to it.
NEW_ROWS = r'llm/new_(embed|head)'


def videos(name: str, annotations: str) -> dict:
  """Conversations about videos; see `ReleasedFiles`."""
  return {
    'name': name,
    'annotations': f'{DATA}/instructions/{annotations}',
    'videos': DATA,
  }


# Without YouCook2, Charades-STA and QVHighlights; speech in the questions.
TIMEIT = videos('TimeIT', 'instruct_time-sensitive_104k_asr.json')
VALLEY = videos('Valley', 'valley_instruct_72k.json')


def recipe() -> ConfigDict:
  """Returns the numbers that all trainings share.

  Source: TimeChat's training configuration: AdamW, betas (0.9, 0.999), weight
  decay 0.05 on matrices, no clipping, 3e-5 to 1e-5 on a cosine that has fallen
  already where the warm-up from 1e-6 ends; seed 42; 96 frames drawn at random,
  one random crop a video, texts of at most 2048 tokens, video included.

  Deviates: bfloat16, where the release has float16 with loss scaling; what
  trains and its moments are float32. The rate moves once a step, not with
  every micro-batch, and the loss is the mean over the tokens of the global
  batch. Questions are put in training as they will be in use. Frames' times
  are told to the image Q-Former in its own tokenizer's words, in a row of 16;
  data.time_tokenizer=released has the language model's, as the release trains.
  A video that cannot be read gives way to another sample, and is counted.
  """
  return ConfigDict(
    {
      'system': 'timechat',
      'task': 'answers',
      'seed': 42,
      'batch_size': 8,
      'accumulate': 1,
      'steps': None,
      'epochs': None,
      'warmup_steps': None,
      'warmup_epochs': None,
      'warmup_share': None,
      'log_every': 10,
      'checkpoint_every': 1000,
      'keep_last': 2,
      'keep_every': None,
      'max_skipped': 50,
      'mesh': {'data': -1, 'fsdp': 1, 'tensor': 1},
      'start': {
        'init_from': START,
        'preset': None,
        'model': {
          'llm': {'lora': LORA},
          'n_frames': N_FRAMES,
          'video_qformer': {'n_frames': N_FRAMES},
        },
        'tokenizers': None,
        'image_encoder': None,
        'drawn': (),
        'digit_rows': False,
      },
      'trainable': TRAINABLE,
      'compute': {'dtype': 'bfloat16', 'attention': 'auto', 'remat': True},
      'save_dtype': 'float32',
      'notice': '',
      'optimiser': {
        'peak': 3e-5,
        'floor': 1 / 3,
        'start': 1 / 30,
        'betas': (0.9, 0.999),
        'epsilon': 1e-8,
        'weight_decay': 0.05,
        'spared': (),
        'clip_norm': None,
        'groups': (),
      },
      'data': {
        'videos': (TIMEIT, VALLEY),
        'images': (),
        'clips': (),
        'drawn_videos': (),
        'drawn_images': (),
        'drawn_clips': (),
        'row_tokens': 2048,
        'time_tokens': 16,
        'places': 'plain',
        'qformer_time_format': 'seconds',
        'time_tokenizer': 'own',
        'sampling': 'rand',
        'random_crop': True,
        'max_asked': 0,
        'loader': {
          'n_workers': 6,
          'n_threads': 0,
          'n_buffered': 2,
          'shuffle': True,
          'max_bad_share': 0.1,
          'bad_window': 256,
        },
      },
    }
  )


def fine_tuning(
  arg: str,
  files: Mapping[str, Any],
  *,
  micro_batches: int,
  micro_size: int = 1,
  accumulate: int = 8,
) -> ConfigDict:
  """Returns three epochs of one data set, the first of which is warm-up.

  Source: TimeChat's fine-tuning configurations. They count the micro-batches
  of a GPU and do not say how many GPUs there were; their runs are named for 8
  samples a step, which are those of one.

  Args:
    arg: '' or 'quicktest'.
    files: the data set; see `ReleasedFiles`.
    micro_batches: of an epoch, which need not be a pass over the data.
    micro_size: samples of one.
    accumulate: micro-batches of a step.

  Raises:
    ValueError: another argument.
  """
  _, quick = read_argument(arg, ())
  config = recipe()
  config.start.init_from = TIMECHAT
  config.batch_size, config.accumulate = micro_size * accumulate, accumulate
  config.steps = 3 * micro_batches // accumulate
  config.warmup_steps = micro_batches / accumulate
  config.data.videos = (dict(files),)
  return quicktest(config) if quick else config


def tell_places_in_digits(config: ConfigDict) -> None:
  """Seq2Time's relative positions: ten words, whose rows alone train.

  The Q-Former reads a place in decimals: images have no seconds.
  """
  config.start.digit_rows = True
  config.trainable = (*config.trainable, NEW_ROWS)
  config.optimiser.spared = (NEW_ROWS,)
  config.data.places = 'codes'
  config.data.qformer_time_format = 'relative_text'


def output(stage: str, variant: str = '') -> str:
  """Where `vtg train` leaves the model of a stage."""
  return f'out/timechat/{stage}{f"-{variant}" if variant else ""}/model'


def read_argument(arg: str, variants: tuple[str, ...]) -> tuple[str, bool]:
  """The variant that an argument names, and whether it is to be quick.

  Args:
    arg: '', a variant, 'quicktest', or both as 'quicktest-plain'.
    variants: But for the usual one, ''.

  Raises:
    ValueError: another argument.
  """
  choices = {}
  for variant in ('', *variants):
    choices[variant] = variant, False
    choices[f'quicktest-{variant}'.rstrip('-')] = variant, True
  if arg not in choices:
    raise ValueError(
      f'get_config knows no argument {arg!r}; leave it out or use '
      f'{", ".join((*variants, "quicktest"))}'
    )
  return choices[arg]


_KNOBS = {'max_concurrent': 1, 'n_events': (1, 2)}
_FEW = 64


def quicktest(config: ConfigDict) -> ConfigDict:
  """Returns the config with few steps, a tiny network and drawn data.

  What a training has of its own stays: what trains, the optimiser, how times
  are told, which kinds of data there are.
  """
  config.batch_size, config.accumulate = 4, min(config.accumulate, 2)
  config.steps, config.epochs = 4, None
  config.warmup_steps = 1.0
  config.warmup_epochs = config.warmup_share = None
  config.log_every, config.checkpoint_every = 1, 2
  config.start.init_from, config.start.preset = None, 'small'
  config.start.model = {
    'encoder': {'n_layers': 1},
    'qformer': {'n_layers': 2},
    'llm': {'n_layers': 1},
    'n_frames': 8,
  }
  config.compute = {'dtype': 'float32', 'attention': 'auto', 'remat': True}
  data = config.data
  drawn = {'preset': 'standard', 'n_stories': _FEW, 'draw_size': 32}
  if data.videos:
    data.drawn_videos = ({**drawn, 'n_grounding': 2},)
  if data.images:
    rule = {'n_iig': _FEW, 'n_iic': _FEW, 'n_alr': _FEW, 'n_images': 8}
    data.drawn_images = ({**drawn, 'knobs': _KNOBS, 'rule': rule},)
  if data.clips:
    rule = {'n_grounding': _FEW, 'n_dense': _FEW, 'n_frames': 8}
    rule['n_clips'] = (2, 2)
    data.drawn_clips = ({**drawn, 'knobs': _KNOBS, 'rule': rule},)
  data.videos = data.images = data.clips = ()
  data.row_tokens, data.time_tokens = 640, 24
  data.loader.n_workers = 0
  config.notice = 'a few steps of a tiny model: its answers mean nothing'
  return config
