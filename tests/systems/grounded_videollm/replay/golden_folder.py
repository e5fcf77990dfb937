"""Grounded-VideoLLM's golden folders: changed copies, and other sizes."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from tests.systems import golden_folder
from tests.systems.grounded_videollm.golden import GOLDEN, TOLD
from vtg_jax.convert.internvideo2 import internvideo2_alignment_table
from vtg_jax.encoders.internvideo2_alignment import Alignment, AlignmentConfig
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm import model, prompt, release, rows
from vtg_jax.systems.grounded_videollm.replay.sections import BASE, TUNED
from vtg_jax.systems.replay.golden_weights import released_tensors

# What keys of a file begin with -> its section. The first that fits counts.
_FILES = {
  'vision_model.': 'vision_model.pth',
  'glb_GN': '{}/image_newlines.pth',
  'sub_GN': '{}/image_newlines.pth',
  'image_newline': '{}/image_newline.pth',
  '': 'internvideo2.pt',
}
# Module, with which our keys begin and the section's do not -> its section.
_MODULES = {
  'multi_modal_projector.': '{}/multi_modal_projector.pth',
  'video_projecter.': '{}/ckpt[model][video_projecter]',
  'language_model.': f'{{}}/{TUNED}',
}


def inputs() -> dict[str, np.ndarray]:
  return golden_folder.load(GOLDEN / 'inputs.npz')


def outputs(*names: str) -> dict[str, np.ndarray]:
  """Some of the recorded arrays; all when none is named."""
  recorded = golden_folder.load(GOLDEN / 'outputs.npz')
  return {name: recorded[name] for name in names or recorded}


def only(told: dict, *llms: str) -> dict:
  """A description with these language models, and no figures of theirs."""
  others = {'phi3', 'llama3'} - set(llms)
  told = {key: value for key, value in told.items() if key not in others}
  figures = ('sft_texts', 'sft_durations', 'prompts', 'gen_texts')
  figures += ('sft_raw_conversations', 'gen_prompt_len')
  return told | {
    llm: {k: v for k, v in told[llm].items() if k not in figures}
    for llm in llms
  }


def write(folder: Path, told: dict, inputs, *, cases=False, **options) -> Path:
  """A golden folder with the tokenizers of its language models."""
  files = [f'tokenizer_{llm}.json' for llm in ('phi3', 'llama3') if llm in told]
  if cases:
    files.append('cases.json')
  return golden_folder.write(
    folder, GOLDEN, told, inputs, files=files, **options
  )


def resized(llm, *, batch, video, clip, internvideo2, language, **changes):
  """The description and inputs of a set of other sizes, of one model.

  Args:
    llm: Its language model.
    batch: Videos.
    video: Segments, and frames of each.
    clip: Changes of the image encoder.
    internvideo2: Of the video encoder.
    language: Of the language model.
    **changes: Of everything else.
  """
  n_segments, n_frames = video
  told = only(TOLD, llm) | changes
  told |= {
    'batch': batch,
    'num_segs': n_segments,
    'num_frames': n_segments * n_frames,
    'frames_per_seg': n_frames,
    'clip': TOLD['clip'] | clip,
    'internvideo2': TOLD['internvideo2'] | internvideo2,
    llm: told[llm] | language,
  }
  words = time_tokens(told['num_temporal_tokens'])
  plain = JsonTokenizer(GOLDEN / f'tokenizer_{llm}.json')
  first = plain.vocab_size
  told[llm] |= {
    'vocab_size_extended': told[llm]['base_vocab_size'] + len(words),
    'temporal_token_ids': [first, first + len(words) - 2],
    'grounding_token_id': first + len(words) - 1,
    'sft_texts': [_example(llm, n) for n in range(batch)],
    'prompts': [
      prompt.asked('When' + ', when' * n, prompt.DIALECTS[llm], when=True)
      for n in range(batch)
    ],
  }
  rng = np.random.default_rng(0)

  def frames(n, size):
    return rng.normal(size=(batch, n, 3, size, size)).astype(np.float32)

  made = {
    'spatial_pixel_values': frames(n_segments, told['clip']['image_size']),
    'temporal_pixel_values': frames(
      n_segments * n_frames, told['internvideo2']['img_size']
    ),
    **_token_rows(llm, told),
  }
  return told, made


def _example(llm, n) -> str:
  turns = prompt.marked(
    [
      {'from': prompt.HUMAN, 'value': f'{prompt.VIDEO}\nWhen{"?" * n}'},
      {'from': prompt.ASSISTANT, 'value': f'From <{n}> to <{n + 1}>.'},
    ]
  )
  return prompt.conversation(turns, prompt.DIALECTS[llm])


def _token_rows(llm, told):
  dialect = prompt.DIALECTS[llm]
  words = time_tokens(told['num_temporal_tokens'])
  file = GOLDEN / f'tokenizer_{llm}.json'
  made = {}
  for name, texts, tokenizer in (
    ('stage1', told[llm]['sft_texts'], JsonTokenizer(file)),
    ('sft', told[llm]['sft_texts'], JsonTokenizer(file, words)),
  ):
    batch = rows.training_rows(texts, tokenizer, dialect, max_tokens=999)
    made |= {
      f'{llm}.{name}.input_ids': batch.input_ids.astype(np.int64),
      f'{llm}.{name}.labels_text': batch.labels.astype(np.int64),
      f'{llm}.{name}.attention_mask_text': batch.attention_mask.astype(int),
    }
  asked = rows.prompt_rows(
    told[llm]['prompts'], JsonTokenizer(file, words), dialect, max_tokens=999
  )
  return made | {f'{llm}.gen.input_ids': asked.input_ids.astype(np.int64)}


def weights_of(told: dict, llm: str) -> dict[str, np.ndarray]:
  """Random weights of all files of a set of one model."""
  config = release.config_of_golden(told, llm)
  # As deep as the files, so with a layer that the model does not run.
  deep = dataclasses.replace(
    config,
    image_encoder=dataclasses.replace(
      config.image_encoder, n_layers=told['clip']['layers']
    ),
    video_encoder=dataclasses.replace(
      config.video_encoder, n_layers=told['internvideo2']['depth']
    ),
  )
  params = golden_folder.random_params(model.param_shapes(deep))
  tensors = released_tensors(params, release.table(deep))
  sections = {}
  for key, tensor in tensors.items():
    start, section = next(
      (start, section)
      for start, section in (_MODULES | _FILES).items()
      if key.startswith(start)
    )
    own = key.removeprefix(start) if start in _MODULES else key
    sections[f'{section.format(llm)}|{own}'] = tensor
  base = release.config_of_golden(told, llm, tuned=False)
  params = golden_folder.random_params(model.param_shapes(base))
  for key, tensor in released_tensors(
    {'llm': params['llm']}, release.table(base)
  ).items():
    own = key.removeprefix('language_model.base_model.model.')
    sections[f'{llm}/{BASE}|{own}'] = tensor
  for key, tensor in _alignment(told['internvideo2'], config).items():
    sections[f'internvideo2.pt|{key}'] = tensor
  return sections


def _alignment(told, config) -> dict[str, np.ndarray]:
  video = config.video_encoder
  heads = Alignment(
    AlignmentConfig(
      n_heads=told['heads'],
      pooled_width=told['clip_embed_dim'],
      token_width=told['clip_teacher_embed_dim'],
      clip_width=told['clip_teacher_final_dim'],
      n_layers=told['clip_return_layer'],
      norm_eps=1e-5,
      table_steps=video.table_steps,
      grid=video.grid,
    ),
    Compute(),
  )
  n_tokens = 1 + config.frames_per_segment * video.grid**2
  states = jnp.zeros((told['depth'], 1, n_tokens, video.block.width))
  shapes = jax.eval_shape(heads.init, jax.random.key(0), states)
  params = golden_folder.random_params(nn.meta.unbox(shapes)['params'])
  return released_tensors({'alignment': params}, internvideo2_alignment_table())
