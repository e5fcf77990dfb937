"""What `vtg verify` tells of a golden folder besides its recorded arrays."""

import json
from pathlib import Path

from tests.systems.golden_folder import load

GOLDEN = Path(__file__).parents[1] / 'golden'
# Files of arrays that are replayed, where a folder has them.
RECORDED = ('outputs.npz', 'posembed_preproc.npz')
# Cases and a search that are written as text, beside the arrays.
_WRITTEN = {'revisionllm': {'python_cases.json', 'recursion_trace.json'}}
# Where every kind of case is compared.
_CASES = {'timechat': 'cases.json'}


def compared(system: str) -> set[str]:
  """Names of figures, texts, ids and exports that have to be compared."""
  return _NAMES[system]()


def written(system: str) -> set[str]:
  """Names that have to be among the replayed arrays."""
  recorded = {name for record in records(system) for name in record}
  return recorded | _WRITTEN.get(system, set())


def records(system: str) -> list[dict]:
  """The recorded arrays, file by file."""
  files = [GOLDEN / system / name for name in RECORDED]
  return [load(file) for file in files if file.exists()]


def cases(system: str) -> set[str]:
  """Kinds of cases of which some have to be compared."""
  return set(_read(system, _CASES[system])) if system in _CASES else set()


def _hawkeye() -> set[str]:
  told = _read('hawkeye', 'config.json')
  # Of the prompts without a text, no text is recorded.
  ids = [
    name
    for name in load(GOLDEN / 'hawkeye/inputs.npz')
    if '_ids' in name and not name.startswith('gen_noprompt_')
  ]
  return {
    *(f'losses.{name}' for name in told['losses']),
    *(f'grad_norms.{key}' for key in told['grad_norms']),
    *(f'tokenise {name}' for name in ids),
  }


def _grounded_videollm() -> set[str]:
  rows = ('input_ids', 'labels_text', 'attention_mask_text')
  batches = {'stage1': rows, 'sft': rows, 'gen': rows[:1]}
  figures = ('sft_texts', 'prompts', 'gen_texts', 'temporal_token_ids')
  return {
    name
    for llm in ('phi3', 'llama3')
    for name in (
      *(f'{llm}.{figure}' for figure in figures),
      *(f'export {llm}.{part}' for part in ('base', 'tuned')),
      *(
        f'tokenise {llm}.{batch}.{part}'
        for batch, parts in batches.items()
        for part in parts
      ),
    )
  }


def _revisionllm() -> set[str]:
  return {'export', 'texts.gen_dense_q0', 'tokenise dense/labels'}


def _timechat() -> set[str]:
  texts = _read('timechat', 'texts.json')
  ids = [
    name
    for name in load(GOLDEN / 'timechat/inputs.npz')
    if name.endswith(('_ids', '_labels')) or '_ids_' in name
  ]
  return {
    *('export', 'normalise eval_pixel_values'),
    *(f'texts.{name}' for name in texts if name.startswith('eval')),
    *(f'tokenise {name}' for name in ids),
  }


def _read(system: str, name: str) -> dict:
  return json.loads((GOLDEN / system / name).read_text('utf-8'))


_NAMES = {
  'grounded_videollm': _grounded_videollm,
  'hawkeye': _hawkeye,
  'revisionllm': _revisionllm,
  'timechat': _timechat,
}
SYSTEMS = tuple(_NAMES)
