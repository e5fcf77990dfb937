"""Prompts, labels and answers of a golden set as text, against its record."""

import functools
import re

import numpy as np

from vtg_jax.systems.replay.arrays import attempt
from vtg_jax.systems.replay.comparison import Comparison, compare_values
from vtg_jax.systems.revisionllm import prompt
from vtg_jax.systems.revisionllm.replay.makers import generation
from vtg_jax.systems.revisionllm.replay.network import Replayed

_PROMPT = re.compile(r'prompt_(dense|hier)_q(\d+)')
_QUESTIONS = {
  'dense': prompt.FRAMES_QUESTION,
  'hier': prompt.VIDEO_QUESTION,
}


def text_comparisons(replayed: Replayed) -> list[Comparison]:
  """One comparison for each recorded text and each row of ids."""
  texts = replayed.golden.description.get('texts', {})
  made = []
  for name, recorded in texts.items():
    ours = _prompt if _PROMPT.fullmatch(name) else _answers
    made.append(
      (f'texts.{name}', functools.partial(ours, replayed, name), recorded)
    )
  for name, recorded in replayed.inputs.items():
    part, _, array = name.partition('/')
    if array == 'prompt_ids':
      ours = functools.partial(_generation_prompt, replayed, part)
      made.append((f'tokenise {name}', ours, np.unique(recorded, axis=0)))
    elif array in ('input_ids', 'labels') and part in _ANSWERS:
      ours = functools.partial(_training_rows, replayed, part, array)
      made.append((f'tokenise {name}', ours, recorded))
  return [
    attempt(
      name,
      functools.partial(_compare, name, ours, recorded),
    )
    for name, ours, recorded in made
  ]


# Part -> where config.json has its answers.
_ANSWERS = {'dense': 'answers_dense', 'hier': 'answers_hier'}


def _compare(name, ours, recorded) -> Comparison:
  if isinstance(recorded, np.ndarray):
    recorded = recorded.tolist()
  return compare_values(name, ours(), recorded)


def _prompt(replayed: Replayed, name: str) -> str:
  """An inference prompt, from its query."""
  level, query = _PROMPT.fullmatch(name).groups()
  sentence = replayed.golden.description['queries'][int(query)]
  turn = prompt.question(sentence, template=_QUESTIONS[level])
  return prompt.chat_prompt(turn)


def _generation_prompt(replayed: Replayed, name: str) -> list[list[int]]:
  """Ids of the prompt of a generation, which all its rows have."""
  query = re.match(r'gen_dense_q(\d+)', name)
  level = f'prompt_dense_q{query[1]}' if query else 'prompt_hier_q0'
  ids = prompt.prompt_ids(replayed.golden.tokenizer, _prompt(replayed, level))
  return [ids]


def _answers(replayed: Replayed, name: str) -> list[str]:
  """The answers of a generation, as text."""
  tokenizer = replayed.golden.tokenizer
  eos_id = replayed.golden.description['llama']['eos_token_id']
  return [
    tokenizer.decode(prompt.answer_ids(row, eos_id))
    for row in generation(replayed, name).ids
  ]


def _training_rows(
  replayed: Replayed, part: str, array: str
) -> list[list[int]]:
  """Ids or labels of a part's training rows, padded on the right."""
  about, tokenizer = replayed.golden.description, replayed.golden.tokenizer
  n_rows = len(replayed.inputs[f'{part}/input_ids'])
  texts = [
    prompt.chat_prompt(prompt.question(sentence), answer)
    for sentence, answer in zip(
      about['queries'][:n_rows], about[_ANSWERS[part]][:n_rows], strict=True
    )
  ]
  is_ids = array == 'input_ids'
  make = prompt.prompt_ids if is_ids else prompt.learnt_labels
  rows = [make(tokenizer, text) for text in texts]
  longest = max(map(len, rows))
  fill = prompt.PAD_ID if is_ids else prompt.IGNORE
  return [row + [fill] * (longest - len(row)) for row in rows]
