"""How each recorded array is made by our modules, by its name."""

from collections.abc import Callable

import numpy as np

from vtg_jax.systems.timechat.replay.network import Replayed

# What an array shows of the videos of a part -> the step that gives it, and
# whether all frames of all videos are one axis.
_STEPS = {
  'vit_features': ('encoded', True),
  'ln_vision': ('features', True),
  'qformer_hidden': ('rows', True),
  'frame_hidden': ('positioned', False),
  'video_qformer_hidden': ('queries', False),
  'video_tokens': ('tokens', False),
}


def _step(replayed: Replayed, part: str, name: str, number: str | None):
  field, flat = _STEPS[name]
  array = np.asarray(getattr(replayed.seen(part, int(number or 0)), field))
  return array.reshape(-1, *array.shape[2:]) if flat else array


# How each array of outputs.npz is made: name -> function of (set, *groups).
# Parts, numbers and keys are read from the names.
OUTPUTS: tuple[tuple[str, Callable], ...] = (
  (rf'([a-z]+)_({"|".join(_STEPS)})(?:_(\d+))?', _step),
  (r'eval_inputs_embeds', lambda r: r.prompt_embeds),
  (
    r'eval_attention_mask',
    lambda r: r.rows('eval').attention_mask.astype(np.float32),
  ),
  (r'eval_position_ids', lambda r: r.rows('eval').positions),
  (
    r'eval_logits_(no)?lora',
    lambda r, without: r.prompt_logits(lora=not without),
  ),
  (r'eval_greedy_ids', lambda r: r.generation.ids),
  (r'eval_greedy_step_logits', lambda r: r.generation.step_logits),
  (
    r'([a-z]+)_(loss|logits)_(no)?lora',
    lambda r, part, field, without: getattr(
      r.trained(part, lora=not without), field
    ),
  ),
  (r'([a-z]+)_inputs_embeds', lambda r, part: r.trained(part).embeds),
  (r'([a-z]+)_grad/(.+)', lambda r, part, key: r.trained(part).gradients[key]),
)


def usual_names(replayed: Replayed) -> list[str]:
  """What outputs.npz holds, for a folder without it."""
  names = []
  parts = replayed.parts()
  if 'eval' in parts:
    names += [f'eval_{name}' for name in _STEPS]
    names += [
      'eval_inputs_embeds',
      'eval_attention_mask',
      'eval_position_ids',
      'eval_logits_lora',
      'eval_logits_nolora',
      'eval_greedy_ids',
      'eval_greedy_step_logits',
    ]
  keys = replayed.golden.description.get('grad_keys', [])
  for part in parts:
    if f'{part}_input_ids' not in replayed.inputs:
      continue
    names += [f'{part}_loss_lora', f'{part}_logits_lora']
    names += [f'{part}_inputs_embeds', f'{part}_loss_nolora']
    names += [f'{part}_grad/{key}' for key in keys]
    if len(replayed.videos(part)) == 1:
      steps = ('ln_vision', 'qformer_hidden', 'video_qformer_hidden')
      names += [f'{part}_{name}' for name in steps]
  return names
