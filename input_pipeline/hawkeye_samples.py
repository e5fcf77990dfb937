"""HawkEye's training and test texts: from annotation files to conversations.

Two steps. Annotations become items once (`choice_items`, `caption_items`,
`evaluation_items`). Every time an item is used, a crop of its video is drawn,
the drawn category fixes question or answer, and the turns become one text
(`draw_choice`, `conversation`, `qformer_instruction`).

Source: HawkEye `data_preparing/` and `dataset/it_dataset.py`.
"""

import dataclasses
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from input_pipeline import frame_choice
from vtg_jax.errors import BadInput
from vtg_jax.moments import coarse, coarse_crop
from vtg_jax.moments.options import with_options

SEPARATOR = '###'
Turn = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundedSentence:
  """One annotated sentence of a video.

  Attributes:
    video: file or folder name of the video.
    sentence: what happens.
    start_s: when it starts, seconds.
    end_s: when it ends, seconds.
    negative_start_s: start of the interval in which nothing else fits the
      sentence, seconds.
    negative_end_s: its end; None where the video's length was not given.
  """

  video: str
  sentence: str
  start_s: float | int
  end_s: float | int
  negative_start_s: float | int = 0
  negative_end_s: float | int | None = None


# Annotation files.


def charades_sentences(
  text: str, lengths_s: Mapping[str, float] | None = None
) -> list[GroundedSentence]:
  """Reads Charades-STA; all full stops leave the sentence.

  Args:
    text: lines 'AO8RW 0.0 6.9##a person is opening the door.'.
    lengths_s: seconds of each video; needed for training items only.

  Raises:
    BadInput: a line of another form, or a video without a length.
  """
  sentences = []
  for number, line in enumerate(text.splitlines(), 1):
    if not line.strip():
      continue
    times, mark, sentence = line.partition('##')
    try:
      video, start_s, end_s = times.split(' ')
      start_s, end_s = float(start_s), float(end_s)
    except ValueError:
      mark = ''
    if not mark:
      raise BadInput(
        f'line {number} is {_shown(line)}; Charades-STA has '
        "'VIDEO START END##TEXT'"
      )
    if lengths_s is not None and video not in lengths_s:
      raise BadInput(f'video {video!r} has no length; add it to the lengths')
    sentences.append(
      GroundedSentence(
        video=f'{video}.mp4',
        sentence=sentence.strip().replace('.', ''),
        start_s=start_s,
        end_s=end_s,
        negative_end_s=None if lengths_s is None else lengths_s[video],
      )
    )
  return sentences


