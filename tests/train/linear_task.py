"""A small task for the loop's tests; also a program that trains it.

    python -m tests.train.linear_task FOLDER [key=value ...]

prints every logged step and, at the end, how the run ended. With TERM_AT=N in
the environment, its last process tells itself to stop when it reads batch N.
"""

import json
import os
import signal
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.train.loop import fit
from vtg_jax.train.loss import LossSums
from vtg_jax.train.optimiser import OptimiserConfig
from vtg_jax.train.options import FitOptions, MeshOptions

WIDTH, HIDDEN = 8, 16
OBJECTIVES = ('sum', 'difference')
RUN = {
  'steps': 12,
  'warmup_steps': 2,
  'batch_size': 32,
  'log_every': 1,
  'checkpoint_every': 4,
  'peak': 0.1,
  'width': HIDDEN,
  'mesh': {'data': -1, 'fsdp': 1, 'tensor': 1},
}


class LinearBatches:
  """Rows of numbers with one of two sums of theirs to learn."""

  def __init__(
    self, *, batch_size, seed, index, count, nan_from=None, term_at=None
  ):
    self._size, self._seed = batch_size // count, seed
    self._rows, self._index = batch_size, index
    self._nan_from = nan_from
    self._term_at = term_at if index == count - 1 else None
    self._n = 0
    self.steps_per_epoch = 320 // batch_size
    self.replaced = {'video': 0}

  def __iter__(self):
    return self

  def __next__(self):
    rng = np.random.default_rng([self._seed, self._n])
    rows = self._rows
    x = rng.normal(size=(rows, WIDTH)).astype(np.float32)
    objective = rng.integers(0, 2, rows).astype(np.int32)
    sign = np.where(objective == 0, 1.0, -1.0)
    y = (x[:, 0] + sign * x[:, 1]).astype(np.float32)
    if self._nan_from is not None and self._n >= self._nan_from:
      y[:] = np.nan
    if self._n == self._term_at:
      os.kill(os.getpid(), signal.SIGTERM)
    self._n += 1
    self.replaced['video'] += self._n % 5 == 0
    own = slice(self._index * self._size, (self._index + 1) * self._size)
    return {'x': x[own], 'y': y[own], 'objective': objective[own]}

  def get_state(self):
    return {'n': self._n, 'replaced': self.replaced['video']}

  def set_state(self, state):
    self._n = state['n']
    self.replaced = {'video': state['replaced']}

  def close(self):
    pass


class LinearTask:
  """Two layers and a frozen read-out, with dropout between them."""

  trainable = ('body/.*',)
  may_change = ('n_workers',)
  axes = {
    'body/kernel': ('embed', 'mlp'),
    'body/bias': ('mlp',),
    'body/choice': (None, 'mlp'),
    'head/kernel': ('mlp', None),
  }

  def __init__(self, *, width=HIDDEN, peak=0.1, nan_from=None, term_at=None):
    self._width, self._nan_from, self._term_at = width, nan_from, term_at
    self.optimiser = OptimiserConfig(peak=peak)
    self.saved = None

  def params(self, *, seed):
    rng = np.random.default_rng(seed)
    body = {
      'kernel': rng.normal(size=(WIDTH, self._width)) / 3,
      'bias': np.zeros(self._width),
      'choice': rng.normal(size=(2, self._width)) / 3,
    }
    head = {'kernel': rng.normal(size=(self._width, 1)) / 3}
    return jax.tree.map(np.float32, {'body': body, 'head': head})

  def loss_sums(self, params, batch, rng):
    body = params['body']
    hidden = batch['x'] @ body['kernel'] + body['bias']
    hidden = jnp.tanh(hidden + body['choice'][batch['objective']])
    kept = jax.random.bernoulli(rng, 0.9, hidden.shape)
    y = (hidden * kept @ params['head']['kernel'])[:, 0]
    losses = (y - batch['y']) ** 2
    parts = {}
    for i, name in enumerate(OBJECTIVES):
      own = (batch['objective'] == i).astype(jnp.float32)
      parts[name] = ((losses * own).sum(), own.sum())
    return LossSums(losses.sum(), jnp.float32(losses.size), parts)

  def batches(self, *, batch_size, seed, process_index, process_count):
    return LinearBatches(
      batch_size=batch_size,
      seed=seed,
      index=process_index,
      count=process_count,
      nan_from=self._nan_from,
      term_at=self._term_at,
    )

  def n_tokens(self, batch):
    return batch['x'].size

  def flops_per_step(self, batch_size):
    return 6.0 * batch_size * WIDTH * self._width

  def save(self, folder, params):
    folder.mkdir()
    flat = jax.tree_util.tree_leaves_with_path(params)
    arrays = {jax.tree_util.keystr(path): np.asarray(x) for path, x in flat}
    np.savez(folder / 'params.npz', **arrays)


def task(values):
  """The task of a config, as the registry of systems asks for it."""
  return LinearTask(**values)


def train(
  folder, *, task=None, notice=None, show=None, term_at=None, **changes
):
  """Runs `fit` with RUN and the changes; see there."""
  config = {**RUN, **changes}
  own = ('peak', 'width', 'n_workers', 'n_worker', 'mesh')
  options = {name: v for name, v in config.items() if name not in own}
  if options.get('epochs') is not None:
    options['steps'] = None
  task = task or LinearTask(
    width=config['width'], peak=config['peak'], term_at=term_at
  )
  return fit(
    task,
    FitOptions(mesh=MeshOptions(**config['mesh']), **options),
    folder=folder,
    config=config,
    notice=notice,
    show=show,
  )


def final_params(folder):
  with np.load(Path(folder) / 'model' / 'params.npz') as arrays:
    return dict(arrays)


if __name__ == '__main__':
  if 'JAX_NUM_PROCESSES' in os.environ:
    jax.distributed.initialize(
      num_processes=int(os.environ['JAX_NUM_PROCESSES']),
      process_id=int(os.environ['JAX_PROCESS_ID']),
    )
  changes = dict(text.split('=', 1) for text in sys.argv[2:])
  term_at = os.environ.get('TERM_AT')
  done = train(
    sys.argv[1],
    term_at=term_at and int(term_at),
    show=lambda step, *_: print('step', step, flush=True),
    notice=lambda said: print('notice', said, flush=True),
    **{name: json.loads(value) for name, value in changes.items()},
  )
  print('ended', done.step, done.restored_step, done.stopped_by, flush=True)
