"""TimeChat's recorded scores, computed by the library.

Each function goes from the given fields of a case, and the whole file, to the
computed fields. The functions only rename fields.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vtg_jax.metrics import dense_captions, grounding, highlights
from vtg_jax.metrics.cider import cider, mean_cider
from vtg_jax.metrics.dense_captions import (
  THRESHOLDS,
  Event,
  TogetherScorer,
  challenge_iou,
)
from vtg_jax.systems.replay.cases import Case, Rule
from vtg_jax.systems.timechat.replay.recorded_captions import (
  RecordedCaptions,
  Video,
  letters,
  meteor_together,
  videos_of,
)

# Rows that the release fills with a number that means nothing.
_FILLER = -1.0


def spans(case: Case, _: Case) -> dict[str, Any]:
  """Scores one span a query; of the recorded recalls it takes thresholds."""
  ious = {}
  for query, truth in case['gt'].items():
    told = case['pred'].get(query)
    ious[query] = grounding.iou(truth, told[0]) if told else None
  found = grounding.scores(
    list(ious.values()),
    thresholds=[float(t) for t in case['recall_at_1']],
    count_failed=True,
    strict=False,
  )
  return {
    'iou': ious,
    'recall_at_1': {
      told: 100 * found.recall[float(told)] for told in case['recall_at_1']
    },
  }


def detections(case: Case, _: Case) -> dict[str, Any]:
  """Scores the spans of events."""
  told, true = (
    [Event(tuple(span), '') for span in case[name]] for name in ('pred', 'gt')
  )
  found = dense_captions.localisation_at(
    told, [true], thresholds=THRESHOLDS, overlap=challenge_iou
  )
  precision = [one.precision for one in found]
  recall = [one.recall for one in found]
  return {
    'precision': precision,
    'recall': recall,
    'f1': dense_captions.harmonic(np.mean(precision), np.mean(recall)),
  }


def sentences(case: Case, _: Case) -> dict[str, Any]:
  """Compares sentences whose words are parted already."""
  keys = sorted(case['gts'])
  pairs = [(case['res'][key][0], case['gts'][key][0]) for key in keys]
  scores = cider(pairs)
  return {'per_item_sorted_keys': scores, 'score': mean_cider(pairs)}


def assignments(case: Case, _: Case) -> dict[str, Any]:
  """Pairs events in order."""
  values = np.array(case['score_matrix'], np.float64)
  return {
    'max_score': dense_captions.best_in_order(values),
    'pairs': [list(pair) for pair in dense_captions.pairs_in_order(values)],
  }


def saliency(case: Case, _: Case) -> dict[str, Any]:
  """Scores highlights, of the queries that both sides know."""
  told = {one['qid']: one['pred_saliency_scores'] for one in case['pred']}
  true = {one['qid']: _true_saliency(one) for one in case['gt']}
  queries = [query for query in told if query in true]
  brief = {}
  for name, least in highlights.LEAST_SCORES.items():
    found = highlights.highlight_scores(
      [told[query] for query in queries],
      [true[query] for query in queries],
      least=least,
    )
    brief[f'HL-min-{name}-mAP'] = _percent(found.mean_ap)
    brief[f'HL-min-{name}-Hit1'] = _percent(found.hit_at_1)
  out = {'brief': brief}
  if 'ap_cases' in case:
    out['ap_cases'] = [
      {
        'y_true': one['y_true'],
        'y_pred': one['y_pred'],
        'ap': highlights.average_precision(one['y_true'], one['y_pred']),
      }
      for one in case['ap_cases']
    ]
  return out


def _true_saliency(told: Case) -> highlights.TrueSaliency:
  return highlights.TrueSaliency(
    n_clips=highlights.clips_of(told['duration']),
    clips=tuple(told['relevant_clip_ids']),
    scores=tuple(map(tuple, told['saliency_scores'])),
  )


def _percent(share: float) -> float:
  """As the benchmark tells its scores."""
  return float(f'{100 * share:.2f}')


# Videos told.


def told_videos(case: Case, _: Case) -> dict[str, Any]:
  """Scores told videos.

  What is said in words comes from the record where it needs programs in Java:
  the words of captions, and METEOR of every pair for SODA_c. METEOR of all
  pairs together is the published program's where it is installed, and else
  ours, which knows no synonyms.
  """
  videos = videos_of(case['pred'], case['gt'])
  record = RecordedCaptions(case['soda_detail'], videos)
  paragraphs = _paragraphs(case, videos)
  texts = [*record.all_words(), *(text for pair in paragraphs for text in pair)]
  with meteor_together(texts) as meteor:
    rows = [_video_row(video, record, meteor) for video in videos]
    told_whole = {
      'Para_CIDER': mean_cider(paragraphs),
      'Para_METEOR': meteor(paragraphs),
    }
  per_video = {
    name: [row[name] for row in rows]
    for name in case['per_video']
    if name in rows[0]
  }
  (split,) = _splits(case['per_video'])
  soda = f'SODA_c_{split}'
  per_video[soda] = [row['soda'] for row in rows]
  for name in case['per_video']:
    if name.startswith('SODA_c_') and name != soda:
      per_video[name] = [_FILLER] * len(rows)
  means = {
    name: 100 * float(np.mean(per_video[name]))
    for name in per_video
    if name not in ('key', 'n_preds')
  }
  return {
    'per_video': {name: per_video[name] for name in case['per_video']},
    'mean_x100': means,
    'soda_detail': [
      _soda_detail(video, record, row, split)
      for video, row in zip(videos, rows, strict=True)
    ],
    'printed': _printed(case, told_whole, per_video, split),
  }


def _video_row(
  video: Video, record: RecordedCaptions, meteor: TogetherScorer
) -> dict[str, Any]:
  where = dense_captions.localisation_at(
    video.told, [video.true], overlap=challenge_iou
  )
  compared = dense_captions.compared_pairs(
    video.told, video.true, overlap=challenge_iou, reached=True
  )
  compared = [record.parted(pairs) for pairs in compared if pairs]
  precision = [one.precision for one in where]
  recall = [one.recall for one in where]
  # As everywhere in the release: rows of true events, columns of told ones.
  ious = dense_captions.pair_ious(video.true, video.told, overlap=challenge_iou)
  likeness = record.meteor_of_pairs(video)
  row = {
    'CIDER': _mean([mean_cider(pairs) for pairs in compared]),
    'METEOR': _mean([meteor(pairs) for pairs in compared]),
    'Precision_Mean': _mean(precision),
    'Recall_Mean': _mean(recall),
    'F1_Score': dense_captions.harmonic(_mean(precision), _mean(recall)),
    'n_preds': float(len(video.told)),
    'key': video.name,
    'soda': dense_captions.story_score(ious * likeness),
    # One column stands for no event at all.
    'ious': ious if video.told else np.zeros((len(video.true), 1)),
    'meteor': likeness.tolist() if video.told else [],
  }
  for threshold, p, r in zip(THRESHOLDS, precision, recall, strict=True):
    row |= {f'Precision@{threshold}': p, f'Recall@{threshold}': r}
  return row


def _soda_detail(
  video: Video, record: RecordedCaptions, row: Mapping[str, Any], split: str
) -> dict[str, Any]:
  return {
    'tokenized_pred': [record.words(event.sentence) for event in video.told],
    'tokenized_gt': [record.words(event.sentence) for event in video.true],
    'iou_matrix': {split: row['ious'].tolist()},
    'meteor_matrix': row['meteor'],
    'soda_c': {split: row['soda']},
  }


def _paragraphs(case: Case, videos: Sequence[Video]) -> list[tuple[str, str]]:
  """Whole videos, told as one text each, and the truth.

  What is told is matched to the truth by its number among the videos that were
  told, as in the release: a video that is left out moves those behind it.
  """
  told = [
    '. '.join(event.sentence for event in video.told)
    for video in videos
    if video.name in case['pred']
  ]
  true = [' '.join(event.sentence for event in video.true) for video in videos]
  return [
    (letters(one), letters(other))
    for one, other in zip(told, true, strict=False)
  ]


def _printed(case, paragraphs, per_video, split) -> list[str]:
  """The lines of the script's report, but for the path of its file."""
  n_videos, n_told = len(case['gt']), len(case['pred'])
  known = {told for told in case['pred']} & set(per_video['key'])
  name = {'1': 'train', '2': 'val', '3': 'test'}[split]
  lines = [
    f'[{name}] gt video nums {n_videos}; pred video nums {n_told}',
    f'gt video nums {n_videos}; pred video nums {len(known)}',
    f'evaluate data samples:  {n_videos}',
    'paragraph video captioning',
    *(f'{key} {round(100 * x, 1)}' for key, x in paragraphs.items()),
    'dense video captioning',
  ]
  for key in case['per_video']:
    if key == 'key':
      continue
    scale = 1 if key == 'n_preds' else 100
    lines.append(f'{key} {round(scale * _mean(per_video[key]), 1)}')
  return lines


