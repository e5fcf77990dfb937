"""Batches of training samples, in an order that nothing but a seed decides.

    ids -> shuffle -> whole batches -> repeat -> sample -> this host -> batch

A sample is made from an id and a random generator of its own, seeded by its
place in the order. So neither the number of loader processes nor the number of
hosts changes any sample, and to resume is to begin at a batch number.
"""

import collections
import dataclasses
import itertools
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import grain
import numpy as np
from absl import flags

from input_pipeline import loader_process
from vtg_jax.errors import BadInput

Sample = dict[str, np.ndarray]
# (source, index within it, random generator) -> sample.
MakeSample = Callable[[int, int, np.random.Generator], Sample]

# Samples drawn in place of one that cannot be used, before giving up.
_MAX_DRAWS = 16
# Complaints that are kept for a report.
_KEPT_FAULTS = 3
_FAULTS = 'faults'


class BadSample(BadInput):
  """A sample that cannot be used; another one takes its place.

  Attributes:
    kind: what reports count it under.
  """

  def __init__(self, message: str, kind: str = 'other'):
    super().__init__(message)
    self.kind = kind


class Fault(NamedTuple):
  """Why a sample, or such a share of it, was replaced.

  A sample that mended itself lists its own as entry 'faults'.
  """

  kind: str
  message: str
  share: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoaderOptions:
  """How samples are ordered, batched and loaded.

  Attributes:
    n_workers: loader processes on each host; 0 loads in the caller's.
    n_threads: loading threads where there are no processes; 0 loads each
      batch when it is asked for.
    n_buffered: batches that each worker, or all threads, keep ready.
    shuffle: whether each epoch has a random order of its own.
    n_epochs: passes over the data; None goes on for ever.
    max_bad_share: most samples out of `bad_window` that may be replaced.
    bad_window: how many of the latest samples that share is taken of.

  Raises:
    ValueError: an option out of range.
  """

  n_workers: int = 0
  n_threads: int = 0
  n_buffered: int = 2
  shuffle: bool = True
  n_epochs: int | None = None
  max_bad_share: float = 0.1
  bad_window: int = 256

  def __post_init__(self):
    for name in ('n_buffered', 'bad_window', 'n_epochs'):
      value = getattr(self, name)
      if value is not None and value < 1:
        raise ValueError(f'{name} is {value}; it must be 1 or more')
    for name in ('n_workers', 'n_threads'):
      if getattr(self, name) < 0:
        raise ValueError(f'{name} is {getattr(self, name)}; it must be 0 up')
    if not 0 <= self.max_bad_share <= 1:
      raise ValueError(
        f'max_bad_share is {self.max_bad_share}; it must be from 0 to 1'
      )


