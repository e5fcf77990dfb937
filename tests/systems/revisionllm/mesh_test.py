"""A training step over two devices is the step of one."""

import dataclasses

import jax
import numpy as np

from tests.systems.revisionllm import tiny
from vtg_jax import sharding
from vtg_jax.systems.programs import Sizes
from vtg_jax.systems.revisionllm import prompt
from vtg_jax.systems.revisionllm.sample_rows import RowMaker
from vtg_jax.systems.revisionllm.training import ReVisionLlmTask
from vtg_jax.train.freeze import flatten, split
from vtg_jax.train.optimiser import make_optimiser
from vtg_jax.train.state import init_state, place_params
from vtg_jax.train.step import make_train_step

B, WORDS = 4, 3


def config():
  """Both kinds of dropout, and adapters wide enough to be cut."""
  sizes = tiny.tiny()
  lora = dataclasses.replace(sizes.llm.lora, rank=64, dropout=0.1)
  return dataclasses.replace(
    sizes,
    llm=dataclasses.replace(sizes.llm, lora=lora),
    clip_encoder=dataclasses.replace(sizes.clip_encoder, dropout=0.1),
  )


def batch(level):
  """Random features of a level's windows; some moments are absent."""
  rng = np.random.default_rng(0)
  n_visual = level.n_windows
  maker = RowMaker(
    tokenizer=tiny.tokenizer(), n_visual=n_visual, text_tokens=220
  )
  answers = ['From 01 to 03.', 'Not Present']
  rows = [
    maker(prompt.question(f'a cat {i}'), answers[i % 2]) for i in range(B)
  ]
  made = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
  width = config().features_width

  def drawn(*shape):
    return rng.normal(0, 1, (B, *shape, width)).astype(np.float32)

  made['features'] = drawn(n_visual, config().n_frames)
  made['text'] = drawn(WORDS)
  made['text_mask'] = np.arange(WORDS) < rng.integers(1, WORDS + 1, (B, 1))
  return made


def first_step(name, mesh=None):
  """The loss and the gradients of the first step."""
  task = ReVisionLlmTask(
    {
      'start': {},
      'optimiser': {'peak': 1e-3, 'warmup_steps': 1, 'total_steps': 4},
      'levels': [name],
      'trainable': [rf'loras/{name}/.*', r'clip_encoder/.*'],
      'compute': {'dtype': 'float32', 'attention': 'auto', 'remat': False},
    },
    start=Sizes(config()),
  )
  where = dict(mesh=mesh, axes=task.axes)
  params = flatten(tiny.random_params(config()))
  trainable, frozen = split(params, task.trainable)
  axes = {path: task.axes[path] for path in trainable}
  optimiser = make_optimiser(task.optimiser, axes)
  step = make_train_step(task.loss_sums, optimiser, mesh=mesh)
  state = init_state(trainable, optimiser, seed=0, **where)
  frozen = place_params(frozen, **where)
  some = batch(config().level(name))
  if mesh is not None:
    some = sharding.global_batch(some, mesh)
  state, metrics = step(state, frozen, some)
  # Adam's first moment is a tenth of the gradients.
  mu = state.opt_state[1].mu
  return float(metrics.loss), {p: 10 * np.asarray(x) for p, x in mu.items()}


def test_two_devices_give_the_loss_and_gradients_of_one():
  """Dropout included: its masks are the same on every mesh."""
  name = 'long_6'  # which the encoder of windows learns at, too
  loss, gradients = first_step(name)
  mesh = sharding.make_mesh(fsdp=2, devices=jax.devices()[:2])
  got, cut = first_step(name, mesh)
  np.testing.assert_allclose(got, loss, atol=1e-5)
  assert cut.keys() == gradients.keys()
  for path, gradient in gradients.items():
    if path.startswith(f'loras/{name}'):
      assert np.abs(gradient).max() > 0, path
    np.testing.assert_allclose(cut[path], gradient, atol=1e-5, err_msg=path)
