"""Files of the question benchmarks, as items.

Source: HawkEye `tasks/test.py` for names, folders and which tasks are asked
about a clip.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vtg_jax.errors import BadInput
from vtg_jax.evaluation.annotations import read_objects
from vtg_jax.evaluation.items import QuestionItem
from vtg_jax.metrics.grounding import finite_seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class MvbenchTask:
  """One task of MVBench.

  Attributes:
    videos: its folder of videos inside the video folder.
    clip: it is asked about a part of the video only.
  """

  videos: str
  clip: bool = False


MVBENCH = {
  'Action Sequence': MvbenchTask(videos='star/Charades_v1_480', clip=True),
  'Action Prediction': MvbenchTask(videos='star/Charades_v1_480', clip=True),
  'Action Antonym': MvbenchTask(videos='ssv2_video'),
  'Fine-grained Action': MvbenchTask(videos='Moments_in_Time_Raw/videos'),
  'Unexpected Action': MvbenchTask(videos='FunQA_test/test'),
  'Object Existence': MvbenchTask(videos='clevrer/video_validation'),
  'Object Interaction': MvbenchTask(videos='star/Charades_v1_480', clip=True),
  'Object Shuffle': MvbenchTask(videos='perception/videos'),
  'Moving Direction': MvbenchTask(videos='clevrer/video_validation'),
  'Action Localization': MvbenchTask(videos='sta/sta_video', clip=True),
  'Scene Transition': MvbenchTask(videos='scene_qa/video'),
  'Action Count': MvbenchTask(videos='perception/videos'),
  'Moving Count': MvbenchTask(videos='clevrer/video_validation'),
  'Moving Attribute': MvbenchTask(videos='clevrer/video_validation'),
  'State Change': MvbenchTask(videos='perception/videos'),
  'Fine-grained Pose': MvbenchTask(videos='nturgbd'),
  'Character Order': MvbenchTask(videos='perception/videos'),
  'Egocentric Navigation': MvbenchTask(videos='vlnqa'),
  'Episodic Reasoning': MvbenchTask(videos='tvqa/frames_fps3_hq', clip=True),
  'Counterfactual Inference': MvbenchTask(videos='clevrer/video_validation'),
}


def question_items(
  path: str | os.PathLike, *, task: str = '', clip: bool = True
) -> list[QuestionItem]:
  """Reads a list of questions, as the paper's script does.

  In: [{'video': 'a.mp4', 'question': 'Who runs?', 'candidates': ['a', 'b'],
        'answer': 'b', 'start': 2.0, 'end': 9.5}]

  `start` and `end` are optional; without `answer`, or with null, it is
  hidden.

  Args:
    path: the file.
    task: its name.
    clip: False asks about the whole video even where there are times.

  Raises:
    BadInput: no such file, or an item lacks something.
  """
  return [
    _item(item, path, number, task, clip)
    for number, item in enumerate(read_objects(path), 1)
  ]


def mvbench_items(
  folder: str | os.PathLike, tasks: Sequence[str] = ()
) -> list[QuestionItem]:
  """Reads MVBench's folder of one JSON file a task.

  Args:
    folder: with `action_sequence.json` and so on.
    tasks: names in MVBENCH; all when empty.

  Returns:
    Items whose videos are named from MVBench's video folder on.

  Raises:
    BadInput: an unknown task, or a file that is missing or not as it should
      be.
  """
  for task in tasks:
    if task not in MVBENCH:
      raise BadInput(f'{task!r} is no task of MVBench; use {list(MVBENCH)}')
  items = []
  for task in tasks or MVBENCH:
    about = MVBENCH[task]
    file = Path(folder) / f'{mvbench_file(task)}.json'
    items += [
      dataclasses.replace(item, video=f'{about.videos}/{item.video}')
      for item in question_items(file, task=task, clip=about.clip)
    ]
  return items


def mvbench_file(task: str) -> str:
  """Returns a task's file name: 'Fine-grained Pose' is fine_grained_pose."""
  return task.lower().replace(' ', '_').replace('-', '_')


def _item(item: Any, path, number: int, task: str, clip: bool) -> QuestionItem:
  try:
    bounds = [item.get(key) for key in ('start', 'end')]
    if not clip or None in bounds:
      bounds = [None, None]
    found = QuestionItem(
      video=item['video'],
      question=item['question'],
      candidates=tuple(item['candidates']),
      answer=item.get('answer'),
      task=task,
      start_s=None if bounds[0] is None else finite_seconds(bounds[0]),
      end_s=None if bounds[1] is None else finite_seconds(bounds[1]),
      qid=item.get('qid'),
    )
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise _wrong(path, number, item) from error
  if isinstance(item['candidates'], str):  # would pass as a list of letters
    raise _wrong(path, number, item)
  texts = [found.video, found.question, *found.candidates]
  if found.answer is not None:
    texts.append(found.answer)
  if not all(isinstance(text, str) for text in texts):
    raise _wrong(path, number, item)
  return found


def _wrong(path, number: int, item: Mapping[str, Any]) -> BadInput:
  return BadInput(
    f'item {number} of {path} is {str(item)[:200]}; give video, question, '
    'candidates and answer'
  )
