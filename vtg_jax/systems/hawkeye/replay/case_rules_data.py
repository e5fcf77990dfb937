"""HawkEye's recorded rules for building data, as `case_rules` has the others.

Samples, merged scenes and negative spans: each function goes from the given
fields of a case, and the whole file, to the computed fields.
"""

import random
import re
from typing import Any

from input_pipeline import hawkeye_samples, internvid_g
from vtg_jax.systems.replay.cases import Case


def process_qa(case: Case, _: Case) -> dict[str, Any]:
  """Joins turns into a training conversation."""
  turns = case['qa']
  return {
    'conversation': hawkeye_samples.conversation(turns, case['msg']),
    'qformer_instruction': hawkeye_samples.qformer_instruction(turns),
  }


def data_preparing(case: Case, _: Case) -> dict[str, Any]:
  """Builds items; of an output it takes script, function and seed."""

  def read(script, for_test):
    if script == 'charades':
      return hawkeye_samples.charades_sentences(
        case['charades_lines'], case['charades_lengths']
      )
    if script == 'anetc':
      return hawkeye_samples.activitynet_sentences(
        case['anetc'], for_test=for_test
      )
    if script == 'internvid':
      return hawkeye_samples.internvid_g_sentences(case['internvid_lines'])
    raise ValueError(f'script {script!r} is unknown')

  def build(script, func, seed):
    rng = random.Random(seed)
    sentences = read(script, func == 'test_grounding')
    if func == 'choice':
      return hawkeye_samples.choice_items(
        sentences, case['instructions'], case['questions'], rng
      )
    if func == 'choice_caption':
      return hawkeye_samples.caption_items(sentences, case['instructions'], rng)
    if func == 'test_grounding':
      return hawkeye_samples.evaluation_items(sentences)
    raise ValueError(f'function {func!r} is unknown')

  return {
    'outputs': [
      {
        'script': entry['script'],
        'func': entry['func'],
        'seed': entry['seed'],
        'output': build(entry['script'], entry['func'], entry['seed']),
      }
      for entry in case['outputs']
    ]
  }


def merge(case: Case, _: Case) -> dict[str, Any]:
  """Merges scenes; of an output it takes method and threshold."""
  scenes = {e['video_fname']: e['scenes'] for e in case['input_scenes']}
  outputs = []
  for entry in case['outputs']:
    rule = internvid_g.MergeRule(
      method=entry['update_method'], threshold=entry['threshold']
    )
    merged, similarity = [], []
    for video in case['input_similarity']:
      name = video['video_fname']
      spans, matrix = internvid_g.merge_scenes(
        scenes[name], video['similarity_matrix'], rule
      )
      merged.append({'video_fname': name, 'scenes': spans})
      similarity.append(
        {'video_fname': name, 'similarity_matrix': matrix.tolist()}
      )
    outputs.append(
      {
        'update_method': entry['update_method'],
        'threshold': entry['threshold'],
        'scenes': merged,
        'similarity': similarity,
      }
    )
  return {'outputs': outputs}


def negative_spans(case: Case, file: Case) -> dict[str, Any]:
  """Finds negative spans; of the output it takes the captions' order."""
  given = _referenced(case['scenes_and_similarity'], file)
  scenes = {e['video_fname']: e['scenes'] for e in given['scenes']}
  matrices = {
    e['video_fname']: e['similarity_matrix'] for e in given['similarity']
  }
  limits = dict(case['thresholds'])
  rule = internvid_g.NegativeSpanRule(
    same_span=limits.pop('span_same'),
    boundary_shift_s=limits.pop('boundary_shift'),
    min_caption_s=limits.pop('min_secs'),
    max_caption_s=limits.pop('max_secs'),
    max_scenes=limits.pop('max_scenes'),
  )
  if limits:
    raise ValueError(f'thresholds {sorted(limits)} are unknown')
  lines = [
    line
    for caption in case['captions']
    for line in internvid_g.grounded_captions(
      caption['video_fname'],
      [caption],
      scenes[caption['video_fname']],
      matrices[caption['video_fname']],
      case['durations'][caption['video_fname']],
      rule,
    )
  ]
  place = {
    (line['video'], line['caption']): i
    for i, line in enumerate(case['output_sorted_by_caption'])
  }
  lines.sort(
    key=lambda line: place.get((line['video'], line['caption']), len(place))
  )
  return {'output_sorted_by_caption': lines}


def _referenced(reference: str, file: Case) -> Any:
  """'key.field[name=value]' is the one entry of that list with that value."""
  found = re.fullmatch(r'(\w+)\.(\w+)\[(\w+)=(\w+)\]', reference)
  if not found:
    raise ValueError(f'{reference!r} is no key.field[name=value]')
  key, field, name, value = found.groups()
  (entry,) = [e for e in file[key][field] if str(e[name]) == value]
  return entry
