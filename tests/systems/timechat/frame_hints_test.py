"""Hints of the small stages: what they are about, and that they go again."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vtg_jax import config_file
from vtg_jax.errors import BadInput
from vtg_jax.systems.timechat.frame_hints import _Hints
from vtg_jax.systems.timechat.model import param_shapes
from vtg_jax.systems.timechat.tasks import task as task_of
from vtg_jax.train.freeze import flatten, split
from vtg_jax.train.options import FitOptions

OWN = {field.name for field in dataclasses.fields(FitOptions)}


def make_task(stage, **changes):
  values = config_file.read_config(f'timechat/{stage}:quicktest')
  rest = {k: v for k, v in values.items() if k not in OWN | {'system'}}
  return task_of(rest | changes)


def first_batch(task):
  batches = task.batches(batch_size=2, seed=0)
  batch = next(batches)
  batches.close()
  return batch


@pytest.mark.parametrize(
  ('stage', 'hints', 'trains'),
  [
    ('small', {'name', 'look', 'clock', 'frame'}, {'llm'}),
    (
      'small_frames',
      {'name', 'own_frame', 'tens', 'ones'},
      {'vision_norm', 'qformer'},
    ),
  ],
)
def test_a_stage_has_its_hints_and_trains_its_parts(stage, hints, trains):
  task = make_task(stage)
  heads = {
    name: {
      'kernel': jax.ShapeDtypeStruct(size, np.float32),
      'bias': jax.ShapeDtypeStruct(size[1:], np.float32),
    }
    for name, size in task.heads().items()
  }
  params = param_shapes(task.model) | {'heads': heads}
  sums = jax.eval_shape(
    task.loss_sums, params, first_batch(task), jax.random.key(0)
  )
  assert hints == set(sums.parts)
  trained, _ = split(flatten(params), task.trainable)
  parts = {path.split('/')[0] for path in trained}
  assert parts == {'video_qformer', 'projector', 'heads'} | trains


def test_tokens_that_look_at_their_frames_alone_miss_nothing():
  task = make_task('small_frames')
  shown = first_batch(task)['shown']
  video = task.model.video_qformer
  B, F, R = shown.shape
  N, V = video.qformer.n_heads, video.window
  # Keys of frame k are far along axis k, and so is query k.
  own = 1e3 * np.eye(V, dtype=np.float32)
  q = np.broadcast_to(own[None, :, None], (B, V, N, V))
  k = np.broadcast_to(np.repeat(own, R, 0)[None, :, None], (B, V * R, N, V))
  attention = {'cross_attention': {'q': (q,), 'k': (k,)}}
  layers = {'layer_0': attention, 'layer_1': attention}

  def missed(layers):
    sown = {'intermediates': {'video_qformer': {'qformer': layers}}}
    return task._own_frame(jax.tree.map(jnp.asarray, sown), shown)

  np.testing.assert_allclose(missed(layers), np.zeros((B, F)), atol=1e-6)
  attention['cross_attention']['q'] = (np.zeros_like(q),)
  n_seen = shown.sum(-1)  # the same of all frames of a window
  alike = np.log(n_seen.sum(-1, keepdims=True) / n_seen)
  np.testing.assert_allclose(missed(layers), alike, rtol=1e-5)


def test_hints_are_about_states_round_answers_and_tokens_of_the_video():
  """Features that say all there is to know leave nothing to be told."""
  F, T, first, asked_at = 4, 48, 3, (10, 30)
  shows = np.zeros((1, 2, F), bool)
  shows[0, 0, 1:3] = shows[0, 1, 3] = True
  places = np.full((1, T), -1)
  places[0, first : first + F] = np.arange(F)
  batch = {
    'frame_codes': np.zeros((1, F), int),
    'places': places,
    'asked_at': np.array([asked_at]),
    'labels': np.zeros((1, T), int),
    'shown': np.ones((1, F, 2), bool),
    'shows_target': shows,
  }
  keys, states = np.zeros((1, T, 2, F)), np.zeros((1, T, F))
  keys[0, first : first + F, 1] = np.eye(F)
  for at, shown in zip(asked_at, shows[0], strict=True):
    states[0, at - 2 : at + 16] = np.where(shown, 1.0, -1.0)
  passed_on = {'kernel': 50 * np.eye(F), 'bias': np.zeros(F)}
  heads = {'heads': {'clock': passed_on, 'shows_target': passed_on}}
  keys, states, batch, heads = jax.tree.map(
    jnp.asarray, (keys, states, batch, heads)
  )
  hints = _Hints(heads, make_task('small').model.llm, batch)
  is_asked = jnp.ones((1, 2), bool)
  assert hints.clock(keys)[0] < 1e-6 < 1 < hints.clock(keys[:, :, ::-1])[0]
  told = hints.frames(states, is_asked)
  assert told[0] < 1e-6 and told[1] == 2 * 18 * F
  for shift in (-1, 1):
    assert hints.frames(jnp.roll(states, shift, 1), is_asked)[0] > 1
  assert hints.frames(states, ~is_asked) == (0, 0)


def test_hints_need_samples_that_tell_and_a_token_a_frame():
  values = config_file.read_config('timechat/small:quicktest')
  with pytest.raises(BadInput, match='data.max_asked is 0'):
    make_task('small', data=values['data'] | {'max_asked': 0})
  sizes = {'video_qformer': {'stride': 4}, 'n_frames': 8}
  with pytest.raises(BadInput, match='windows of 8 frames begin every 4'):
    make_task('small', start={'preset': 'small', 'model': sizes})
