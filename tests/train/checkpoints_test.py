import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from vtg_jax.errors import BadInput
from vtg_jax.train.checkpoints import Checkpoints
from vtg_jax.train.checksums import checksums

# What Orbax leaves of reads that it dropped.
pytestmark = pytest.mark.filterwarnings(
  'ignore::pytest.PytestUnraisableExceptionWarning'
)
CONFIG = {
  'optimiser': {'peak': 1e-4, 'betas': (0.9, 0.99)},
  'mesh': {'data': 1},
}


def make_state(seed=0):
  a, b = jax.random.split(jax.random.key(seed))
  return {
    'step': jnp.int32(7),
    'trainable': {'a/kernel': jax.random.normal(a, (64, 32))},
    'moments': (jax.random.normal(b, (300, 40)).astype(jnp.bfloat16),),
    'rng': jax.random.key_data(a),
  }


def like(state):
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
    state,
  )


def same(one, other):
  pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
  return all(np.array_equal(a, b) for a, b in pairs)


def open_checkpoints(folder, config=None, **options):
  return Checkpoints(folder, config=config or CONFIG, **options)


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
  """Steps 1 and 2, and the state of step 2."""
  folder = tmp_path_factory.mktemp('saved') / 'checkpoints'
  with open_checkpoints(folder) as checkpoints:
    for step in (1, 2):
      checkpoints.save(
        step, make_state(step), data={'n': step}, progress=[{'loss': 0.1}]
      )
  return folder


@pytest.fixture
def copied(saved, tmp_path):
  return shutil.copytree(saved, tmp_path / 'copy')


def test_what_is_saved_is_restored(saved):
  with open_checkpoints(saved) as checkpoints:
    restored = checkpoints.restore(like(make_state()))
  assert restored.step == 2 and restored.data == {'n': 2}
  assert restored.progress == [{'loss': 0.1}] and not restored.damaged
  assert same(restored.state, make_state(2))


def test_an_empty_folder_restores_nothing(tmp_path):
  with open_checkpoints(tmp_path / 'new') as checkpoints:
    assert checkpoints.restore(like(make_state())) is None


def test_the_newest_and_every_nth_are_kept(tmp_path):
  with open_checkpoints(tmp_path, keep_last=2, keep_every=4) as checkpoints:
    for step in range(1, 8):
      checkpoints.save(step, make_state(), data={}, progress=[])
    checkpoints.wait()
    assert checkpoints.steps == (4, 6, 7)


def test_a_step_is_saved_once(copied):
  with open_checkpoints(copied) as checkpoints:
    checkpoints.save(2, make_state(5), data={'n': 5}, progress=[])
    assert checkpoints.restore(like(make_state())).data == {'n': 2}


def test_the_arrays_may_be_overwritten_once_save_returns(tmp_path):
  """The step donates them."""
  overwrite = jax.jit(
    lambda s: jax.tree.map(lambda x: x * 0, s), donate_argnums=0
  )
  state = make_state(3)
  expected = jax.device_get(state)
  with open_checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, state, data={}, progress=[])
    jax.block_until_ready(overwrite(state))
    restored = checkpoints.restore(like(make_state()))
  assert same(restored.state, expected)


def test_what_an_interrupted_save_left_is_removed(copied):
  partial = copied / '3.orbax-checkpoint-tmp-1'
  shutil.copytree(copied / '2', partial)
  with open_checkpoints(copied) as checkpoints:
    assert checkpoints.restore(like(make_state())).step == 2
  assert not partial.exists()


def largest(folder):
  return max(
    (p for p in folder.rglob('*') if p.is_file()),
    key=lambda path: path.stat().st_size,
  )


def run_file(folder):
  (path,) = folder.glob('run/process_*.json')
  return path


DAMAGES = {
  'missing': lambda path: path.unlink(),
  'empty': lambda path: path.write_bytes(b''),
  'short': lambda path: path.write_bytes(_half(path.read_bytes())),
  'flipped': lambda path: path.write_bytes(_flipped(path.read_bytes())),
}


