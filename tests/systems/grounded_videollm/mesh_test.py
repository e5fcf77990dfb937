"""A training step over several devices is the step of one."""

import dataclasses

import numpy as np
import pytest

from tests.systems.grounded_videollm import tiny
from vtg_jax import sharding
from vtg_jax.systems.grounded_videollm import prompt, rows
from vtg_jax.systems.grounded_videollm.training import GroundedVideoLlmTask
from vtg_jax.systems.programs import Sizes
from vtg_jax.train.freeze import split
from vtg_jax.train.optimiser import make_optimiser
from vtg_jax.train.state import init_state, place_params
from vtg_jax.train.step import make_train_step

B = 8
MIXED = {'data': 2, 'fsdp': 2, 'tensor': 2}


def config(name):
  """Sizes that divide, with adapters wide enough to be cut."""
  sizes = tiny.config(name)
  video = sizes.video_encoder
  block = dataclasses.replace(video.block, mlp_hidden=64)
  lora = dataclasses.replace(sizes.llm.lora, rank=64)
  return dataclasses.replace(
    sizes,
    video_encoder=dataclasses.replace(video, block=block),
    llm=dataclasses.replace(sizes.llm, lora=lora, n_layers=1),
  )


def batch(name):
  """Conversations, one of them about no video, with random frames."""
  sizes, rng = config(name), np.random.default_rng(0)
  turns = [
    {'from': 'human', 'value': f'{prompt.VIDEO} When does it run?'},
    {'from': 'gpt', 'value': 'From <2> to <16>.'},
  ]
  texts = [
    prompt.conversation(turns[: 2 * (1 + i % 2)], sizes.words) for i in range(B)
  ]
  tokenizer = tiny.tokenizer(name)
  text = rows.training_rows(
    texts, tokenizer, sizes.words, max_tokens=sizes.max_text_tokens
  )
  spliced = rows.with_video(
    text,
    sizes.n_video,
    tokenizer.token_id(sizes.words.padding),
    text_only=[i == 3 for i in range(B)],
  )

  def pixels(n, size):
    return rng.integers(0, 256, (B, n, size, size, 3), np.uint8)

  return {
    'keyframes': pixels(sizes.n_segments, sizes.image_encoder.image_size),
    'frames': pixels(sizes.n_frames, sizes.video_encoder.image_size),
    **spliced._asdict(),
  }


def first_step(name, mesh=None):
  """The loss and the gradients of the first step."""
  values = {
    'start': {},
    'optimiser': {'peak': 1e-3, 'warmup_steps': 1, 'total_steps': 4},
    'compute': {'dtype': 'float32'},
  }
  task = GroundedVideoLlmTask(values, start=Sizes(config(name)))
  where = dict(mesh=mesh, axes=task.axes)
  trainable, frozen = split(tiny.params(config(name)), task.trainable)
  axes = {path: task.axes[path] for path in trainable}
  optimiser = make_optimiser(task.optimiser, axes)
  step = make_train_step(task.loss_sums, optimiser, mesh=mesh)
  state = init_state(trainable, optimiser, seed=0, **where)
  frozen = place_params(frozen, **where)
  some = batch(name)
  if mesh is not None:
    some = sharding.global_batch(some, mesh)
  state, metrics = step(state, frozen, some)
  # Adam's first moment is a tenth of the gradients.
  mu = state.opt_state[1].mu
  return float(metrics.loss), {p: 10 * np.asarray(x) for p, x in mu.items()}


@pytest.fixture(scope='module')
def alone():
  made = {}

  def alone(name):
    if name not in made:
      made[name] = first_step(name)
    return made[name]

  return alone


@pytest.mark.parametrize(
  ('name', 'sizes'),
  [
    ('phi3', {'data': 4, 'tensor': 2}),
    ('phi3', {'fsdp': 8}),
    ('phi3', MIXED),
    ('llama3', MIXED),
  ],
  ids=str,
)
def test_every_mesh_gives_the_loss_and_gradients_of_one_device(
  alone, name, sizes
):
  """Dropout included: its masks are the same on every mesh."""
  loss, gradients = alone(name)
  got, cut = first_step(name, sharding.make_mesh(**sizes))
  np.testing.assert_allclose(got, loss, atol=1e-5)
  assert cut.keys() == gradients.keys()
  for path, gradient in gradients.items():
    assert np.abs(gradient).max() > 0, path
    np.testing.assert_allclose(cut[path], gradient, atol=1e-5, err_msg=path)
