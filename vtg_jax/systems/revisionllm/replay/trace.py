"""A recorded search over whole films, replayed with its recorded answers.

The record holds what the language model answered, call by call, the logits of
its steps, and the order in which each sparse call showed its windows; the
search asks in its own words and must write the same logs.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.metrics.ranked_recall import ranked_recall
from vtg_jax.recursion import scores, three_passes, windows
from vtg_jax.recursion.model import Reply, TokenCache
from vtg_jax.recursion.quirks import RELEASED
from vtg_jax.recursion.together import search_alone
from vtg_jax.systems.replay.arrays import attempt, load_arrays
from vtg_jax.systems.replay.comparison import Comparison, compare_values
from vtg_jax.systems.revisionllm import prompt
from vtg_jax.systems.revisionllm.replay import case_rules

FILE_NAME, ARRAYS_NAME = 'recursion_trace.json', 'recursion_trace.npz'
# Entropies and likenesses are float32 in the reference.
TOLERANCE = 2e-5
# What its indices get wrong and nothing reads.
UNUSED = 'score_cos'
# What a search cannot do without.
_GIVEN = {'config', 'llm_calls', 'movies', 'queries'}


class RecordedModel:
  """Answers as recorded, call after call, and notes what it was shown.

  Attributes:
    shapes: Shape of what each call showed.
  """

  def __init__(self, calls: Sequence[Mapping], logits: Sequence[np.ndarray]):
    """Takes the answers and logits of one query on one level."""
    self._calls = list(zip(calls, logits, strict=True))
    self.shapes: list[list[int]] = []

  def encode(self, frame_idx):
    """A window's first frame stands for it."""
    return frame_idx[:, :1].astype(np.float32)

  def ask_sparse(self, level, tokens, is_shown):
    del level, is_shown
    return self._answer(list(tokens.shape[:2]))

  def ask_dense(self, frame_idx):
    return self._answer(list(frame_idx.shape))

  def _answer(self, shape) -> list[Reply]:
    call, logits = self._calls[len(self.shapes)]
    self.shapes.append(shape)
    stats = scores.entropy_stats(scores.step_entropy(logits), quirks=RELEASED)
    return [
      Reply(answer=answer, entropy=entropy)
      for answer, entropy in zip(call['answers'], stats, strict=True)
    ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trace:
  """A recorded search, opened.

  Attributes:
    told: Its .json.
    arrays: Its .npz.
  """

  told: Mapping[str, Any]
  arrays: Mapping[str, np.ndarray]

  @property
  def size(self) -> windows.WindowSize:
    config = self.told['config']
    return windows.WindowSize(
      window_s=config['window'],
      n_frames=config['num_frames'],
      fps=config['feature_fps'],
      sparse_strides=config.get('stride_divisor', windows.SPARSE_STRIDES),
    )

  def features(self, query: str) -> np.ndarray:
    return self.arrays[f'features/{self.told["queries"][query]["movie"]}']

  def duration_s(self, query: str) -> float:
    return self.told['movies'][self.told['queries'][query]['movie']]

  def model(self, level: str, query: str) -> RecordedModel:
    calls = self.told['llm_calls'][level][query]
    logits = [
      self.arrays[f'logits/{level}/{query}/{i}'] for i in range(len(calls))
    ]
    return RecordedModel(calls, logits)

  def runs(self, level: str) -> list[str]:
    """The queries of a level in the order in which they were asked."""
    return list(self.told['llm_calls'][level])


def read_trace(folder: Path) -> Trace | None:
  """Opens the recorded search of a golden folder; None where it has none.

  Raises:
    BadInput: a file is damaged or missing beside the other.
  """
  path = folder / FILE_NAME
  if not path.is_file():
    return None
  try:
    told = json.loads(path.read_text(encoding='utf-8'))
  except ValueError as error:
    raise BadInput(f'{path} is not JSON: {error}; fetch it again') from error
  missing = _GIVEN - set(told) if isinstance(told, dict) else _GIVEN
  if missing:
    raise BadInput(f'{path} has no {sorted(missing)}; fetch it again')
  return Trace(told=told, arrays=load_arrays(folder / ARRAYS_NAME))


def replay_trace(trace: Trace) -> tuple[list[Comparison], dict[str, Any]]:
  """Searches again.

  Returns:
    A comparison for every line of every log, every call and every table, and
    the record's fields as computed by us; None in place of what could not be.
  """
  ours: dict[str, Any] = {}
  comparisons = []
  makers = _Runs(trace).makers()
  for name, make in makers.items():
    if name not in trace.told:
      continue
    want = trace.told[name]

    def compare(name=name, make=make, want=want):
      ours[name] = make()
      return compare_values(
        f'recursion_trace.{name}', ours[name], _used(want), TOLERANCE
      )

    if not isinstance(want, list) or not want:
      comparisons.append(attempt(f'recursion_trace.{name}', compare))
      continue
    made = attempt(f'recursion_trace.{name}', compare)
    if name not in ours or len(ours[name]) != len(want):
      comparisons.append(made)
      continue
    comparisons += [
      compare_values(
        f'recursion_trace.{name}[{i}]', got, _used(line), TOLERANCE
      )
      for i, (got, line) in enumerate(zip(ours[name], want, strict=True))
    ]
  return comparisons, {
    name: ours.get(name) if name in makers else value
    for name, value in trace.told.items()
  }


def _used(recorded: Any) -> Any:
  """A record without the fields that nothing reads."""
  if isinstance(recorded, Mapping):
    return {k: _used(v) for k, v in recorded.items() if k != UNUSED}
  if isinstance(recorded, list):
    return [_used(value) for value in recorded]
  return recorded


class _Runs:
  """All passes of all queries, each run when it is first asked for."""

  def __init__(self, trace: Trace):
    self._trace = trace
    self._config = trace.told['config']

  def makers(self):
    """What makes each field of the record."""
    makers = {
      'dense_log': self._dense_log,
      'fused': lambda: self._fused(self._levels),
      'single_retrieval_fused': lambda: self._fused(self._levels[:1]),
      'fused_metrics': lambda: self._metrics(self._levels),
      'single_retrieval_metrics': lambda: self._metrics(self._levels[:1]),
      'selected_over_total': self._share_kept,
      'llm_calls': self._calls,
    }
    for level in self._levels:
      makers[f'{level}_log'] = functools.partial(self._sparse_log, level)
    return makers

  @property
  def _levels(self) -> list[str]:
    return [f'sparse{n}' for n in self._config.get('sparse_batches', ())]

  @functools.cache  # noqa: B019
  def _dense(self, query: str):
    trace = self._trace
    model = trace.model('dense', query)
    steps = three_passes.dense_pass(
      n_features=len(trace.features(query)),
      features=trace.features(query),
      query=trace.arrays[f'query_cls/{query}'],
      duration_s=trace.duration_s(query),
      size=trace.size,
      batch=self._config['dense_batch'],
      merge=self._config['score_merge'],
      quirks=RELEASED,
    )
    return model, search_alone(model, steps, TokenCache())

  @functools.cache  # noqa: B019
  def _sparse(self, level: str, query: str):
    trace = self._trace
    model = trace.model(level, query)
    number = self._levels.index(level)
    steps = three_passes.sparse_pass(
      n_features=len(trace.features(query)),
      size=trace.size,
      n_segments=self._config['sparse_batches'][number],
      zooms=self._config['zooms'],
      orders=(
        call['permutation'] for call in trace.told['llm_calls'][level][query]
      ),
      quirks=RELEASED,
    )
    return model, search_alone(model, steps, TokenCache())

  def _calls(self):
    """What each call showed and asked; answers and orders are the record's."""
    width = next(iter(self._trace.arrays.values())).shape[-1]
    told = {}
    for level, queries in self._trace.told['llm_calls'].items():
      told[level] = {}
      for query, recorded in queries.items():
        dense = level == 'dense'
        model, run = self._dense(query) if dense else self._sparse(level, query)
        told[level][query] = [dict(call) for call in recorded]
        asked = prompt.question(
          self._trace.told['queries'][query]['sentence'],
          template=prompt.FRAMES_QUESTION if dense else prompt.VIDEO_QUESTION,
        )
        for number, shape in enumerate(model.shapes):
          frames = [] if dense else [self._config['num_frames']]
          call = told[level][query][number]
          call['shape'] = [*shape, *frames, width]
          call['prompt'] = asked
          if not dense:
            call['zoom'] = run.calls[number].zoom
        del told[level][query][len(model.shapes) :]
    return told

  def _head(self, query: str) -> dict[str, Any]:
    return {
      'video_id': self._trace.told['queries'][query]['movie'],
      'task': 'grounding',
      'query_id': query,
    }

  def _truth(self, query: str):
    return self._trace.told['queries'][query]['timestamps']

  def _ious(self, query: str) -> list[float]:
    _, run = self._dense(query)
    duration_s = self._trace.duration_s(query)
    truth = [second / duration_s for second in self._truth(query)]
    return [
      case_rules.rounded_iou(run.share_of_video(span), truth)
      for span in run.spans
    ]

  def _dense_log(self):
    return [
      {
        **self._head(query),
        'answer': self._dense(query)[1].answers,
        'info': {
          'iou': self._ious(query),
          'scores': list(self._dense(query)[1].scores),
        },
      }
      for query in self._trace.runs('dense')
    ]

  def _sparse_log(self, level: str):
    lines = []
    for query in self._trace.runs(level):
      _, run = self._sparse(level, query)
      touched, _ = windows.windows_touched(
        *self._truth(query), self._trace.duration_s(query)
      )
      found = {
        str(number): list(interval)
        for number, interval in run.intervals.items()
      }
      entropies = [reply.entropy for reply in run.replies]
      info = {
        'gt': touched,
        'frames': found,
        'iou': [int(case_rules.holds(found.values(), touched))],
        'mean_entropy': [1 / entropy.mean for entropy in entropies],
        'max_entropy': [1 / entropy.max for entropy in entropies],
        'hierarchy_zooms': [call.zoom for call in run.calls],
      }
      lines.append({**self._head(query), 'answer': run.answers, 'info': info})
    return lines

  def _fused(self, levels: Sequence[str]):
    lines = []
    for query in self._trace.runs('dense'):
      # Without a log of the first sparse pass there is nothing to fuse.
      if query not in self._trace.told['llm_calls'][levels[0]]:
        continue
      _, dense = self._dense(query)
      sparse = [self._sparse(level, query)[1] for level in levels]
      kept = three_passes.fuse(dense, sparse, RELEASED)
      ious = self._ious(query)
      lines.append(
        {
          'query_id': query,
          'answer': kept['answers'],
          'iou': [ious[i] for i in kept['kept']],
          'scores': kept['scores'],
        }
      )
    return lines

  def _metrics(self, levels: Sequence[str]):
    lines = self._fused(levels)
    table = ranked_recall(
      [line['iou'] for line in lines], [line['scores'] for line in lines]
    )
    return table.percents()

  def _share_kept(self):
    kept = sum(len(line['answer']) for line in self._fused(self._levels))
    asked = sum(
      len(self._dense(line['query_id'])[1].answers)
      for line in self._fused(self._levels)
    )
    return kept / asked