def activitynet_sentences(
  annotations: Mapping[str, Mapping[str, Any]], *, for_test: bool = False
) -> list[GroundedSentence]:
  """Reads ActivityNet-Captions; the whole video is the negative span.

  In: {'v_1': {'duration': 82.7, 'timestamps': [[0.8, 19.9]],
               'sentences': ['A woman dances. ']}}

  Args:
    annotations: the file, as JSON.
    for_test: True removes all full stops and outer spaces; False removes one
      full stop at the very end and keeps spaces, as the training files do.

  Raises:
    BadInput: a video lacks a key, or has not one sentence a time span.
  """
  sentences = []
  for video, about in annotations.items():
    try:
      duration_s = about['duration']
      pairs = zip(about['timestamps'], about['sentences'], strict=True)
      for (start_s, end_s), raw in pairs:
        clean = raw.replace('.', '').strip() if for_test else _without_dot(raw)
        sentences.append(
          GroundedSentence(
            video=video,
            sentence=clean,
            start_s=start_s,
            end_s=end_s,
            negative_end_s=duration_s,
          )
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
      raise BadInput(
        f'video {video!r} is annotated {_shown(about)}; give duration and one '
        '[start, end] in timestamps for each of sentences'
      ) from error
  return sentences


def internvid_g_sentences(text: str) -> list[GroundedSentence]:
  """Reads InternVid-G: JSON lines as `internvid_g` writes them.

  The caption's first letter becomes upper case, one full stop at its end
  goes.

  Raises:
    BadInput: a line that is no JSON object with these keys.
  """
  sentences = []
  for number, line in enumerate(text.splitlines(), 1):
    if not line.strip():
      continue
    try:
      item = json.loads(line)
      caption = item['caption']
      sentences.append(
        GroundedSentence(
          video=item['video'],
          sentence=_without_dot(caption[:1].upper() + caption[1:]),
          start_s=item['start_sec'],
          end_s=item['end_sec'],
          negative_start_s=item['neg_start_sec'],
          negative_end_s=item['neg_end_sec'],
        )
      )
    except (
      AttributeError,
      KeyError,
      RecursionError,
      TypeError,
      ValueError,
    ) as error:
      raise BadInput(
        f'line {number} is {_shown(line)}; InternVid-G has JSON objects with '
        'video, caption, start_sec, end_sec, neg_start_sec and neg_end_sec'
      ) from error
  return sentences


# Items.


def choice_items(
  sentences: Iterable[GroundedSentence],
  instructions: Sequence[str],
  templates: Sequence[str],
  rng: random.Random,
) -> list[dict[str, Any]]:
  """Builds train.json for grounding: the answer is one of four options.

  Options are shuffled once, here; which one is true is known only when a
  crop is drawn, so the answer lists all four. A sentence takes from `rng`:
  choice of the instruction, shuffle of the options, choice of the template.

  Out, an item: {'video': 'a.mp4', 'QA': [{'i': instruction, 'q': question
    with options, 'a': [['end', '(A) At the end of the video.'], ...],
    'start_sec': 1.0, 'end_sec': 2.0, 'neg_start_sec': 0,
    'neg_end_sec': 30.5}]}
  """
  items = []
  for sentence in sentences:
    instruction = rng.choice(instructions)
    order = list(coarse.SHUFFLE_BASE)
    rng.shuffle(order)
    template = rng.choice(templates)
    lines = coarse.option_lines(order)
    question = 'Question: ' + coarse.fill_template(template, sentence.sentence)
    answers = [list(pair) for pair in zip(order, lines, strict=True)]
    items.append(
      _train_item(
        sentence,
        i=instruction,
        q=with_options(question, lines),
        a=answers,
      )
    )
  return items


def caption_items(
  sentences: Iterable[GroundedSentence],
  instructions: Sequence[str],
  rng: random.Random,
) -> list[dict[str, Any]]:
  """Builds train.json for captioning: the question names the part.

  As choice_items, with 'q' a list of [category, text] in a fixed order and
  'a' the sentence. A sentence takes from `rng` the choice of the instruction.
  """
  return [
    _train_item(
      sentence,
      i=rng.choice(instructions),
      q=[
        [category, coarse.TEXTS[category]] for category in coarse.SHUFFLE_BASE
      ],
      a=sentence.sentence,
    )
    for sentence in sentences
  ]


def evaluation_items(
  sentences: Iterable[GroundedSentence],
) -> list[dict[str, Any]]:
  """Builds a grounding test file: {'video', 'question', 'answer': [s, e]}."""
  return [
    {
      'video': sentence.video,
      'question': sentence.sentence,
      'answer': [sentence.start_s, sentence.end_s],
    }
    for sentence in sentences
  ]


# Samples.


def target_span(turn: Turn) -> coarse_crop.TargetSpan:
  """Returns the target and negative span of an item's turn."""
  return coarse_crop.TargetSpan(
    start_s=turn['start_sec'],
    end_s=turn['end_sec'],
    negative_start_s=turn['neg_start_sec'],
    negative_end_s=turn['neg_end_sec'],
  )


def draw_choice(
  turn: Turn, draw: coarse_crop.Draw, *, num_frames: int
) -> tuple[coarse_crop.Crop, dict[str, Any]]:
  """Draws a crop for an item's turn and fixes the turn to its category.

  Args:
    turn: from choice_items or caption_items.
    draw: uniform numbers in [0, 1), see coarse_crop.
    num_frames: frames that will be sampled from the crop.
  """
  crop = coarse_crop.random_crop(target_span(turn), draw, num_frames=num_frames)
  return crop, fix_category(turn, crop.category)


def fix_category(turn: Turn, category: str) -> dict[str, Any]:
  """Returns the turn with the category's text as its answer (or question).

  In:  {'q': 'When?', 'a': [['end', '(A) At the end.'], ...]}, 'end'
  Out: {'q': 'When?', 'a': '(A) At the end.'}
  """
  return {
    key: dict(value)[category]
    if key in ('q', 'a') and not isinstance(value, str)
    else value
    for key, value in turn.items()
  }


def shuffle_turns(turns: Sequence[Turn], rng: random.Random) -> list[Turn]:
  """Returns several turns in random order; one turn takes nothing of `rng`."""
  turns = list(turns)
  if len(turns) > 1:
    rng.shuffle(turns)
  return turns


def training_message(times_s: Sequence[float]) -> str:
  """Returns the sentence about the frames, a space on either side.

  training_message([0.5, 1.0])
    == ' The video contains 2 frames sampled at 0.5, 1.0 seconds. '
  """
  return f' {frame_choice.frames_message(times_s)} '


def conversation(
  turns: Sequence[Turn], message: str = '', *, media: str = 'Video'
) -> str:
  """Joins turns into the text the language model is trained on.

  The instruction of the first turn opens it; a turn without a question
  (captioning) has an answer only.

  In:  [{'i': 'Do it.', 'q': 'Q?', 'a': 'A.'}], ' Message. '
  Out: 'Do it. ###Human: <Video></Video> Message. ###Human: Q? '
       '###Assistant: A. ###'

  Args:
    turns: 'q' and 'a', and in the first perhaps 'i'; none empty.
    message: from training_message, or empty.
    media: tag around the rows of embeddings, 'Video' or 'Image'.
  """
  instruction = turns[0].get('i', '')
  parts = [f'{instruction} '] if instruction else []
  opening = f'<{media}></{media}>{message.rstrip()}'
  parts.append(f'{SEPARATOR}Human: {opening} ')
  for turn in turns:
    if turn['q']:
      parts.append(f'{SEPARATOR}Human: {turn["q"]} ')
    parts.append(f'{SEPARATOR}Assistant: {turn["a"]} ')
  return ''.join([*parts, SEPARATOR])


def qformer_instruction(turns: Sequence[Turn]) -> str:
  """Returns what the Q-Former reads: instruction and first question.

  Empty where the first turn has no instruction.
  """
  instruction = turns[0].get('i', '')
  if not instruction:
    return ''
  return f'{instruction} {turns[0]["q"]}'.strip()


def _without_dot(sentence: str) -> str:
  return sentence.removesuffix('.')


def _train_item(sentence: GroundedSentence, **turn: Any) -> dict[str, Any]:
  if sentence.negative_end_s is None:
    raise BadInput(
      f'{sentence.sentence[:80]!r} of {sentence.video!r} has no negative span; '
      'say how long the video is'
    )
  spans = {
    'start_sec': sentence.start_s,
    'end_sec': sentence.end_s,
    'neg_start_sec': sentence.negative_start_s,
    'neg_end_sec': sentence.negative_end_s,
  }
  return {'video': sentence.video, 'QA': [turn | spans]}


def _shown(value: Any) -> str:
  """What a complaint quotes; a file may be one line of many megabytes."""
  return repr(value)[:200]
