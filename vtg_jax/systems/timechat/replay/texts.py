"""Prompts, labels, times and answers of a golden set, against its record."""

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from input_pipeline.frame_choice import even_frame_indices, message_times_s
from vtg_jax.systems.replay.arrays import attempt
from vtg_jax.systems.replay.comparison import (
  Comparison,
  compare_arrays,
  compare_values,
)
from vtg_jax.systems.timechat import chat, prompt
from vtg_jax.systems.timechat.ids import IGNORE, PAD_ID
from vtg_jax.systems.timechat.replay.network import Replayed

# Pixels differ by the last bits of a division.
_PIXEL_TOLERANCE = 1e-5
_TIME = re.compile(r'sampled at (\S+) second')

Made = tuple[str, Callable[[], Any], Any]


def text_comparisons(replayed: Replayed) -> list[Comparison]:
  """One comparison for each recorded text, and each input made of one."""
  made = [*_evaluation(replayed)]
  for part in replayed.parts():
    if part != 'eval':
      made += _training(replayed, part)
  comparisons = [
    attempt(name, functools.partial(_compare, name, ours, recorded))
    for name, ours, recorded in made
  ]
  name = 'eval_pixel_values'
  if {name, 'eval_frames_uint8'} <= replayed.inputs.keys():
    comparisons.append(
      attempt(
        f'normalise {name}',
        lambda: compare_arrays(
          f'normalise {name}',
          np.moveaxis(replayed.pixels('eval'), -1, 1),
          replayed.inputs[name],
          _PIXEL_TOLERANCE,
        ),
      )
    )
  return comparisons


def _compare(name: str, ours: Callable[[], Any], recorded: Any) -> Comparison:
  if isinstance(recorded, np.ndarray):
    recorded = recorded.tolist()
  return compare_values(name, ours(), recorded)


def _times_s(replayed: Replayed) -> list[list[float]]:
  """Of the frames of each of the videos that are evaluated."""
  about = replayed.golden.description['eval']
  return [
    message_times_s(
      even_frame_indices(n_frames, about['n_frms'], released=True), fps
    )
    for n_frames, fps, *_ in about['videos'].values()
  ]


def _prompts(replayed: Replayed) -> list[str]:
  """The prompts of evaluation, from videos and questions."""
  about = replayed.golden.description['eval']
  spacing = chat.Spacing(system=about['system'], before_question=' ')
  return [
    chat.asked(question, chat.frames_message(times_s), spacing=spacing)
    for question, times_s in zip(
      about['questions'], _times_s(replayed), strict=True
    )
  ]


def _time_sentences(replayed: Replayed) -> list[str]:
  return [
    sentence
    for times_s in _times_s(replayed)
    for sentence in chat.qformer_sentences(times_s)
  ]


def _answers(replayed: Replayed) -> list[str]:
  """The greedy answers as text."""
  tokenizer = replayed.golden.tokenizer
  return [
    tokenizer.decode(prompt.answer_ids(row, tokenizer.eos_id)).strip()
    for row in replayed.generation.ids
  ]


def _padded(rows: list[list[int]], fill: int) -> list[list[int]]:
  longest = max(map(len, rows))
  return [row + [fill] * (longest - len(row)) for row in rows]


def _evaluation(replayed: Replayed) -> Iterator[Made]:
  """Texts and inputs of the evaluated prompts."""
  golden, inputs = replayed.golden, replayed.inputs
  makers = {
    'eval_ts_text': _time_sentences,
    'eval_msg': lambda r: list(map(chat.frames_message, _times_s(r))),
    'eval_prompts': _prompts,
    'eval_text': _answers,
  }
  for name, make in makers.items():
    if name in golden.texts:
      ours = functools.partial(make, replayed)
      yield f'texts.{name}', ours, golden.texts[name]
  most = golden.config.most_time_tokens

  def time_rows():
    sentences = _time_sentences(replayed)
    return [golden.bert.encode(text, max_length=most) for text in sentences]

  for name, ours in (
    ('eval_ts_input_ids', lambda: _padded(time_rows(), golden.bert.pad_id)),
    (
      'eval_ts_attention_mask',
      lambda: _padded([[1] * len(row) for row in time_rows()], 0),
    ),
  ):
    if name in inputs:
      yield f'tokenise {name}', ours, inputs[name]

  def half(number, is_after):
    text = _prompts(replayed)[number]
    return prompt.prompt_ids(golden.tokenizer, text)[is_after]

  for name, recorded in inputs.items():
    found = re.fullmatch(r'eval_prompt_(before|after)_ids_(\d+)', name)
    if found:
      ours = functools.partial(half, int(found[2]), found[1] == 'after')
      yield f'tokenise {name}', ours, recorded


def _told_times(replayed: Replayed, recorded: np.ndarray) -> list[str]:
  """The times in sentences that are given as the language model's ids."""
  told = [
    _TIME.search(replayed.golden.tokenizer.decode(row)) for row in recorded
  ]
  return [found[1] for found in told]


def _sentence_rows(replayed: Replayed, recorded) -> list[list[int]]:
  """Sentences of time as training has them: the language model's ids."""
  return [
    replayed.golden.tokenizer.encode(chat.qformer_sentence(seconds), bos=True)
    for seconds in _told_times(replayed, recorded)
  ]


def _training(replayed: Replayed, part: str) -> Iterator[Made]:
  """Inputs of a part's training rows, from its recorded conversations."""
  golden, inputs = replayed.golden, replayed.inputs
  sentences = {
    name: recorded
    for name, recorded in inputs.items()
    if re.fullmatch(rf'{part}_ts_input_ids(_\d+)?', name)
  }
  for name, recorded in sentences.items():

    def rows(recorded=recorded):
      return _padded(_sentence_rows(replayed, recorded), PAD_ID)

    def mask(recorded=recorded):
      of = _sentence_rows(replayed, recorded)
      return _padded([[1] * len(row) for row in of], 0)

    yield f'tokenise {name}', rows, recorded
    other = name.replace('input_ids', 'attention_mask')
    yield f'tokenise {other}', mask, inputs[other]
  samples = golden.texts.get(f'{part}_samples')
  if samples is None or f'{part}_input_ids' not in inputs:
    return

  def learnt(field):
    times = [
      of_one
      for recorded in sentences.values()
      for of_one in np.split(
        np.array(_told_times(replayed, recorded)),
        len(samples) // len(sentences),
      )
    ]
    learnt = [
      _learnt_rows(replayed, sample, list(told))
      for sample, told in zip(samples, times, strict=True)
    ]
    if field == 'attention_mask':
      return _padded([[1] * len(ids) for ids, _ in learnt], 0)
    if field == 'labels':
      return _padded([labels for _, labels in learnt], IGNORE)
    return _padded([ids for ids, _ in learnt], PAD_ID)

  for field in ('input_ids', 'labels', 'attention_mask'):
    name = f'{part}_{field}'
    yield f'tokenise {name}', functools.partial(learnt, field), inputs[name]


def _learnt_rows(replayed: Replayed, sample: dict, told: list[str]):
  """Ids and labels of one recorded conversation about one video."""
  golden = replayed.golden
  video = golden.config.video_qformer
  text = chat.learnt_text(
    [(turn['q'], turn['a']) for turn in sample['QA']],
    chat.frames_message([float(seconds) for seconds in told]),
    n_placeholders=video.n_tokens(len(told)),
  )
  about = golden.description.get('train', {})
  most = about.get('max_txt_len', golden.config.max_text_tokens)
  return prompt.learnt_rows(golden.tokenizer, text, most=most)