def _half(data):
  return data[: len(data) // 2]


def _flipped(data):
  middle = len(data) // 2
  return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


@pytest.mark.parametrize('file', [largest, run_file], ids=['arrays', 'run'])
@pytest.mark.parametrize('damage', DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_newest_gives_way_to_the_one_before(
  copied, damage, file, capfd
):
  damage(file(copied / '2'))
  with open_checkpoints(copied) as checkpoints:
    restored = checkpoints.restore(like(make_state()))
    assert restored.step == 1 and list(restored.damaged) == [2]
    assert same(restored.state, make_state(1))
    assert (copied / '2.damaged').is_dir() and checkpoints.steps == (1,)
    checkpoints.save(2, make_state(9), data={'n': 9}, progress=[])
    assert checkpoints.restore(like(make_state())).data == {'n': 9}
  assert 'Traceback' not in capfd.readouterr().err


def test_when_none_can_be_read_nothing_is_begun_anew(copied):
  for step in ('1', '2'):
    largest(copied / step).unlink()
  with (
    open_checkpoints(copied) as checkpoints,
    pytest.raises(BadInput, match='none of the checkpoints in .*step 2'),
  ):
    checkpoints.restore(like(make_state()))
  assert {p.name for p in copied.iterdir()} >= {'1', '2'}


@pytest.mark.parametrize(
  ('config', 'said'),
  [
    ({'optimiser': {'peak': 2e-4, 'betas': [0.9, 0.99]}}, 'optimiser.peak was'),
    (
      {'optimiser': {'peak': 1e-4}},
      r'betas was \[0.9, 0.99\] and is not there',
    ),
    ({**CONFIG, 'extra': {}}, 'extra was not there and is {}'),
  ],
)
def test_another_config_is_refused_by_entry(saved, config, said):
  with (
    open_checkpoints(saved, config) as checkpoints,
    pytest.raises(BadInput, match=said),
  ):
    checkpoints.restore(like(make_state()))


def test_harmless_entries_may_change(saved):
  config = {
    **CONFIG,
    'mesh': {'data': 8},
    'log_every': 3,
    'data': {'loader': {'n_workers': 4}},
  }
  with open_checkpoints(
    saved, config, may_change=('n_workers',)
  ) as checkpoints:
    assert checkpoints.restore(like(make_state())).step == 2


def test_the_data_of_other_numbers_of_processes(copied):
  mine = run_file(copied / '2')
  mine.rename(mine.with_name('process_0-of-2.json'))
  shutil.copy(
    mine.with_name('process_0-of-2.json'), mine.with_name('process_1-of-2.json')
  )
  with open_checkpoints(copied) as checkpoints:
    assert checkpoints.restore(like(make_state())).data == {'n': 2}
    other = mine.with_name('process_1-of-2.json')
    shutil.copy(run_file(copied / '1'), other)
    with pytest.raises(BadInput, match='saved by 2 processes'):
      checkpoints.restore(like(make_state()))


def test_checksums_do_not_depend_on_the_mesh():
  state = make_state()
  mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ('x', 'y'))
  spread = jax.device_put(
    state['trainable']['a/kernel'],
    NamedSharding(mesh, PartitionSpec('x', 'y')),
  )
  state['trainable'] = {'a/kernel': spread}
  others = {k: v for k, v in state.items() if k != 'trainable'}
  whole = jax.device_put(others, NamedSharding(mesh, PartitionSpec()))
  expected = checksums(make_state()).tolist()
  assert checksums({**state, **whole}).tolist() == expected


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16', 'int8', 'bool'])
def test_any_change_changes_the_checksum(dtype):
  x = (jnp.arange(60).reshape(5, 12) % 2).astype(dtype)
  before = checksums({'x': x}).tolist()
  for changed in (x.at[4, 7].set(x[0, 0]), x.at[:, :2].set(x[:, 1::-1])):
    assert checksums({'x': changed}).tolist() != before


def test_the_config_is_kept_as_it_is_written(saved):
  text = json.loads(run_file(saved / '2').read_text())['json']
  assert json.loads(text)['config'] == json.loads(json.dumps(CONFIG))
