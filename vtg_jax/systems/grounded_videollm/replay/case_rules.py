"""Grounded-VideoLLM's recorded rules: what of the library computes which field.

Each function goes from the given fields of a case to its computed ones; those
that need a tokenizer are given it first. The functions only rename fields;
whatever is computed is computed by the library.
"""

import dataclasses
import math
import re
from typing import Any

from input_pipeline import frame_choice
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.metrics import grounded_answers, grounding
from vtg_jax.moments import temporal_tokens
from vtg_jax.systems.grounded_videollm import prompt, rows
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.replay.cases import BARE, Case
from vtg_jax.train import schedule

# M where a case does not say it.
N_INTERVALS = 300
# Share of the steps that the learning rate rises in.
WARMUP = 0.03


# Texts and tokens.


def stage1_text(dialect: prompt.Dialect, case: Case) -> dict[str, Any]:
  """Writes a conversation again from its questions and answers."""
  turns = turns_of(case[BARE], dialect)
  return {BARE: prompt.conversation(turns, dialect)}


def turns_of(text: str, dialect: prompt.Dialect) -> list[prompt.Turn]:
  """The questions and answers of a rendered conversation.

  The last answer may be open: empty and without its end.

  Raises:
    ValueError: the text is none of this dialect.
  """
  asks, tells = dialect.user.split('%s')[0], dialect.assistant.split('%s')[0]
  body = text.removeprefix(dialect.system)
  one = re.compile(
    f'{re.escape(asks)}(.*?){re.escape(tells)}'
    f'(.*?)(?:{re.escape(dialect.end)}|$)',
    re.DOTALL,
  )
  turns, place = [], 0
  while place < len(body):
    found = one.match(body, place)
    if not found:
      raise ValueError(f'{body[place : place + 40]!r} is no question')
    turns.append({'from': prompt.HUMAN, 'value': found[1]})
    turns.append({'from': prompt.ASSISTANT, 'value': found[2]})
    place = found.end()
  return turns


def tokens_and_labels(
  tokenizer: JsonTokenizer, dialect: prompt.Dialect, case: Case
) -> dict[str, Any]:
  """Tokenises a conversation and says what of it is learnt."""
  text = case['text']
  ids = rows.tokenize(text, tokenizer)
  labels = rows.labels_of(text, ids, tokenizer, dialect)
  learnt = [label for label in labels if label != rows.IGNORE]
  counted = rows.counted_tokens(text, tokenizer, dialect)
  warning = ''
  if counted != len(ids):
    warning = f'WARNING: tokenization mismatch: {counted} vs. {len(ids)}.'
  return {
    'input_ids': ids,
    'labels': labels,
    'supervised_text': tokenizer.decode(learnt, special=True),
    'mismatch_warning': warning,
  }


def cut_batch(
  tokenizer: JsonTokenizer,
  dialect: prompt.Dialect,
  max_tokens: int,
  case: Case,
) -> dict[str, Any]:
  """Pads and cuts a batch of conversations."""
  made = rows.training_rows(
    case['texts'], tokenizer, dialect, max_tokens=max_tokens
  )
  return {
    'input_ids': made.input_ids.tolist(),
    'labels': made.labels.tolist(),
    'attention_mask': made.attention_mask.astype(int).tolist(),
  }


def decoded(tokenizer: JsonTokenizer, case: Case) -> dict[str, Any]:
  """Writes out tokens."""
  return {'text': tokenizer.decode(case['ids'])}


def templates(case: Case) -> dict[str, Any]:
  """Marks the questions of a conversation and writes it in every dialect."""
  turns = prompt.marked(case['inp'])
  return {
    'out': turns,
    'phi': prompt.conversation(turns, prompt.PHI3),
    'llama': prompt.conversation(turns, prompt.LLAMA3),
  }


# Seconds and their tokens.


