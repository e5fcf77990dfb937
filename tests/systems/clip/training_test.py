"""A dual encoder learns from pairs: what is right, wrong, or left out."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax import config_file
from vtg_jax.convert.param_tree import flatten
from vtg_jax.errors import BadInput
from vtg_jax.shape_stories.words import PAIRS
from vtg_jax.systems.clip import frame_encoder
from vtg_jax.systems.clip.tasks import task as task_of
from vtg_jax.systems.clip.training import contrastive_sums, is_true
from vtg_jax.train.loop import fit
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}


def make_task(**changes):
  values = config_file.read_config('clip/small:quicktest')
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  return task_of(rest | changes)


def test_a_sentence_of_a_frame_is_true_of_it():
  batches = make_task().batches(batch_size=4, seed=3)
  batch = next(batches)
  batches.close()
  B, N = batch['frames'].shape[:2]
  K = batch['asked'].shape[1]
  assert (N, K) == (3, 2) and batch['frames'].shape[2:] == (16, 16, 3)
  for shown, asked in zip(batch['shown'], batch['asked'], strict=True):
    true = is_true(*map(jnp.asarray, (shown.reshape(N, -1), asked)))
    assert all(true[k, k] for k in range(K))
  assert batch['asked'].max() < len(PAIRS)


def test_what_is_true_by_chance_is_neither_right_nor_wrong():
  """Against the sums written out, with a frame that no sentence is for."""
  rng = np.random.default_rng(0)
  scores = rng.normal(size=(5, 3)).astype(np.float32)
  own = np.array([0, 2, 3])
  true = np.zeros((5, 3), bool)
  true[own, range(3)] = True
  true[0, 2] = true[4, 1] = True
  total = 0.0
  for j, i in enumerate(own):
    texts = [scores[i, q] for q in range(3) if q == j or not true[i, q]]
    frames = [scores[f, j] for f in range(5) if f == i or not true[f, j]]
    for others in (texts, frames):
      total += np.log(np.exp(others).sum()) - scores[i, j]
  sums = contrastive_sums(*map(jnp.asarray, (scores, true, own)))
  np.testing.assert_allclose(sums.total, total / 2, rtol=1e-5)
  assert sums.weight == 3
  raised = scores.copy()
  raised[0, 2] = raised[4, 1] = 100
  same = contrastive_sums(*map(jnp.asarray, (raised, true, own)))
  np.testing.assert_array_equal(same.total, sums.total)


def test_what_is_trained_encodes_frames_and_sentences(tmp_path):
  task, told = make_task(), []
  options = FitOptions(
    batch_size=8, steps=4, warmup_steps=1, log_every=1, checkpoint_every=4
  )
  done = fit(
    task,
    options,
    folder=tmp_path / 'run',
    config={},
    show=lambda step, n, figures: told.append(figures),
  )
  assert told[-1]['loss'] < told[0]['loss']
  assert {'wrong/sentence', 'wrong/whole_action', 'loss/pairs'} <= {*told[0]}
  before = flatten(task.params(seed=options.seed))
  encoder = frame_encoder.load(done.model)
  (query,) = encoder.encode_queries(['A red circle rises'])
  frames = encoder.encode_frames(np.zeros((3, 16, 16, 3), np.uint8))
  assert frames.shape == (3, 96) and query.token_features.shape[1] == 96
  after = flatten(encoder._image_params)
  assert not any(path.startswith('heads/') for path in after)
  assert all(np.any(before[path] != after[path]) for path in after)
  again = make_task(start={'init_from': str(done.model)}).params(seed=5)
  np.testing.assert_array_equal(
    flatten(again)['image_projection/kernel'],
    after['image_projection/kernel'],
  )


@pytest.mark.parametrize(
  ('changes', 'said'),
  [
    ({'start': {'preset': 'l14'}}, "start.preset is 'l14'; use small"),
    ({'start': {'preset': 'small', 'tokenizer': '/no'}}, 'is not there'),
    ({'data': {'n_pairs': 0}}, 'n_pairs is 0'),
    ({'task': 'film'}, "task is 'film'; use one of answers, hinted"),
  ],
)
def test_what_does_not_fit_is_refused(changes, said):
  with pytest.raises(BadInput, match=said):
    make_task(**changes)
