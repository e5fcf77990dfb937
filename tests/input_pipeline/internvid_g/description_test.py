import numpy as np
import pytest

from input_pipeline.internvid_g import CutRule, InternVidGConfig, MergeRule
from input_pipeline.internvid_g.description import cosines, describe_video
from tests.input_pipeline.internvid_g.colour_models import (
  SHADES,
  ColourCaptioner,
  ColourEmbedder,
  wall,
  write_walls,
)
from vtg_jax.errors import BadInput

PAPER = InternVidGConfig()
(RED, DARK_RED), (GREEN, _), (BLUE, DARK_BLUE) = (
  SHADES[name] for name in ('red', 'green', 'blue')
)
(WHITE,) = SHADES['white']


@pytest.fixture(scope='module')
def video(tmp_path_factory):
  """Red, blue twice, green, white, red with some white."""
  path = tmp_path_factory.mktemp('videos') / 'a.mp4'
  write_walls(
    path,
    [
      (wall(RED), 2),
      (wall(BLUE), 3),
      (wall(DARK_BLUE), 2),
      (wall(GREEN), 3),
      (wall(WHITE), 2),
      (wall(RED, stripe=WHITE), 2),
    ],
  )
  return path


def describe(path, config=PAPER, **models):
  models = {
    'embedder': ColourEmbedder(),
    'captioner': ColourCaptioner(),
    **models,
  }
  return describe_video(str(path), config, **models)


def test_scenes_that_look_alike_are_one(video):
  got = describe(video)
  starts = [0.0, 2.0, 5.0, 7.0, 10.0, 12.0]
  assert [start_s for start_s, _ in got.scenes] == starts
  assert got.merged == [[0, 2], [2, 7], [7, 10], [10, 12], [12, 14]]
  assert got.duration_s == 14.0


def test_likeness_is_the_cosine_of_what_the_embedder_says(video):
  similarity = np.array(describe(video).similarity)
  np.testing.assert_array_equal(similarity, similarity.T)
  np.testing.assert_array_equal(np.diag(similarity), 1)
  # Shares of red and white are 45 and 19 of 64 rows.
  length = np.hypot(45, 19)
  assert similarity[0, 4] == pytest.approx(45 / length, abs=0.01)
  assert similarity[3, 4] == pytest.approx(19 / length, abs=0.01)
  assert similarity[0, 1] == similarity[1, 2] == 0


def test_every_scene_that_has_a_caption_is_captioned(video):
  captions = describe(video).captions
  assert [(c.start_s, c.end_s, c.text) for c in captions] == [
    (0.0, 2.0, 'a red wall'),
    (2.0, 7.0, 'a blue wall'),
    (7.0, 10.0, 'a green wall'),
    (12.0, 14.0, 'a red wall'),
  ]
  matches = [c.match for c in captions]
  assert matches[:3] == pytest.approx([1, 1, 1])
  assert matches[3] == pytest.approx(45 / np.hypot(45, 19), abs=0.01)


def test_a_caption_matches_by_its_most_similar_frame(tmp_path):
  path = tmp_path / 'a.mp4'
  # Frames 12 .. 20 have more white; those compared are 5, 10 and 15.
  write_walls(
    path,
    [
      (wall(RED, stripe=WHITE, striped=0.3), 1.2),
      (wall(RED, stripe=WHITE, striped=0.4), 0.8),
      (wall(BLUE), 2),
    ],
  )
  config = InternVidGConfig(cuts=CutRule(threshold=60))
  red, _ = describe(path, config).captions
  assert red.text == 'a red wall'
  assert red.match == pytest.approx(45 / np.hypot(45, 19), abs=0.01)


def test_short_scenes_get_no_caption(video):
  got = describe(video, InternVidGConfig(min_captioned_s=2.5))
  assert [c.start_s for c in got.captions] == [2.0, 7.0]


def test_later_scenes_are_not_looked_at(video):
  got = describe(video, InternVidGConfig(max_scenes=3))
  assert len(got.scenes) == 6
  assert got.merged == [[0, 2], [2, 7]]


def test_merging_follows_its_threshold(video):
  config = InternVidGConfig(merge=MergeRule(threshold=1.0))
  assert describe(video, config).merged == describe(video, config).scenes


@pytest.mark.parametrize('batch_size', [1, 4])
def test_batches_change_nothing(video, batch_size):
  assert describe(video, InternVidGConfig(batch_size=batch_size)) == describe(
    video
  )


def test_no_model_gets_more_images_than_a_batch(video):
  class Counting(ColourEmbedder):
    def embed_images(self, images):
      assert len(images) <= 4
      return super().embed_images(images)

  describe(video, InternVidGConfig(batch_size=4), embedder=Counting())


def test_a_video_without_cuts_has_nothing_to_say(tmp_path):
  path = tmp_path / 'a.mp4'
  write_walls(path, [(wall(RED), 2)])
  got = describe(path)
  assert (got.scenes, got.merged, got.similarity, got.captions) == (
    [], [], [], []
  )  # fmt: skip


def test_a_broken_model_is_told(video):
  class Flat(ColourEmbedder):
    def embed_images(self, images):
      return np.zeros(len(images))

  class Infinite(ColourEmbedder):
    def embed_images(self, images):
      return np.full((len(images), 2), np.inf)

  class Terse(ColourCaptioner):
    def caption_images(self, images):
      return []

  for models, said in [
    ({'embedder': Flat()}, 'must give a vector for each'),
    ({'embedder': Infinite()}, 'is not finite'),
    ({'captioner': Terse()}, 'gave 0 results for 5 images'),
  ]:
    with pytest.raises(ValueError, match=said) as caught:
      describe(video, **models)
    assert not isinstance(caught.value, BadInput)


def test_the_cosine_with_nothing_is_zero():
  got = cosines(np.array([[0.0, 0], [3, 4]]), np.array([[1.0, 0]]))
  np.testing.assert_allclose(got, [[0], [0.6]])


@pytest.mark.parametrize(
  'fields',
  [{'max_scenes': 0}, {'batch_size': 0}, {'kept_quantile': 1.5}],
)
def test_impossible_numbers_are_bad_input(fields):
  with pytest.raises(BadInput, match=next(iter(fields))):
    InternVidGConfig(**fields)