def _splits(per_video: Mapping[str, Sequence[float]]) -> list[str]:
  """Which of the annotators' files was read: the one that is no filler."""
  return [
    name.removeprefix('SODA_c_')
    for name, scores in per_video.items()
    if name.startswith('SODA_c_') and set(scores) != {_FILLER}
  ]


def _mean(values: Sequence[float]) -> float:
  return sum(values) / len(values) if len(values) else 0.0


def find_rule(key: str, _: Any) -> Rule | None:
  """The rule of a key; None for one of another room."""
  return RULES.get(key)


RULES = {
  'metric_tvg': Rule(
    replay=spans,
    gives=('gt', 'pred', 'recall_at_1'),
    computes=('iou', 'recall_at_1'),
    one_case=True,
  ),
  'metric_detection': Rule(
    replay=detections,
    gives=('pred', 'gt'),
    computes=('precision', 'recall', 'f1'),
  ),
  'metric_cider': Rule(
    replay=sentences,
    gives=('gts', 'res'),
    computes=('score', 'per_item_sorted_keys'),
  ),
  'metric_soda_dp': Rule(
    replay=assignments,
    gives=('score_matrix',),
    computes=('max_score', 'pairs'),
  ),
  'metric_vhd': Rule(
    replay=saliency,
    gives=('pred', 'gt'),
    may_give=('ap_cases',),
    computes=('brief',),
    may_compute=('ap_cases',),
    one_case=True,
  ),
  'metric_dvc_end_to_end': Rule(
    replay=told_videos,
    gives=('pred', 'gt', 'per_video', 'soda_detail'),
    computes=('per_video', 'mean_x100', 'soda_detail', 'printed'),
    one_case=True,
  ),
}
