"""Recorded cases of ReVisionLLM's rules, and what of the library computes them.

`FINDERS` is where the cases of further rooms plug in.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from vtg_jax.systems import replay_cases
from vtg_jax.systems.replay import Comparison
from vtg_jax.systems.replay_cases import Case, FindRule, Rule
from vtg_jax.systems.revisionllm import prompt
from vtg_jax.systems.revisionllm.replay import case_rules_data, search_cases

FILE_NAME = 'python_cases.json'


class ByteTokenizer:
  """The toy tokenizer of the record: a byte's id is three above it."""

  bos_id = 1

  def encode(self, text: str, *, bos: bool = False) -> list[int]:
    return [self.bos_id] * bos + [byte + 3 for byte in text.encode()]


def placeholders(case: Case, _: Case) -> dict[str, Any]:
  """Tokenises a text with placeholders."""
  return {'ids': prompt.prompt_ids(ByteTokenizer(), case['text'])}


def prompts(case: Case, _: Case) -> dict[str, Any]:
  """Writes the chat around the turns of recorded prompts."""
  before, after = f' {prompt.USER}: ', f' {prompt.ASSISTANT}:'
  ours = {}
  for field, text in case.items():
    asked, _, answer = text.partition(before)[2].partition(after)
    answer = answer.removeprefix(' ').removesuffix(prompt.END)
    ours[field] = prompt.chat_prompt(asked, answer or None)
  return ours


RULES = {
  'tokenizer_image_token_bytes': Rule(
    replay=placeholders, gives=('text',), computes=('ids',)
  ),
  'prompts': Rule(
    replay=prompts,
    gives=('inference', 'training'),
    computes=('inference', 'training'),
    one_case=True,
  ),
}
# Each gives the rule of a key, or None where it has none; the first counts.
FINDERS: tuple[FindRule, ...] = (
  lambda key, _: RULES.get(key),
  search_cases.find_rule,
  case_rules_data.find_rule,
)


def find_rule(key: str, cases: Any) -> Rule | None:
  """The rule that replays the cases of a key; None where there is none."""
  found = (find(key, cases) for find in FINDERS)
  return next(filter(None, found), None)


def replay(folder: Path) -> tuple[list[Comparison], dict[str, np.ndarray]]:
  """Replays a folder's file of cases; nothing where it has none.

  Raises:
    BadInput: the file is no JSON object.
  """
  if not (folder / FILE_NAME).is_file():
    return [], {}
  recorded = replay_cases.read_cases(folder, FILE_NAME)
  cases = replay_cases.replay_values(recorded, find_rule)
  values = np.array(json.dumps(cases.values))
  return list(cases.comparisons), {FILE_NAME: values}
