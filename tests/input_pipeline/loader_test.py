"""The order of samples follows from a seed and from nothing else."""

import collections
import json
import os
import select
import signal
import subprocess
import sys
import textwrap

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from input_pipeline.loader import (
  BadSample,
  Fault,
  LoaderOptions,
  make_batches,
)
from vtg_jax.errors import BadInput


def number(source, index, rng):
  """A sample that says what it is and what was drawn for it."""
  return {
    'source': np.int32(source),
    'index': np.int32(index),
    'drawn': np.float64(rng.random()),
  }


def odd_is_bad(source, index, rng):
  if index % 2:
    raise BadSample(f'sample {index} is odd', 'odd')
  return number(source, index, rng)


def all_bad(source, index, rng):
  del source, rng
  raise OSError(f'sample {index} is gone')


def take(batches, n):
  return [next(batches) for _ in range(n)]


def rows(batches):
  """(source, index, drawn) of every row of some batches."""
  return [
    row
    for batch in batches
    for row in zip(
      *(batch[k].tolist() for k in ('source', 'index', 'drawn')), strict=True
    )
  ]


def made(sizes=(10,), make_sample=number, batch_size=2, **changes):
  arguments = {
    name: changes.pop(name)
    for name in ('seed', 'weights', 'process_index', 'process_count')
    if name in changes
  }
  return make_batches(
    make_sample,
    sizes,
    LoaderOptions(**changes),
    batch_size=batch_size,
    **{'seed': 0} | arguments,
  )


@hypothesis.given(
  sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4),
  seed=st.integers(0, 2**32 - 1),
)
@hypothesis.settings(max_examples=25, deadline=None)
def test_an_epoch_takes_every_sample_once_but_for_the_remainder(sizes, seed):
  batch_size = min(3, sum(sizes))
  batches = made(sizes, batch_size=batch_size, seed=seed)
  n = batches.steps_per_epoch
  assert n == sum(sizes) // batch_size
  for _ in range(2):
    seen = [row[:2] for row in rows(take(batches, n))]
    assert len(seen) == n * batch_size
    assert len(set(seen)) == len(seen)


def test_epochs_differ_in_order_and_in_what_is_drawn():
  batches = made((50,), batch_size=10)
  first, second = rows(take(batches, 5)), rows(take(batches, 5))
  assert [r[1] for r in first] != [r[1] for r in second]
  assert not {r[2] for r in first} & {r[2] for r in second}


def test_neighbouring_seeds_have_nothing_in_common():
  one, other = (rows(take(made((50,), seed=s), 50)) for s in (0, 1))
  assert not {r[2] for r in one} & {r[2] for r in other}
  assert [r[1] for r in one[50:]] != [r[1] for r in other[:50]]


def test_without_shuffling_samples_come_in_order():
  batches = made((3, 2), batch_size=1, shuffle=False, n_epochs=1)
  assert [r[:2] for r in rows(batches)] == [
    (0, 0), (0, 1), (0, 2), (1, 0), (1, 1)
  ]  # fmt: skip


@pytest.mark.parametrize('weights', [None, [1.0, 1.0]])
def test_the_last_epoch_ends(weights):
  batches = made((5, 5), batch_size=3, n_epochs=2, weights=weights)
  assert len(list(batches)) == 6


@hypothesis.given(
  n_hosts=st.sampled_from([1, 2, 3, 4, 6, 12]), seed=st.integers(0, 99)
)
@hypothesis.settings(max_examples=12, deadline=None)
def test_hosts_share_a_batch_in_order(n_hosts, seed):
  whole = made((31, 5), batch_size=12, seed=seed)
  parts = [
    made(
      (31, 5),
      batch_size=12,
      seed=seed,
      process_index=host,
      process_count=n_hosts,
    )
    for host in range(n_hosts)
  ]
  for _ in range(4):
    joined = rows([next(part) for part in parts])
    assert rows([next(whole)]) == joined


@hypothesis.given(
  n_before=st.integers(0, 12), n_after=st.integers(1, 12), hosts=st.booleans()
)
@hypothesis.settings(max_examples=10, deadline=None)
def test_a_saved_place_is_the_place(n_before, n_after, hosts):
  share = {'process_index': 1, 'process_count': 2} if hosts else {}
  batches = made((7, 3), weights=[1, 3], **share)
  take(batches, n_before)
  state = json.loads(json.dumps(batches.get_state()))
  resumed = made((7, 3), weights=[1, 3], **share)
  resumed.set_state(state)
  assert rows(take(batches, n_after)) == rows(take(resumed, n_after))


def test_a_used_iterator_goes_back_to_a_saved_place():
  batches = made()
  state = batches.get_state()
  first = rows(take(batches, 3))
  batches.set_state(state)
  assert rows(take(batches, 3)) == first


@pytest.mark.parametrize(
  'changes', [{'seed': 1}, {'sizes': (9,)}, {'batch_size': 5}]
)
def test_a_place_in_another_order_is_refused(changes):
  with pytest.raises(BadInput, match='the saved place in the data has'):
    made(**changes).set_state(made().get_state())


@pytest.mark.parametrize('threads', [{'n_threads': 2}, {'n_workers': 2}])
def test_who_loads_changes_no_sample(threads):
  batches = made((10, 4), odd_is_bad, max_bad_share=1.0, **threads)
  want = made((10, 4), odd_is_bad, max_bad_share=1.0)
  try:
    assert rows(take(batches, 9)) == rows(take(want, 9))
    assert batches.replaced == want.replaced
  finally:
    batches.close()


