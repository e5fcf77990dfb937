"""The oracle replays the reference's recorded searches."""

import json
import pathlib

import pytest

from tests.recursion.oracle import recursive_grounding

GOLDEN = pathlib.Path(__file__).parents[1] / 'golden' / 'hawkeye'
TRACES = json.loads((GOLDEN / 'cases.json').read_text())[
  'recursive_grounding_traces'
]


@pytest.mark.parametrize('trace', TRACES)
def test_the_oracle_equals_the_recorded_search(trace):
  recorded = trace['rounds']
  rounds, span = recursive_grounding(
    'x y',
    video_frames=trace['num_video_frames'],
    fps=trace['fps'],
    orders=[r['option_order'] for r in recorded],
    reply=lambda turn: recorded[turn]['llm_message'],
    max_turns=trace['max_turns'],
  )
  assert list(span) == trace['final_span']
  assert [r.answer for r in rounds] == trace['pred_answer_list']
  assert len(rounds) == len(recorded)
  for ours, theirs in zip(rounds, recorded, strict=True):
    assert ours.frame_indices == theirs['frame_indices']
    assert ours.video_msg == theirs['video_msg']
    assert ours.question == theirs['question']


def test_the_oracles_prompt_is_the_recorded_one():
  recorded = json.loads((GOLDEN / 'config.json').read_text())['prompts']['gen']
  rounds, _ = recursive_grounding(
    'a man opens a door',
    video_frames=3,
    fps=1.0,
    orders=[('beginning', 'end', 'middle', 'throughout')],
    reply=lambda turn: '',
    max_turns=1,
    shown=3,
  )
  times, others = rounds[0].prompt.split('sampled at ')[1].split(' seconds')
  assert times.count(',') == 2
  assert recorded.endswith(others)
  assert (
    rounds[0].prompt.split(' The video')[0] == (recorded.split(' The video')[0])
  )
