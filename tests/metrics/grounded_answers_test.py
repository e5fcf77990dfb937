"""Grounded answers: the recorded case, and the corners."""

import json
import math
from pathlib import Path

import pytest

from vtg_jax.metrics import grounded_answers, grounding
from vtg_jax.metrics.grounded_answers import GroundedAnswer

GOLDEN = Path(__file__).parents[1] / 'golden' / 'grounded_videollm'
CASE = json.loads((GOLDEN / 'cases.json').read_text())[
  'metrics_not_from_reference'
]


def test_the_recorded_case():
  answers = [
    GroundedAnswer(is_right=right, span=span, truths=[truth])
    for right, span, truth in zip(
      CASE['answer_correct'], CASE['pred'], CASE['gt'], strict=True
    )
  ]
  found = grounded_answers.scores(answers)
  assert 100 * found.mean_iop == pytest.approx(CASE['mIoP'])
  assert 100 * found.mean_iou == pytest.approx(CASE['mIoU'])
  assert 100 * found.accuracy_with_evidence == CASE['AccGQA']
  for threshold in grounded_answers.THRESHOLDS:
    assert 100 * found.iop_at[threshold] == CASE[f'IoP@{threshold}']
    assert 100 * found.iou_at[threshold] == CASE[f'IoU@{threshold}']
  ious = [
    0.0 if span is None else grounding.iou(span, truth)
    for span, truth in zip(CASE['pred'], CASE['gt'], strict=True)
  ]
  assert ious == pytest.approx(CASE['iou'])
  recall = grounding.scores(ious, strict=False).recall
  for threshold, share in recall.items():
    assert 100 * share == CASE[f'R1@{threshold}']


def test_the_best_true_span_counts():
  one = GroundedAnswer(is_right=True, span=(2, 4), truths=[(0, 1), (3, 9)])
  found = grounded_answers.scores([one])
  assert found.mean_iop == 0.5 and found.accuracy_with_evidence == 1


def test_an_inverted_span_has_no_evidence():
  assert grounded_answers.iop((5, 3), (0, 9)) == 0
  assert grounded_answers.iop((3, 3), (0, 9)) == 0


def test_no_answers_have_no_scores():
  assert math.isnan(grounded_answers.scores([]).accuracy)


def test_an_iou_at_the_threshold_counts_unless_strict():
  assert grounding.scores([0.5], strict=False).recall[0.5] == 1
  assert grounding.scores([0.5]).recall[0.5] == 0
