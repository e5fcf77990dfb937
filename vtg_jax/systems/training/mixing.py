"""Batches of samples out of several data sets, whatever the system.

Nothing here loads jax: loader processes import it.
"""

from collections.abc import Sequence
from typing import Protocol

from input_pipeline.loader import (
  Batches,
  LoaderOptions,
  MakeSample,
  make_batches,
)
from input_pipeline.training_sources import Weighted, mixture_weights
from vtg_jax.errors import BadInput


class MixedOptions(Protocol):
  """What a system's `DataOptions` say of its data sets.

  Attributes:
    files: data sets on disk.
    stories: ShapeStories, made while training.
    loader: order, processes, what may fail.
  """

  files: Sequence[Weighted]
  stories: Sequence[Weighted]
  loader: LoaderOptions


def mixed_batches(
  maker: MakeSample, options: MixedOptions, sizes: Sequence[int], **share: int
) -> Batches:
  """Training batches of one host.

  Args:
    maker: makes a sample of an item of a data set.
    options: the data sets, files first.
    sizes: items in each of them.
    **share: `batch_size`, samples in a batch over all hosts together; `seed`,
      of order and of every draw; and where there are several hosts
      `process_index` and `process_count`.

  Raises:
    BadInput: there are no data, or they hold too little.
  """
  if not sizes:
    raise BadInput('there is nothing to train on; give data.files or .stories')
  weights = mixture_weights((*options.files, *options.stories))
  return make_batches(maker, sizes, options.loader, weights=weights, **share)