class Batches:
  """An iterator over one host's rows of every global batch.

  `get_state` is JSON; an iterator made with the same data, seed and batch
  size, on any number of hosts and with any number of workers, goes on from it
  with the same samples.

  Attributes:
    steps_per_epoch: batches in one pass over the data.
    replaced: how many samples were replaced, by kind.
    first_faults: the first complaints.
  """

  def __init__(
    self,
    dataset: grain.MapDataset,
    options: LoaderOptions,
    *,
    order: Mapping[str, Any],
    steps_per_epoch: int,
  ):
    """Starts no process yet; use `make_batches`.

    Args:
      dataset: batches by number.
      options: see there.
      order: what the order of samples follows from, as JSON.
      steps_per_epoch: batches in one pass.
    """
    self._iterator: grain.DatasetIterator | None = None
    self.steps_per_epoch = steps_per_epoch
    self.replaced: collections.Counter[str] = collections.Counter()
    self.first_faults: list[Fault] = []
    self._dataset = dataset
    self._options = options
    self._order = dict(order)
    self._next_batch = 0
    self._window: collections.deque[tuple[int, float]] = collections.deque()

  def __iter__(self) -> Iterator[Sample]:
    return self

  def __next__(self) -> Sample:
    """The next batch: every entry has a leading axis of this host's rows.

    Raises:
      BadInput: too many samples had to be replaced.
      StopIteration: after the last epoch.
    """
    if self._iterator is None:
      self._iterator = iter(self._loading())
    batch = next(self._iterator)
    self._next_batch += 1
    faults = batch.pop(_FAULTS)
    self._count(len(next(iter(batch.values()))), faults)
    return batch

  def get_state(self) -> dict[str, Any]:
    """Where the iterator stands, as JSON."""
    return {
      'next_batch': self._next_batch,
      'replaced': dict(self.replaced),
      'order': self._order,
    }

  def set_state(self, state: Mapping[str, Any]) -> None:
    """Goes on from a state; loader processes are started anew.

    Raises:
      BadInput: the state belongs to another order of samples.
    """
    for name, value in self._order.items():
      if state['order'].get(name) != value:
        raise BadInput(
          f'the saved place in the data has {name} '
          f'{state["order"].get(name)!r} and this run {value!r}; give the '
          'same data, or begin a new run'
        )
    self.close()
    self._next_batch = state['next_batch']
    self.replaced = collections.Counter(state['replaced'])

  def close(self) -> None:
    """Ends the loader processes; the next batch starts them again."""
    if self._iterator is not None:
      self._iterator.close()
      self._iterator = None

  def __del__(self):
    # Grain's processes outlive an iterator that nobody closed.
    self.close()

  def _loading(self) -> grain.IterDataset:
    options = self._options
    if not flags.FLAGS.is_parsed():
      # Grain asks absl's flags, which only absl's own programs parse.
      flags.FLAGS.mark_as_parsed()
    n_threads = 0 if options.n_workers else options.n_threads
    read_options = grain.ReadOptions(
      num_threads=n_threads,
      prefetch_buffer_size=options.n_buffered if n_threads else 0,
    )
    if options.n_workers:
      _expect_leftovers()
    rest = self._dataset[self._next_batch :]
    return rest.to_iter_dataset(read_options).mp_prefetch(
      grain.MultiprocessingOptions(
        num_workers=options.n_workers,
        per_worker_buffer_size=options.n_buffered,
      ),
      worker_init_fn=loader_process.settle,
    )

  def _count(self, n_samples: int, faults: Sequence[Fault]) -> None:
    self.replaced.update(fault.kind for fault in faults)
    self.first_faults += faults[: _KEPT_FAULTS - len(self.first_faults)]
    window, options = self._window, self._options
    window.append((n_samples, sum(fault.share for fault in faults)))
    while sum(n for n, _ in window) - window[0][0] >= options.bad_window:
      window.popleft()
    n_bad = sum(n for _, n in window)
    if n_bad > options.max_bad_share * options.bad_window:
      counts = ', '.join(f'{n} {kind}' for kind, n in self.replaced.items())
      raise BadInput(
        f'{n_bad:g} of the latest samples cannot be used ({counts}): '
        f'{"; ".join(fault.message for fault in self.first_faults)}; mend '
        'them, or raise max_bad_share'
      )


def _expect_leftovers() -> None:
  """Keeps Python quiet about batches that are at hand when the run ends.

  They lie in memory shared with the loader processes. Python's resource tracker
  frees it and would tell of a leak; it takes over these options of the process
  that starts it.
  """
  option = 'ignore::UserWarning:multiprocessing.resource_tracker'
  if option not in sys.warnoptions:
    sys.warnoptions.append(option)


def make_batches(
  make_sample: MakeSample,
  sizes: Sequence[int],
  options: LoaderOptions,
  *,
  batch_size: int,
  seed: int,
  weights: Sequence[float] | None = None,
  process_index: int = 0,
  process_count: int = 1,
) -> Batches:
  """Batches drawn from one or several sources.

  Host h gets rows h * n to (h + 1) * n of a global batch of n * hosts rows.
  The last samples of an epoch that fill no batch are left out of it.

  Args:
    make_sample: makes a sample; raises BadInput for one that cannot be used.
      It is sent to loader processes, so it must pickle.
    sizes: samples in each source.
    options: see there.
    batch_size: samples in a batch, over all hosts together.
    seed: of the order and of every sample's random generator.
    weights: share of each source, in any unit; None takes all samples of all
      sources once an epoch. With weights an epoch is as long, and sources
      are gone through at their own pace.
    process_index: this host.
    process_count: hosts.

  Raises:
    BadInput: no sample, fewer than a batch, a batch that hosts cannot share,
      or weights that do not fit the sources.
  """
  total = sum(sizes)
  if not 1 <= batch_size <= total:
    raise BadInput(
      f'{total} samples fill no batch of {batch_size}; give more data or '
      'another batch_size'
    )
  if batch_size % process_count:
    raise BadInput(
      f'batch_size {batch_size} cannot be shared by {process_count} hosts; '
      'use a multiple of them'
    )
  order_seed, sample_seed = _seeds(seed, 2)
  steps_per_epoch = total // batch_size
  n_used = steps_per_epoch * batch_size
  if weights is None:
    ids = grain.MapDataset.range(total)
    if options.shuffle:
      ids = ids.shuffle(order_seed)
    ids = ids[:n_used].repeat(options.n_epochs)
  else:
    ids = _mixture(sizes, weights, order_seed if options.shuffle else None)
    if options.n_epochs is not None:
      ids = ids[: n_used * options.n_epochs]
  samples = ids.random_map(_Replacing(make_sample, sizes), seed=sample_seed)
  rows = batch_size // process_count
  mine = _HostRows(samples, batch_size, rows, rows * process_index)
  return Batches(
    mine.batch(rows, drop_remainder=True, batch_fn=_stack),
    options,
    order={
      'seed': seed,
      'batch_size': batch_size,
      'sizes': list(sizes),
      'weights': None if weights is None else list(weights),
      'shuffle': options.shuffle,
    },
    steps_per_epoch=steps_per_epoch,
  )


