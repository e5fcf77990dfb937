"""ShapeStories through the same transforms as videos from files."""

import dataclasses
import pathlib

import numpy as np
import pytest

from input_pipeline import hawkeye_clips, training_items
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments import coarse
from vtg_jax.shape_stories.splits import TEST
from vtg_jax.shape_stories.words import PAIRS
from vtg_jax.systems.hawkeye import story_source, training_data
from vtg_jax.systems.hawkeye.story_source import StoriesOptions, StoriesSource

TOKENIZERS = (
  pathlib.Path(__file__).parents[3]
  / 'vtg_jax/checkpoints/hawkeye_small/tokenizers'
)
KNOBS = {'duration_s': [6.0, 9.0], 'event_frac': [0.1, 0.3]}


def source(**changes):
  options = StoriesOptions(**{'knobs': KNOBS, 'draw_size': 16} | changes)
  return StoriesSource(options=options, config=options.config)


def batches(stories=None, batch_size=4, **changes):
  options = training_data.DataOptions.from_dict(
    {
      'stories': [{'knobs': KNOBS, 'draw_size': 16, **(stories or {})}],
      'n_frames': 4,
      'row_tokens': 400,
      'instruction_tokens': 32,
      'augment': {'size': 16, 'crop': 'whole', 'flip': 'swap_words'},
      'clip': {'frame_choice': 'timestamp'},
    }
    | changes
  )
  return training_data.batches(
    options,
    SentencePieceTokenizer(TOKENIZERS / 'tokenizer.model'),
    WordPieceTokenizer(TOKENIZERS / 'vocab.txt', ('[DEC]',)),
    n_video=4,
    max_text_tokens=512,
    pad_id=2,
    batch_size=batch_size,
    seed=0,
  )


def test_an_item_is_a_query_of_its_story():
  stories = source(first_seed=7)
  for seed in range(20):
    item = stories.item(3, np.random.default_rng(seed))
    video = stories.open(item)
    assert video.story.seed == 10
    assert training_items.objective(item) == 'grounding'
    (turn,) = item['QA']
    spans = {(q.start_s, q.end_s) for q in video.story.queries}
    assert (turn['start_sec'], turn['end_sec']) in spans
    assert turn['neg_end_sec'] == video.duration_s
  training_items.checked_items([item], 'a story')


def test_words_and_orders_differ_from_use_to_use():
  stories = source()
  asked = {
    stories.item(0, np.random.default_rng(seed))['QA'][0]['q']
    for seed in range(40)
  }
  assert len(asked) > 30


def test_a_share_of_the_samples_asks_for_the_sentence():
  stories = source(caption_share=0.25)
  kinds = [
    training_items.objective(stories.item(0, np.random.default_rng(seed)))
    for seed in range(200)
  ]
  assert 30 < kinds.count('caption') < 70
  assert kinds.count('caption') + kinds.count('grounding') == 200


def test_frames_are_drawn_at_the_size_asked_for():
  stories = source()
  item = stories.item(0, np.random.default_rng(0))
  assert stories.open(item).get([0, 3]).shape == (2, 16, 16, 3)
  own = source(draw_size=None)
  assert own.open(item).get([0]).shape == (1, 128, 128, 3)


def test_batches_of_stories_have_the_shapes_of_others():
  batch = next(batches())
  assert batch['frames'].shape == (4, 4, 16, 16, 3)
  assert batch['input_ids'].shape == (4, 400)
  assert 'frame_objects' not in batch


def test_workers_draw_the_same_stories():
  want, made = batches(), batches(loader={'n_workers': 1})
  try:
    for _ in range(2):
      one, other = next(want), next(made)
      for name in one:
        np.testing.assert_array_equal(one[name], other[name])
  finally:
    made.close()


def test_labels_of_cells_come_along_when_asked_for():
  batch = next(batches(label_grid=3))
  assert batch['cell_pairs'].shape == (4, 4, 3, 3)
  assert (batch['cell_pairs'] >= 0).any()


def test_mirrored_cells_show_the_opposite_slide_on_the_other_side():
  stories = source()
  item = stories.item(0, np.random.default_rng(0))
  video = stories.open(item)
  ids = range(video.n_frames)
  plain, mirrored = (
    story_source.cell_labels(item, video, ids, 4, mirrored=flag)
    for flag in (False, True)
  )
  other = {'slides left': 'slides right', 'slides right': 'slides left'}

  def is_mirrored(one, two):
    colour, shape, action = PAIRS[one]
    return PAIRS[two] == (colour, shape, other.get(action, action))

  cells, turned = plain['cell_pairs'], mirrored['cell_pairs'][:, :, ::-1]
  for one, two in zip(cells.flat, turned.flat, strict=True):
    assert (one < 0) == (two < 0)
    assert one < 0 or is_mirrored(one, two)
  assert is_mirrored(plain['asked_pair'], mirrored['asked_pair'])


def test_the_asked_pair_is_seen_in_the_frames_of_the_moment():
  stories = source()
  for seed in range(6):
    item = stories.item(seed, np.random.default_rng(seed))
    (turn,) = item['QA']
    video = stories.open(item)
    ids = np.arange(video.n_frames)
    labels = story_source.cell_labels(item, video, ids, 8, mirrored=False)
    seen = (labels['cell_pairs'] == labels['asked_pair']).any((1, 2))
    times_s = video.times_s
    inside = (turn['start_sec'] <= times_s) & (times_s < turn['end_sec'])
    assert inside.any() and not (seen & ~inside).any()
    assert seen.sum() > 0.5 * inside.sum()  # other objects may hide it


def test_labels_of_stories_are_those_of_the_strict_rule():
  """What the small model learns is what the search will ask of it."""
  stories = source()
  rng = np.random.default_rng(0)
  for index in range(20):
    item = stories.item(index, rng)
    clip = hawkeye_clips.draw_clip(
      item,
      stories.open(item).duration_s,
      hawkeye_clips.ClipOptions(view_share=0.5),
      num_frames=4,
      rng=rng,
    )
    turn = item['QA'][0]
    label = coarse.label_span(
      turn['start_sec'], turn['end_sec'], *clip.bounds_s
    )
    assert clip.turns[0]['a'].endswith(coarse.TEXTS[label])


@pytest.mark.parametrize(
  ('changes', 'match'),
  [
    ({'preset': 'x'}, 'preset'),
    ({'n_stories': 0}, 'n_stories'),
    ({'first_seed': TEST.start}, 'for tests'),
    ({'caption_share': 2.0}, 'caption_share'),
    ({'knobs': {'colour': 1}}, 'unknown colour'),
    ({'knobs': {'fps': 'x'}}, "fps 'x' cannot be"),
    ({'draw_size': 0}, 'draw_size is 0'),
    ({'questions': ()}, 'questions is empty'),
    ({'questions': ('When?',)}, 'one %s'),
  ],
)
def test_wrong_options_are_named(changes, match):
  with pytest.raises(BadInput, match=match):
    batches(changes)
  with pytest.raises(ValueError, match=match):
    dataclasses.replace(StoriesOptions(), **changes)


def test_nobody_knows_what_cells_of_files_show(tmp_path):
  path = tmp_path / 'train.json'
  path.write_text('[{"video": "a.mp4", "QA": [{"q": "Q", "a": "A"}]}]')
  files = [{'annotations': str(path), 'videos': str(tmp_path)}]
  with pytest.raises(BadInput, match='label_grid'):
    batches(files=files, label_grid=2)
