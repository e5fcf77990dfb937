"""ReVisionLLM's golden folders: changed copies, and other sizes."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from tests.convert.small_model import save
from tests.systems import golden_folder
from tests.systems.revisionllm.golden import GOLDEN, TOLD
from vtg_jax.convert.readers import SCOPE_END
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.golden_weights import released_tensors
from vtg_jax.systems.revisionllm import prompt, release
from vtg_jax.systems.revisionllm.model import param_shapes

# Scope of a key -> the file that holds it.
FILES = {
  'projector': 'vtimellm_stage1/mm_projector',
  'sparse': 'stage1_sparse/non_lora_trainables',
  'dense': 'stage1_dense/adapter_model',
  'long': 'stage2_long/adapter_model',
}


def copy(
  folder: Path,
  *,
  outputs: Mapping[str, np.ndarray] | None = None,
  inputs: Mapping[str, np.ndarray] | None = None,
  left_out: Iterable[str] = (),
) -> Path:
  """The recorded folder, without its cases and with other arrays.

  Args:
    folder: The new one.
    outputs: The record; there is none when None.
    inputs: The recorded ones when None.
    left_out: Folders of `ckpt` that are not copied.
  """
  golden_folder.write(
    folder,
    GOLDEN,
    TOLD,
    golden_folder.load(GOLDEN / 'inputs.npz') if inputs is None else inputs,
    outputs=outputs,
    files=['tokenizer.model'],
  )
  ignored = shutil.ignore_patterns(*left_out, '*.bin')
  shutil.copytree(GOLDEN / 'ckpt', folder / 'ckpt', ignore=ignored)
  return folder


def resized(folder: Path, *, llama, adapter, lora, **changes) -> Path:
  """A set of other sizes with random weights and no record.

  Args:
    folder: The new one.
    llama: Changes of the language model.
    adapter: Of the encoder.
    lora: Of the adapters.
    **changes: Of everything else in config.json.
  """
  told = TOLD | changes
  told |= {
    'llama': TOLD['llama'] | llama,
    'adapter': TOLD['adapter']
    | adapter
    | {'hidden_size': llama['hidden_size']},
    'lora': TOLD['lora'] | lora,
  }
  del told['texts'], told['checkpoint_keys'], told['cross_attn_variant_keys']
  config = release.config_of_golden(told)
  params = golden_folder.random_params(param_shapes(config))
  by_scope = {}
  for key, tensor in released_tensors(params, release.table(config)).items():
    scope, _, own = key.rpartition(SCOPE_END)
    by_scope.setdefault(scope, {})[own] = tensor
  golden_folder.write(
    folder,
    GOLDEN,
    told,
    _inputs(told, config),
    weights=by_scope.pop(''),
    files=['tokenizer.model'],
  )
  for scope, tensors in by_scope.items():
    file = folder / 'ckpt' / f'{FILES[scope]}.safetensors'
    file.parent.mkdir(parents=True, exist_ok=True)
    save(file, tensors)
  return folder


def _inputs(told, config) -> dict[str, np.ndarray]:
  """Two dense samples, one sparse one, and three prompts to go on from."""
  tokenizer = SentencePieceTokenizer(GOLDEN / 'tokenizer.model')
  rng = np.random.default_rng(1)
  F, D = config.n_frames, config.features_width
  R = told['num_segments']

  def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)

  def asked(query, template):
    turn = prompt.question(told['queries'][query], template=template)
    return prompt.prompt_ids(tokenizer, prompt.chat_prompt(turn))

  made = {
    'score/query_cls': normal(D),
    'score/spans': np.array([[0, 1], [1, F]]),
  }
  for part, n, answers in (
    ('dense', 2, 'answers_dense'),
    ('hier', 1, 'answers_hier'),
  ):
    texts = [
      prompt.chat_prompt(prompt.question(query), answer)
      for query, answer in zip(
        told['queries'][:n], told[answers][:n], strict=True
      )
    ]
    ids = [prompt.prompt_ids(tokenizer, text) for text in texts]
    labels = [prompt.learnt_labels(tokenizer, text) for text in texts]
    longest = max(map(len, ids))
    shape = (n, F, D) if part == 'dense' else (n, R, F, D)
    made |= {
      f'{part}/features': normal(*shape),
      f'{part}/query_tokens': normal(n, 3, D),
      f'{part}/query_mask': np.float32([[1, 1, 1], [1, 0, 0]])[:n],
      f'{part}/input_ids': _filled(ids, longest, prompt.PAD_ID),
      f'{part}/labels': _filled(labels, longest, prompt.IGNORE),
    }
    made[f'{part}/attention_mask'] = made[f'{part}/input_ids'] != 0
  made['novideo/input_ids'] = np.where(
    made['dense/input_ids'] * [[0], [1]] == prompt.VIDEO_ID,
    5,
    made['dense/input_ids'],
  )
  frames, video = prompt.FRAMES_QUESTION, prompt.VIDEO_QUESTION
  return made | {
    'gen_dense_q1_n3/prompt_ids': np.array([asked(1, frames)] * 2),
    'gen_dense_q0_n2_single1/prompt_ids': np.array([asked(0, frames)]),
    'gen_hier_zoom2/prompt_ids': np.array([asked(0, video)]),
  }


def _filled(rows, length, fill) -> np.ndarray:
  return np.array([row + [fill] * (length - len(row)) for row in rows])
