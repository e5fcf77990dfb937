"""What HawkEye's stages have in common, and what makes one quick."""

from ml_collections import ConfigDict

# The released data lie in this folder as published; make it a link.
DATA = 'data/HawkEye-IT'

# Of Vicuna's LoRA; checkpoints of the stage before have none.
LORA = {
  'rank': 16,
  'alpha': 32.0,
  'dropout': 0.1,
  'targets': ('q_proj', 'v_proj'),
}


def recipe() -> ConfigDict:
  """Returns the numbers that all stages of the paper share.

  Source: HawkEye scripts/train/*.py: AdamW 2e-5, betas (0.9, 0.999),
  weight decay 0.02, no clipping, cosine a step with floor 0.25, warm-up 0.6
  epoch, 12 frames, seed 42, texts of at most 512 tokens and 96 video rows.

  Deviates: bfloat16, where the paper has float16 with loss scaling; layers
  are computed again in the backward pass.
  """
  return ConfigDict(
    {
      'system': 'hawkeye',
      'task': 'answers',
      'seed': 42,
      'batch_size': 16,
      'accumulate': 1,
      'steps': None,
      'epochs': 3.0,
      'warmup_steps': None,
      'warmup_epochs': 0.6,
      'log_every': 10,
      'checkpoint_every': 1000,
      'keep_last': 2,
      'keep_every': None,
      'max_skipped': 50,
      'mesh': {'data': -1, 'fsdp': 1, 'tensor': 1},
      'start': {
        'init_from': None,
        'preset': None,
        'model': None,
        'tokenizers': None,
        'reinit_projector': False,
      },
      'trainable': (r'.*/lora_[ab]', r'qformer/.*', r'projector/.*'),
      'compute': {'dtype': 'bfloat16', 'attention': 'auto', 'remat': True},
      'statistics': 'imagenet',
      'first_slot': 'ones',
      'save_dtype': 'float32',
      'notice': '',
      'optimiser': {
        'peak': 2e-5,
        'floor': 0.25,
        'betas': (0.9, 0.999),
        'epsilon': 1e-8,
        'weight_decay': 0.02,
        'clip_norm': None,
      },
      'data': {
        'files': (),
        'stories': (),
        'n_frames': 12,
        'row_tokens': 608,
        'instruction_tokens': 512,
        'augment': {
          'size': 224,
          'crop': 'random',
          'scale': (0.5, 1.0),
          'ratio': (3 / 4, 4 / 3),
          'flip': 'plain',
        },
        'clip': {
          'crop': 'negative_span',
          'frame_choice': 'rand',
          'shuffle': 'once',
          'view_share': 0.0,
          'view_rounds': 3,
          'tell_times': True,
        },
        'layout': 'paper',
        'label_grid': 0,
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
