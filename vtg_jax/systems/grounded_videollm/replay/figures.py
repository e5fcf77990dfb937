"""What a golden set records outside its arrays and cases.

Token rows of its inputs, the ids, lengths and texts of its config.json, and the
files of its weights, which must come back bit for bit.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from vtg_jax.moments.temporal_tokens import (
  GROUNDING_MARKER,
  time_tokens,
  write_tokens,
)
from vtg_jax.systems.grounded_videollm import prompt, rows
from vtg_jax.systems.grounded_videollm.replay.case_rules import turns_of
from vtg_jax.systems.grounded_videollm.replay.golden_set import GoldenSet
from vtg_jax.systems.grounded_videollm.replay.language import GoldenLanguage
from vtg_jax.systems.grounded_videollm.replay.makers import new_tokens
from vtg_jax.systems.replay.arrays import attempt
from vtg_jax.systems.replay.comparison import Comparison, compare_values

# The rows of the inputs are as long as their texts.
_UNCUT = 1 << 30

# Name, what we compute, and what is recorded.
Figure = tuple[str, Callable[[], Any], Any]


def figure_comparisons(golden: GoldenSet) -> list[Comparison]:
  """Compares everything beside arrays and cases."""
  figures: list[Figure] = []
  for llm in golden.llms.values():
    figures += _token_rows(golden, llm)
    figures += _told(golden, llm)
    figures += _exported(llm)
  return [
    attempt(
      name,
      lambda name=name, compute=compute, want=want: compare_values(
        name, compute(), want
      ),
    )
    for name, compute, want in figures
  ]


def _token_rows(golden: GoldenSet, llm: GoldenLanguage) -> Iterator[Figure]:
  """Texts as the rows of tokens that the inputs hold."""
  dialect = prompt.DIALECTS[llm.name]

  def training(texts, *, timed):
    tokenizer = golden.tokenizer(llm.name, timed=timed)
    return rows.training_rows(texts, tokenizer, dialect, max_tokens=_UNCUT)

  def prompts(texts):
    tokenizer = golden.tokenizer(llm.name)
    return rows.prompt_rows(texts, tokenizer, dialect, max_tokens=_UNCUT)

  for batch, texts, make in (
    (
      'stage1',
      golden.cases.get(f'{llm.name}_stage1_text'),
      functools.partial(training, timed=False),
    ),
    (
      'sft',
      llm.told.get('sft_texts'),
      functools.partial(training, timed=True),
    ),
    ('gen', llm.told.get('prompts'), prompts),
  ):
    if texts is None:
      continue
    for part, field in (
      ('input_ids', 'input_ids'),
      ('labels_text', 'labels'),
      ('attention_mask_text', 'attention_mask'),
    ):
      name = f'{llm.name}.{batch}.{part}'
      if name in golden.inputs:
        yield (
          f'tokenise {name}',
          lambda make=make, texts=texts, field=field: (
            getattr(make(texts), field).astype(int).tolist()
          ),
          golden.inputs[name].tolist(),
        )


def _told(golden: GoldenSet, llm: GoldenLanguage) -> Iterator[Figure]:
  """What config.json tells of a model, of which it may leave anything out."""
  told, dialect = llm.told, prompt.DIALECTS[llm.name]
  n_intervals = golden.description['num_temporal_tokens']
  words = time_tokens(n_intervals)

  def tokenizer(**options):
    return golden.tokenizer(llm.name, **options)

  figures = {
    'tokenizer_len_before_add': lambda: tokenizer(timed=False).vocab_size,
    'temporal_token_ids': lambda: [
      tokenizer().token_id(word) for word in (words[0], words[n_intervals])
    ],
    'grounding_token_id': lambda: tokenizer().token_id(GROUNDING_MARKER),
    'tokenizer_eos_id': lambda: tokenizer().token_id(dialect.end),
    'tokenizer_pad_id': lambda: tokenizer().token_id(dialect.padding),
    'vocab_size_extended': lambda: told['base_vocab_size'] + len(words),
    'gen_prompt_len': lambda: llm.prompts.input_ids.shape[1],
    'prompts': lambda: [_asked(text, dialect) for text in told['prompts']],
    'gen_texts': lambda: [
      tokenizer().decode(ids).strip() for ids in new_tokens(golden, llm, 'gen')
    ],
  }
  if {'sft_raw_conversations', 'sft_durations'} <= told.keys():
    figures['sft_texts'] = lambda: [
      _learnt(turns, dialect, duration_s, n_intervals)
      for turns, duration_s in zip(
        told['sft_raw_conversations'], told['sft_durations'], strict=True
      )
    ]
  for key, compute in figures.items():
    if told.get(key) is not None:
      yield f'{llm.name}.{key}', compute, told[key]


def _learnt(turns, dialect, duration_s, n_intervals) -> str:
  text = prompt.conversation(prompt.marked(turns), dialect)
  return write_tokens(text, duration_s, n_intervals, clamp=False)


def _asked(text: str, dialect: prompt.Dialect) -> str:
  """A prompt written again from its question."""
  question = turns_of(text, dialect)[0]['value'].removeprefix(prompt.VIDEO)
  marker = f' {GROUNDING_MARKER}'
  bare = question.removeprefix(marker).removeprefix('\n')
  return prompt.asked(bare, dialect, when=question.startswith(marker))


def _exported(llm: GoldenLanguage) -> Iterator[Figure]:
  """The tensors of the released files, made again from our parameters."""
  for tuned, model in ((False, 'base'), (True, 'tuned')):
    if llm.has_weights(tuned=tuned):
      yield (
        f'export {llm.name}.{model}',
        lambda tuned=tuned: llm.changed_keys(tuned=tuned),
        [],
      )
