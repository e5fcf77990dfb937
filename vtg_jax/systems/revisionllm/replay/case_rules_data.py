"""ReVisionLLM's recorded rules for training data: samples.

Each function goes from the given fields of a case, and the whole file, to the
computed fields. Samples are drawn with the numbers that the record has, by
`released` rules.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from input_pipeline.long_video.annotations import released_item
from input_pipeline.long_video.item import (
  MomentItem,
  NegativeItems,
  WithNegatives,
  asked,
)
from input_pipeline.long_video.retrieval import RetrievalOptions, draw_videos
from input_pipeline.long_video.sequence import SequenceOptions, draw_sequence
from input_pipeline.long_video.single import draw_sample
from input_pipeline.long_video.window import WindowOptions
from vtg_jax.systems.replay_cases import Case, Rule
from vtg_jax.systems.revisionllm.replay.recorded_draws import RecordedDraws

# What the recorded samples are of: MAD's windows, and features of this width.
MAD = WindowOptions(window_s=125, n_frames=250, fps=5, sampler='released')
WIDTH = 3


def train_samples(case: Case, _: Case) -> dict[str, Any]:
  """Draws windows for single items; of a sample it takes index and draws."""
  items, open_video = _data_set(case)

  def replayed(sample):
    index = sample['dataset_index']
    draws = RecordedDraws(sample['draws'])
    item, window, answer = draw_sample(items, index, open_video, MAD, draws)
    frame_ids = window.frame_ids(MAD.n_frames)
    return {
      'dataset_index': index,
      'item': _remarked(items[index].query_id, sample['item']),
      'negative': item.negative,
      'draws': draws.taken,
      'first_index': int(frame_ids[0]),
      'last_index': int(frame_ids[-1]),
      'index_125': int(frame_ids[125]),
      'human': item.question(),
      'gpt': answer,
    }

  return {
    'dataset_len': len(items),
    'samples': _of_each(replayed, case['samples']),
  }


def train_sequences(case: Case, file: Case) -> dict[str, Any]:
  """Draws sequences over the items of 'train_samples', with its defects."""
  items, open_video = _data_set(file['train_samples'])
  sequence = SequenceOptions(n_windows=case['num_videos'])

  def replayed(sample):
    index = sample['dataset_index']
    draws = RecordedDraws(sample['draws'])
    item, windows, answer = draw_sequence(
      items, index, open_video, MAD, sequence, draws
    )
    frame_ids = [window.frame_ids(MAD.n_frames) for window in windows]
    shown = np.stack(
      [
        open_video(window.video)[ids]
        for window, ids in zip(windows, frame_ids, strict=True)
      ]
    )
    return {
      'dataset_index': index,
      'item': items[index].query_id,
      'draws': draws.taken,
      'shape': list(shown.shape),
      'segment_first_index': [int(ids[0]) for ids in frame_ids],
      'segment_last_index': [int(ids[-1]) for ids in frame_ids],
      'answer_of_last_positive': answer,
      'human_of_last_positive': item.question(),
    }

  return {'samples': _of_each(replayed, case['samples'])}


def retrieval_samples(case: Case, _: Case) -> dict[str, Any]:
  """Draws videos for sentences; of a sample it takes index, video and draws.

  The items themselves are not recorded. Item i, of the query 'r<i>', is of
  video 'v<i>', and after the last one they come again as negatives.
  """
  lengths, n_frames = case['video_lengths'], case['num_frames']
  names = list(lengths)

  def replayed(sample):
    number = names.index(sample['item_video'])
    item = MomentItem(
      query_id=f'r{number}',
      video=sample['item_video'],
      text=asked(f'r{number}', 'video'),
      negative=sample['dataset_index'] != number,
    )
    options = RetrievalOptions(
      n_videos=case['num_videos'] if sample['hierarchy'] else 1,
      yes_no=sample['retrieval_only'],
    )
    draws = RecordedDraws(sample['draws'])
    _, videos, answer = draw_videos(item, names, options, draws)
    frame_ids = [
      np.linspace(0, lengths[video] - 1, n_frames).astype(np.int32)
      for video in videos
    ]
    shape = [len(videos), n_frames, WIDTH]
    return {
      **{
        name: sample[name]
        for name in (
          'hierarchy',
          'retrieval_only',
          'dataset_index',
          'item_video',
        )
      },
      'draws': draws.taken,
      'human': item.question(),
      'gpt': answer,
      'shape': shape if sample['hierarchy'] else shape[1:],
      'video_ids': [names.index(video) for video in videos],
      'frame_indices': frame_ids[0].tolist(),
    }

  return {'samples': _of_each(replayed, case['samples'])}


def find_rule(key: str, _: Any) -> Rule | None:
  """The rule of a key that is about training data; None for another one."""
  return RULES.get(key)


RULES = {
  'train_samples': Rule(
    replay=train_samples,
    gives=('items', 'feature_frames', 'samples'),
    computes=('dataset_len', 'samples'),
    one_case=True,
  ),
  'train_hier_samples_as_released': Rule(
    replay=train_sequences,
    gives=('num_videos', 'samples'),
    may_give=('warning',),
    computes=('samples',),
    one_case=True,
  ),
  'retrieval_train_samples': Rule(
    replay=retrieval_samples,
    gives=('video_lengths', 'num_frames', 'num_videos', 'samples'),
    computes=('samples',),
    one_case=True,
  ),
}


def _data_set(case: Case) -> tuple[WithNegatives, Callable]:
  """The doubled items of a case, and what opens its videos' features."""
  items = [released_item(entry) for entry in case['items']]
  features = {
    video: np.broadcast_to(np.float32(0), (n_frames, WIDTH))
    for video, n_frames in case['feature_frames'].items()
  }
  return WithNegatives(items, NegativeItems()), features.__getitem__


def _of_each(
  replayed: Callable[[Case], dict[str, Any]], samples: Sequence[Case]
) -> list[dict[str, Any]]:
  """The recorded fields of each sample, computed."""
  return [
    {name: ours[name] for name in sample}
    for sample, ours in zip(samples, map(replayed, samples), strict=True)
  ]


def _remarked(query_id: str, recorded: str) -> str:
  """Our item's name, with what the record remarks about its own."""
  name, mark, remark = recorded.partition(' ')
  return f'{query_id}{mark}{remark}' if name == query_id else query_id