class _HostRows(grain.MapDataset):
  """Some neighbouring rows of every batch of the parent.

  Batches of 4, host 1 of 2: elements 2 3 6 7 10 11 ...
  """

  def __init__(
    self, parent: grain.MapDataset, batch_size: int, n_rows: int, first_row: int
  ):
    super().__init__(parent)
    self._batch_size = batch_size
    self._n_rows = n_rows
    self._first_row = first_row

  def __len__(self) -> int:
    return len(self._parent) // self._batch_size * self._n_rows

  def __getitem__(self, index):
    if isinstance(index, slice):
      return self.slice(index)
    batch, row = divmod(index, self._n_rows)
    return self._parent[batch * self._batch_size + self._first_row + row]


class _Replacing:
  """Makes a sample; one that cannot be used gives way to a random one.

  Source: HawkEye's datasets draw another index of the same source.
  """

  def __init__(self, make_sample: MakeSample, sizes: Sequence[int]):
    self._make_sample = make_sample
    self._sizes = tuple(sizes)

  def __call__(self, sample_id: int, rng: np.random.Generator) -> Sample:
    starts = [0, *itertools.accumulate(self._sizes)]
    source = int(np.searchsorted(starts, sample_id, side='right')) - 1
    index = int(sample_id) - starts[source]
    faults: list[Fault] = []
    while len(faults) < _MAX_DRAWS:
      try:
        sample = self._make_sample(source, index, rng)
      except (BadInput, OSError) as error:
        kind = getattr(error, 'kind', 'other')
        faults.append(Fault(kind, str(error)))
        index = int(rng.integers(self._sizes[source]))
      else:
        return {**sample, _FAULTS: [*faults, *sample.get(_FAULTS, ())]}
    raise BadInput(
      f'{_MAX_DRAWS} samples in a row cannot be used, first: '
      f'{faults[0].message}'
    )


def _stack(samples: Sequence[Sample]) -> Sample:
  faults = [fault for sample in samples for fault in sample[_FAULTS]]
  batch = {
    name: np.stack([sample[name] for sample in samples])
    for name in samples[0]
    if name != _FAULTS
  }
  return {**batch, _FAULTS: faults}


def _mixture(
  sizes: Sequence[int], weights: Sequence[float], seed: int | None
) -> grain.MapDataset:
  """Ids of all sources without end, by weight."""
  fits = len(weights) == len(sizes) and all(0 < w < math.inf for w in weights)
  if not fits or not all(sizes):
    raise BadInput(
      f'weights {list(weights)} do not fit sources of {list(sizes)} samples; '
      'give a positive one for each, and no empty source'
    )
  starts = [0, *itertools.accumulate(sizes)]
  parts = []
  for part, (start, size) in enumerate(zip(starts, sizes, strict=False)):
    ids = grain.MapDataset.range(start, start + size)
    if seed is not None:
      ids = ids.shuffle(_seeds(seed, len(sizes))[part])
    parts.append(ids.repeat())
  return grain.MapDataset.mix(parts, weights)


def _seeds(seed: int, n: int) -> list[int]:
  """Seeds that have nothing to do with each other, nor with seed + 1's."""
  return [int(s) for s in np.random.SeedSequence(seed).generate_state(n)]
