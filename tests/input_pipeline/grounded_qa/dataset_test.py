"""Stories told in captions, asked about by template and by a stubborn model."""

import json

import pytest

from input_pipeline.grounded_qa import (
  GroundedQaConfig,
  TemplateWriter,
  build_dataset,
  read_captions,
)
from input_pipeline.grounded_qa.distractors import DistractorRule
from input_pipeline.grounded_qa.writing import PromptedWriter
from vtg_jax import shape_stories
from vtg_jax.errors import BadInput
from vtg_jax.metrics.question_answering import choice_question

CONFIG = GroundedQaConfig(
  distractors=DistractorRule(count=2), video_file='stories/{name}.mp4'
)


@pytest.fixture(scope='module')
def captions():
  """Six generated videos in the form of ActivityNet-Captions."""
  told = {}
  for seed in range(6):
    story = shape_stories.make_story(shape_stories.PRESETS['easy'](), seed)
    told[f's{seed}'] = {
      'duration': story.duration_s,
      'timestamps': [[e.start_s, e.end_s] for e in story.events],
      'sentences': [f'{e.caption}. ' for e in story.events],
    }
  return told


@pytest.fixture
def videos(captions, tmp_path):
  (tmp_path / 'captions.json').write_text(json.dumps(captions))
  return read_captions(tmp_path / 'captions.json')


def build(videos, out, writer=TemplateWriter(), config=CONFIG):  # noqa: B008
  report = build_dataset(videos, out, config, writer=writer)
  return report, json.loads(out.read_text())


def test_every_event_becomes_an_item_of_the_mixtures(
  videos, captions, tmp_path
):
  report, items = build(videos, tmp_path / 'train.json')
  assert report.n_items == len(items) > 0
  assert report.n_events == sum(len(v.events) for v in videos)
  by_name = {video.name: video for video in videos}
  for item in items:
    name = item['video_id']
    assert item['video_file'] == f'stories/{name}.mp4'
    assert item['dataset_name'] == 'grounded_qa'
    event = by_name[name].events[int(item['question_id'].split('_')[1])]
    human, gpt = item['conversation']
    assert (human['from'], gpt['from']) == ('human', 'gpt')
    start, question, _, *lines = human['value'].splitlines()
    assert start == '<image>'
    options = [line[4:] for line in lines]
    assert human['value'] == '<image>\n' + choice_question(
      question.removeprefix('Question: '), options
    )
    letter = 'ABC'[options.index(event.sentence)]
    assert gpt['value'] == (
      f'Answer: ({letter}) {event.sentence} From <{event.start_s:g}> to '
      f'<{event.end_s:g}>.'
    )
    assert len(set(options)) == 3


def test_letters_are_spread_and_seeded(videos, tmp_path):
  _, items = build(videos, tmp_path / 'one.json')
  letters = {item['conversation'][1]['value'][9] for item in items}
  assert letters == set('ABC')
  _, again = build(videos, tmp_path / 'two.json')
  assert again == items
  other = GroundedQaConfig(
    seed=1, distractors=CONFIG.distractors, video_file=CONFIG.video_file
  )
  _, changed = build(videos, tmp_path / 'three.json', config=other)
  assert changed != items


class Stubborn:
  """A language model that writes a template's reply at the second asking."""

  name = 'stubborn'

  def __init__(self, videos):
    self.videos = videos
    self.prompts = []

  def complete(self, prompts, *, seed, draw):
    self.prompts += prompts
    return [self._good(prompt) if draw else 'Gladly!' for prompt in prompts]

  def _good(self, prompt):
    (asked,) = [
      (video, event)
      for video in self.videos
      for event in video.events
      if f'event of the list:\n{event.start_s:.1f} to {event.end_s:.1f}: '
      f'{event.sentence}\n'
      in prompt
      and f'a video of {video.duration_s:.1f} ' in prompt
    ][:1]
    start_s, end_s, sentence = asked[1]
    return json.dumps(
      {'question': 'What moves?', 'answer': sentence, 'start': start_s,
       'end': end_s}
    )  # fmt: skip


def test_a_reply_that_cannot_be_used_is_asked_for_again(videos, tmp_path):
  model = Stubborn(videos)
  report, items = build(videos, tmp_path / 'train.json', PromptedWriter(model))
  assert report.refused == {'it is no JSON': report.n_events}
  assert report.n_questions == report.n_events
  assert len(model.prompts) == 2 * report.n_events
  assert 'Question: What moves?' in items[0]['conversation'][0]['value']


def test_a_run_cut_off_goes_on_where_it_stood(videos, tmp_path):
  out = tmp_path / 'train.json'
  _, whole = build(videos, out)
  record = tmp_path / 'train.videos.jsonl'
  lines = record.read_bytes().splitlines(keepends=True)
  record.write_bytes(b''.join(lines[:3]) + lines[3][:20])
  report, again = build(videos, out)
  assert report.n_asked == len(videos) - 2
  assert again == whole
  assert record.read_bytes() == b''.join(lines)


def test_another_writer_is_refused(videos, tmp_path):
  build(videos, tmp_path / 'train.json')
  with pytest.raises(BadInput, match="writer='template 1'"):
    build(videos, tmp_path / 'train.json', PromptedWriter(Stubborn(videos)))


@pytest.mark.parametrize(
  'about',
  [
    3,
    {},
    {'duration': 0, 'timestamps': [], 'sentences': []},
    {'duration': 9, 'timestamps': [[0, 1]], 'sentences': []},
    {'duration': 9, 'timestamps': [[0]], 'sentences': ['a']},
    {'duration': 9, 'timestamps': [[0, float('inf')]], 'sentences': ['a']},
    {'duration': 9, 'timestamps': [[0, 1]], 'sentences': [3]},
  ],
)
def test_captions_of_another_form_are_bad_input(tmp_path, about):
  path = tmp_path / 'captions.json'
  path.write_text(json.dumps({'v': about}))
  with pytest.raises(BadInput, match="'v' in"):
    read_captions(path)


def test_events_are_held_inside_the_video(tmp_path):
  path = tmp_path / 'captions.json'
  about = {'duration': 9, 'timestamps': [[12, 7], [-1, 2], [10, 11]],
           'sentences': ['b', ' a  a ', 'c']}  # fmt: skip
  path.write_text(json.dumps({'v': about}))
  assert read_captions(path)[0].events == ((0, 2, 'a a'), (7, 9, 'b'))


@pytest.mark.parametrize(
  'file', ['a.mp4', '{name', '{other}.mp4', '{}.mp4'],
)  # fmt: skip
def test_a_file_name_without_the_videos_is_bad_input(file):
  with pytest.raises(BadInput, match='video_file'):
    GroundedQaConfig(video_file=file)
