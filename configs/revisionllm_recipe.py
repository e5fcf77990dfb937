"""What ReVisionLLM's stages have in common, and what makes one quick."""

import dataclasses

from ml_collections import ConfigDict

# Annotations and features lie here; make it a link.
DATA = 'data/revisionllm'
# Vicuna-7B-v1.5 with VTimeLLM's projector, and its stage-2 adapter as 'dense'.
VTIMELLM = 'checkpoints/revisionllm_vtimellm'
LORA = {
  'rank': 64,
  'alpha': 128.0,
  'dropout': 0.05,
  'targets': (
    'q_proj',
    'k_proj',
    'v_proj',
    'o_proj',
    'gate_proj',
    'up_proj',
    'down_proj',
  ),
}
CLIP_ENCODER = {
  'width': 768,
  'n_heads': 8,
  'n_text_layers': 2,
  'n_layers': 2,
  'mlp_hidden': 2048,
  'norm_eps': 1e-5,
  'dropout': 0.1,
  'position_code': 'float32',
}
DENSE = {'name': 'dense', 'lora': 'dense', 'n_windows': None}
SPARSE = {'name': 'sparse', 'lora': 'dense', 'n_windows': 1}

MAD = {
  'name': 'MAD',
  'annotations': f'{DATA}/mad/mad_stage2_fixed_prompt.json',
  'kind': 'conversations',
  'frames': f'{DATA}/mad/CLIP_L14_frames_features_5fps.h5',
  'fps': 5.0,
  'queries': f'{DATA}/mad/clip_text_features.lmdb',
}
VIDCHAPTERS = {
  'name': 'VidChapters-7M',
  'annotations': f'{DATA}/vidchapters/chapters_vmr_train.jsonl',
  'kind': 'chapters',
  'frames': f'{DATA}/vidchapters/clip_l14_2fps',
  'fps': 2.0,
  'queries': f'{DATA}/vidchapters/clip_text_features.lmdb',
}
VIDCHAPTERS_SIZES = {'window_s': 500.0, 'n_frames': 250, 'fps': 2.0}


@dataclasses.dataclass(frozen=True)
class Scale:
  """Samples of a step and rate, as the scripts or the paper have them.

  Attributes:
    batch_size: Samples of a step, over all GPUs.
    accumulate: Micro-batches of a step.
    peak: Learning rate.
  """

  batch_size: int
  accumulate: int = 1
  peak: float = 1e-4


def chosen_scale(arg: str, *, script: Scale, paper: Scale) -> Scale:
  """The numbers that an argument asks for.

  Args:
    arg: '' for the scripts', 'paper' or 'quicktest'.
    script: Of the released scripts.
    paper: Of the paper.

  Raises:
    ValueError: another argument.
  """
  if arg not in ('', 'paper', 'quicktest'):
    raise ValueError(
      f'get_config knows no argument {arg!r}; leave it out or use paper or '
      'quicktest'
    )
  return paper if arg == 'paper' else script


def output(stage: str) -> str:
  """Where `vtg train` leaves the model of a stage."""
  return f'out/revisionllm/{stage}/model'


def long_level(n_windows: int, lora: str | None = None) -> dict:
  """A level that reads so many windows, by default with its own adapter."""
  name = f'long_{n_windows}'
  return {'name': name, 'lora': lora or name, 'n_windows': n_windows}


def recipe(
  scale: Scale, *, epochs: float, levels: tuple[str, ...], files: dict
) -> ConfigDict:
  """Returns the numbers that all stages share.

  Args:
    scale: Samples of a step, and rate.
    epochs: Passes over the data.
    levels: Names of the levels that are trained.
    files: The data set; see `input_pipeline.long_video.source`.

  Source: ReVisionLLM's scripts: AdamW, betas (0.9, 0.999), no weight decay,
  3 % linear warm-up from 0, cosine to 0, bfloat16. Gradients are clipped to
  norm 1, the default of the trainer they call.

  Deviates: bfloat16 activations and frozen weights, but float32 for what
  trains and its moments. The loss is the mean over the tokens of the global
  batch. Samples are those of the `fixed` samplers; data.sampler=released has
  the published ones, defects included. All rows have one length:
  data.text_tokens is the room for question and answer, and what does not fit is
  left out and counted, where the scripts have up to 2048 tokens.
  """
  return ConfigDict(
    {
      'system': 'revisionllm',
      'seed': 42,
      'batch_size': scale.batch_size,
      'accumulate': scale.accumulate,
      'steps': None,
      'epochs': epochs,
      'warmup_steps': None,
      'warmup_epochs': None,
      'warmup_share': 0.03,
      'log_every': 10,
      'checkpoint_every': 500,
      'keep_last': 2,
      'keep_every': None,
      'max_skipped': 50,
      'mesh': {'data': -1, 'fsdp': 1, 'tensor': 1},
      'start': {
        'init_from': None,
        'preset': None,
        'model': {},
        'copied': (),
        'drawn': (),
        'tokenizer': None,
      },
      'levels': levels,
      'trainable': (),
      'compute': {'dtype': 'bfloat16', 'attention': 'auto', 'remat': True},
      'save_dtype': 'float32',
      'notice': '',
      'optimiser': {
        'peak': scale.peak,
        'floor': 0.0,
        'zero_first': True,
        'betas': (0.9, 0.999),
        'epsilon': 1e-8,
        'weight_decay': 0.0,
        'clip_norm': 1.0,
        'groups': (),
      },
      'data': {
        'files': (files,),
        'drawn': (),
        # 1 doubles the sentences with windows that are 'Not Present'.
        'negatives': {'share': 1.0, 'every': 0},
        'kinds': {
          'random': 1.0,
          'hard': 0.0,
          'same_scene': 0.0,
          'n_hardest': 5,
          'strides': 5,
          'frames_compared': 16,
        },
        'sequence': {
          'zoom': 1,
          'fewest': 2,
          'most': 3,
          'absent': False,
          'place': 'drawn',
        },
        'sampler': 'fixed',
        'keep_longer': False,
        'double_short': False,
        'wording': 'as_written',
        'shown': 'windows',
        'yes_no': False,
        'text_tokens': 262,
        'query_words': 75,
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

  What a stage has of its own stays: what trains, the levels, the texts.
  """
  config.batch_size, config.accumulate = 4, min(config.accumulate, 2)
  config.steps, config.epochs = 4, None
  config.log_every, config.checkpoint_every = 1, 2
  levels = tuple(
    {**level, 'n_windows': level['n_windows'] and min(level['n_windows'], 4)}
    for level in config.start.model.levels
  )
  config.start = {
    'init_from': None,
    'preset': 'small',
    'model': {
      'levels': levels,
      'alternate_norm': config.start.model.get('alternate_norm', False),
      'llm': {'n_layers': 1, 'lora': {'rank': 4, 'alpha': 8.0}},
      'n_frames': 8,
      'window_s': 16.0,
    },
    'copied': (),
    'drawn': (),
    'tokenizer': None,
  }
  config.compute = {'dtype': 'float32', 'attention': 'auto', 'remat': True}
  config.data.files = ()
  config.data.drawn = ({'n_videos': 32, 'duration_s': 120},)
  config.data.text_tokens, config.data.query_words = 200, 4
  config.data.loader.n_workers = 0
  config.notice = 'a few steps of a tiny model: its answers mean nothing'
  return config
