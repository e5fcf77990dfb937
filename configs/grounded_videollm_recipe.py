"""What Grounded-VideoLLM's stages have in common, and what makes one quick."""

import dataclasses

from ml_collections import ConfigDict

# The folders that the released mixtures name lie here; make it a link.
DATA = 'data/grounded_videollm'
PROJECTORS = r'two_stream/(image|video)_projector/.*'
# What stages 2 and 3 train.
TUNED = (PROJECTORS, r'llm/embed/.*', r'llm/lm_head/.*', r'.*/lora_[ab]')


@dataclasses.dataclass(frozen=True)
class Llm:
  """A released language model.

  Attributes:
    name: What configs call it; the argument of `get_config`.
    n_video: Rows that stand for a video.
  """

  name: str
  n_video: int


LLMS = {'phi3': Llm('phi3', 12 * 285), 'llama3': Llm('llama3', 12 * 193)}


def read_argument(arg: str) -> tuple[Llm, bool]:
  """The language model that an argument names, and whether it says quicktest.

  Args:
    arg: '' for Phi-3.5, 'phi3', 'llama3' or 'quicktest'.

  Raises:
    ValueError: another argument.
  """
  if arg not in ('', 'quicktest', *LLMS):
    raise ValueError(
      f'get_config knows no argument {arg!r}; leave it out or use one of '
      f'quicktest, {", ".join(LLMS)}'
    )
  return LLMS.get(arg, LLMS['phi3']), arg == 'quicktest'


def output(stage: str, arg: str) -> str:
  """Where `vtg train` leaves the model of a stage."""
  return f'out/grounded_videollm/{stage}{f"-{arg}" if arg else ""}/model'


def row_tokens(llm: Llm, max_text_tokens: int) -> int:
  """Tokens of a row in which every text fits, a multiple of 128."""
  n_tokens = llm.n_video + max_text_tokens - 1  # the video was one of them
  return -(-n_tokens // 128) * 128


def recipe(llm: Llm, *, max_text_tokens: int, mixture: str) -> ConfigDict:
  """Returns the numbers that all stages of the paper share.

  Args:
    llm: Language model.
    max_text_tokens: Where a text is cut, the video counting as one token.
    mixture: Name of the released file.

  Source: Grounded-VideoLLM's training scripts: AdamW, betas (0.9, 0.999), no
  weight decay, gradients clipped to norm 1, 3 % linear warm-up from 0, cosine
  to 0, seed 42; 96 frames in 12 segments.

  Deviates: bfloat16 activations and frozen weights, but float32 for what
  trains and its moments, where the reference has bfloat16 alone. The loss is
  the mean over the tokens of the global batch, not of micro-batches' means. An
  epoch is a whole number of batches, and the schedule ends with the last of
  them. Drop-path inside the frozen video encoder is off; drop_path=true has
  it. All rows have one length: short texts cost as much as long ones, so a
  smaller data.row_tokens is faster and leaves out, and counts, what does not
  fit. Where a text is cut, its own last label becomes the end token, not that
  of all rows of its batch. A video that cannot be read gives way to another
  sample, and is counted.
  """
  return ConfigDict(
    {
      'system': 'grounded_videollm',
      'task': 'answers',
      'seed': 42,
      'batch_size': 128,
      'accumulate': 1,
      'steps': None,
      'epochs': 1.0,
      'warmup_steps': None,
      'warmup_epochs': None,
      'warmup_share': 0.03,
      'log_every': 10,
      'checkpoint_every': 1000,
      'keep_last': 2,
      'keep_every': None,
      'max_skipped': 50,
      'mesh': {'data': -1, 'fsdp': 1, 'tensor': 1},
      'start': {
        'init_from': None,
        'preset': None,
        'tuned': False,
        'model': {
          'dialect': llm.name,
          'max_text_tokens': max_text_tokens,
          'video_encoder': {'drop_path': 0.25},
        },
        'tokenizer': None,
      },
      'trainable': TUNED,
      'compute': {'dtype': 'bfloat16', 'attention': 'auto', 'remat': True},
      'drop_path': False,
      'save_dtype': 'float32',
      'notice': '',
      'optimiser': {
        'peak': 2e-4,
        'floor': 0.0,
        'zero_first': True,
        'betas': (0.9, 0.999),
        'epsilon': 1e-8,
        'weight_decay': 0.0,
        'clip_norm': 1.0,
        # 2e-4 and 2e-5; a lower peak lowers both.
        'groups': (
          {'pattern': r'.*/lora_[ab]', 'multiplier': 1.0},
          {
            'pattern': rf'{PROJECTORS}|llm/(embed|lm_head)/.*',
            'multiplier': 0.1,
          },
        ),
      },
      'data': {
        'files': (
          {
            'name': mixture,
            'annotations': f'{DATA}/{mixture}/{mixture}.json',
            'videos': DATA,
          },
        ),
        'stories': (),
        'row_tokens': row_tokens(llm, max_text_tokens),
        'layout': 'conversation',
        'with_times': True,
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


def quicktest(config: ConfigDict) -> ConfigDict:
  """Returns the config with few steps, a tiny network and drawn data.

  What a stage has of its own stays: what trains, the optimiser, the texts.
  """
  config.batch_size, config.accumulate = 4, min(config.accumulate, 2)
  config.steps, config.epochs = 4, None
  config.log_every, config.checkpoint_every = 1, 2
  layers = {'n_layers': 1}
  config.start.init_from = None
  config.start.preset = 'small'
  config.start.model = {
    'image_encoder': layers,
    'video_encoder': {**layers, 'drop_path': 0.25},
    'llm': layers,
    'n_segments': 2,
    'n_frames': 4,
  }
  if config.start.tuned:
    config.start.model.llm = {**layers, 'lora': {'rank': 4, 'alpha': 8.0}}
  config.compute = {'dtype': 'float32', 'attention': 'auto', 'remat': True}
  config.data.files = ()
  config.data.stories = (
    {'preset': 'easy', 'n_stories': 64, 'draw_size': 32, 'n_grounding': 1},
  )
  config.data.row_tokens = 512
  config.data.loader.n_workers = 0
  config.notice = 'a few steps of a tiny model: its answers mean nothing'
  return config