def test_weights_are_shares():
  batches = made((1000, 10, 10), weights=[2, 1, 1], batch_size=8)
  sources = collections.Counter(r[0] for r in rows(take(batches, 50)))
  assert sources == {0: 200, 1: 100, 2: 100}


def test_without_weights_sources_come_by_their_size():
  batches = made((300, 100), batch_size=4)
  sources = collections.Counter(r[0] for r in rows(take(batches, 100)))
  assert sources == {0: 300, 1: 100}


def test_bad_samples_give_way_to_others_of_their_source():
  batches = made((6, 6), odd_is_bad, batch_size=6, max_bad_share=1.0)
  seen = rows(take(batches, 2))
  assert all(index % 2 == 0 for _, index, _ in seen)
  assert collections.Counter(r[0] for r in seen) == {0: 6, 1: 6}
  assert batches.replaced['odd'] >= 6
  assert batches.first_faults[0].message.endswith('is odd')


def test_counts_of_replaced_samples_survive_a_resume():
  batches = made((6,), odd_is_bad, max_bad_share=1.0)
  take(batches, 4)
  resumed = made((6,), odd_is_bad, max_bad_share=1.0)
  resumed.set_state(json.loads(json.dumps(batches.get_state())))
  take(batches, 2)
  take(resumed, 2)
  assert resumed.replaced == batches.replaced


def test_a_share_of_bad_samples_above_the_limit_ends_the_run():
  batches = made((40,), odd_is_bad, max_bad_share=0.1, bad_window=10)
  with pytest.raises(BadInput, match=r'cannot be used .* odd.*max_bad_share'):
    take(batches, 40)


def test_parts_of_samples_count_as_their_shares():
  def mended(source, index, rng):
    faults = [Fault('part', f'part of {index}', 0.25)]
    return {**number(source, index, rng), 'faults': faults}

  batches = made((40,), mended, max_bad_share=0.25, bad_window=8)
  assert all('faults' not in batch for batch in take(batches, 30))
  assert batches.replaced == {'part': 60}
  batches = made((40,), mended, max_bad_share=0.2, bad_window=8)
  with pytest.raises(BadInput, match=r'2 of the latest .* part of .*max_bad'):
    take(batches, 30)


def test_only_the_latest_samples_count():
  def rarely_bad(source, index, rng):
    if index == 0:
      raise BadSample('the first', 'odd')
    return number(source, index, rng)

  batches = made((10,), rarely_bad, max_bad_share=0.5, bad_window=20)
  take(batches, 100)
  assert batches.replaced['odd'] >= 20


def test_a_source_without_a_good_sample_ends_the_run():
  with pytest.raises(BadInput, match='16 samples in a row .* is gone'):
    next(made(make_sample=all_bad))


@pytest.mark.parametrize(
  ('changes', 'match'),
  [
    ({'sizes': (1,)}, '1 samples fill no batch of 2'),
    ({'batch_size': 0}, 'no batch of 0'),
    ({'process_count': 3}, 'cannot be shared by 3 hosts'),
    ({'weights': [1, 1]}, 'do not fit'),
    ({'weights': [0]}, 'do not fit'),
    ({'sizes': (4, 0), 'weights': [1, 1]}, 'no empty source'),
  ],
)
def test_what_cannot_be_batched_is_refused(changes, match):
  with pytest.raises(BadInput, match=match):
    made(**changes)


@pytest.mark.parametrize(
  'wrong', [{'n_workers': -1}, {'n_buffered': 0}, {'max_bad_share': 2.0}]
)
def test_options_out_of_range_are_refused(wrong):
  with pytest.raises(ValueError, match='must be'):
    LoaderOptions(**wrong)


def is_alive(pid):
  """Whether a process runs; one that only waits for its parent does not."""
  try:
    with open(f'/proc/{pid}/stat') as file:
      return file.read().rpartition(')')[2].split()[0] != 'Z'
  except FileNotFoundError:
    return False


def test_a_run_that_ends_with_a_batch_at_hand_tells_of_no_leak(tmp_path):
  code = """
    import jax
    from tests.input_pipeline import loader_test

    if __name__ == '__main__':
      batches = loader_test.made((10,), n_workers=1)
      kept = jax.device_put(next(batches))
      batches.close()
  """
  script = tmp_path / 'run.py'
  script.write_text(textwrap.dedent(code))
  done = subprocess.run(
    [sys.executable, str(script)],
    capture_output=True,
    text=True,
    env={**os.environ, 'PYTHONPATH': os.getcwd()},
  )
  assert (done.returncode, done.stderr) == (0, '')


@pytest.mark.skipif(sys.platform != 'linux', reason='looks into /proc')
def test_a_killed_run_leaves_no_loader_behind(tmp_path):
  code = """
    import multiprocessing
    from tests.input_pipeline import loader_test

    if __name__ == '__main__':
      batches = loader_test.made((10,), n_workers=1)
      next(batches)
      for process in multiprocessing.active_children():
        print(process.pid, flush=True)
      input()
  """
  script = tmp_path / 'run.py'
  script.write_text(textwrap.dedent(code))
  run = subprocess.Popen(
    [sys.executable, str(script)],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
    env={**os.environ, 'PYTHONPATH': os.getcwd()},
  )
  loader = int(run.stdout.readline())
  assert is_alive(loader)
  # What asks all processes to stop must not take the loader from the run.
  os.kill(loader, signal.SIGTERM)
  os.kill(loader, signal.SIGINT)
  gone = os.pidfd_open(loader)
  run.kill()
  run.wait()
  run.stdin.close()
  run.stdout.close()
  assert select.select([gone], [], [], 20)[0]
  os.close(gone)