def learnt_tokens(case: Case) -> dict[str, Any]:
  """Writes tokens for the seconds of a text to learn from."""
  written = temporal_tokens.write_tokens(
    case['text'], case['duration'], case.get('M', N_INTERVALS), clamp=False
  )
  return {'out': written}


def asked_tokens(case: Case) -> dict[str, Any]:
  """Writes tokens for the seconds of a question."""
  written = temporal_tokens.write_asked_tokens(
    case['query'], case['duration'], case.get('M', N_INTERVALS), clamp=False
  )
  return {'out': written}


def told_seconds(case: Case) -> dict[str, Any]:
  """Writes seconds for the tokens of an answer, in every dialect."""
  return {
    name: temporal_tokens.write_seconds(
      case['text'],
      case['duration'],
      case.get('M', N_INTERVALS),
      form=dialect.seconds,
    )
    for name, dialect in (('phi', prompt.PHI3), ('llama', prompt.LLAMA3))
  }


# Frames.


def middle_frames(case: Case) -> dict[str, Any]:
  """Chooses frames."""
  indices = frame_choice.middle_frame_indices(case['vlen'], case['num_frames'])
  return {'indices': indices.tolist()}


def keyframes(config: GroundedVideoLlmConfig, case: Case) -> dict[str, Any]:
  """Chooses keyframes among the frames."""
  sizes = dataclasses.replace(
    config, n_frames=case['num_frames'], n_segments=case['num_segs']
  )
  return {
    'frames_per_seg': sizes.frames_per_segment,
    'indices': list(sizes.keyframes),
  }


# Training and scores.


def learning_rates(case: Case) -> dict[str, Any]:
  """Computes the learning rate of every step.

  The reference's first step is taken before its schedule is asked.
  """
  steps = math.ceil(case['n_examples'] / case['global_batch'])
  steps *= case['epochs']
  warmup = int(WARMUP * steps)
  rates = [
    schedule.cosine_with_floor(
      step,
      peak=case['base_lr'],
      warmup_steps=warmup,
      total_steps=steps,
      floor=0.0,
    )
    for step in range(1, steps)
  ]
  return {
    'num_training_steps': steps,
    'num_warmup_steps': warmup,
    'lr_per_step': [0.0, *rates],
  }


# Names of the shares that are at least a threshold.
_SHARE = re.compile(r'(R1|IoU|IoP)@(\d*\.?\d+)')
_SCORES = ('iou', 'iop', 'mIoU', 'mIoP', 'AccGQA')


def computed_scores(case: Any) -> tuple[str, ...]:
  """The scores that a case records, whatever its thresholds."""
  if not isinstance(case, dict):
    return _SCORES
  return tuple(f for f in case if f in _SCORES or _SHARE.fullmatch(f))


def scores(names: tuple[str, ...], case: Case) -> dict[str, Any]:
  """Scores spans and the answers that they are evidence of."""
  spans, truths = case['pred'], case['gt']
  answers = [
    grounded_answers.GroundedAnswer(is_right=right, span=span, truths=[truth])
    for right, span, truth in zip(
      case['answer_correct'], spans, truths, strict=True
    )
  ]
  found = grounded_answers.scores(answers)
  ious, iops = (
    [
      0.0 if span is None else of(span, truth)
      for span, truth in zip(spans, truths, strict=True)
    ]
    for of in (grounding.iou, grounded_answers.iop)
  )
  out = {
    'iou': ious,
    'iop': iops,
    'mIoU': 100 * found.mean_iou,
    'mIoP': 100 * found.mean_iop,
    'AccGQA': 100 * found.accuracy_with_evidence,
  }
  for name in names:
    if share := _SHARE.fullmatch(name):
      threshold = float(share[2])
      values = iops if share[1] == 'IoP' else ious
      recall = grounding.scores(
        values, thresholds=(threshold,), strict=False
      ).recall
      out[name] = 100 * recall[threshold]
  return out
