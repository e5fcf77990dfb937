"""HawkEye as training meets it: what starts, what learns, what is minimised."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from input_pipeline.loader import Batches
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.systems.hawkeye import training_data
from vtg_jax.systems.hawkeye.config import SYSTEM, HawkEyeConfig
from vtg_jax.systems.hawkeye.flops import useful_flops
from vtg_jax.systems.hawkeye.model import (
  FIRST_SLOTS,
  STATISTICS,
  HawkEye,
  param_axes,
)
from vtg_jax.systems.hawkeye.rows import IGNORE
from vtg_jax.systems.hawkeye.starting_point import StartConfig, starting_point
from vtg_jax.systems.hawkeye.training_data import OBJECTIVES, DataOptions
from vtg_jax.systems.training.starting_point import StartingPoint, merged
from vtg_jax.systems.training.system_task import (
  SystemTask,
  TaskConfig,
  check_known,
)
from vtg_jax.systems.vocabularies import (
  check_tokenizers,
  read_tokenizers,
)
from vtg_jax.train.loss import LossSums, next_token_sums

# What the paper trains; video encoder, its norm and language model are frozen.
PAPER_TRAINABLE = (r'.*/lora_[ab]', r'qformer/.*', r'projector/.*')


@dataclasses.dataclass(frozen=True, kw_only=True)
class HawkEyeTaskConfig(TaskConfig):
  """How a HawkEye is trained; also the fields of `TaskConfig`.

  Attributes:
    statistics: What frames are normalised with, 'imagenet' as in the paper or
      'clip', which evaluation uses.
    first_slot: What every row begins with, 'ones' as in the paper or 'bos',
      which evaluation has.
  """

  start: StartConfig
  trainable: tuple[str, ...] = PAPER_TRAINABLE
  statistics: str = 'imagenet'
  first_slot: str = 'ones'

  def __post_init__(self):
    super().__post_init__()
    check_known(self, statistics=STATISTICS, first_slot=FIRST_SLOTS)


class HawkEyeTask(SystemTask):
  """Answers about videos, token by token."""

  system = SYSTEM
  config_type = HawkEyeTaskConfig
  data_type = DataOptions
  axes_of = staticmethod(param_axes)
  config: HawkEyeTaskConfig
  model: HawkEyeConfig

  def __init__(self, values: Mapping[str, Any], **options):
    """As `SystemTask`."""
    super().__init__(values, **options)
    self._network = HawkEye(self.model, self.config.compute)

  def _starting_point(self) -> StartingPoint:
    return starting_point(self.config.start)

  def data_options(self) -> DataOptions:
    """The options under 'data'; what the network settles need not be given.

    Raises:
      BadInput: naming the entry that is missing, wrong, or at odds with the
        network.
    """
    config = self.model
    settled = {
      'n_frames': config.n_frames,
      'augment': {'size': config.encoder.image_size},
    }
    given = self._values.get('data', {})
    options = DataOptions.from_dict(merged(settled, given))
    size = options.augment.size
    if size != config.encoder.image_size:
      raise BadInput(
        f'data.augment.size is {size} and the network sees '
        f'{config.encoder.image_size} pixels; leave it out'
      )
    most = config.max_instruction_tokens
    if options.instruction_tokens > most:
      raise BadInput(
        f'data.instruction_tokens is {options.instruction_tokens}; the '
        f'Q-Former reads up to {most}'
      )
    return options

  def tokenizers(self) -> tuple[SentencePieceTokenizer, WordPieceTokenizer]:
    """The language model's and the Q-Former's.

    Raises:
      BadInput: when one does not fit the network.
    """
    pair = read_tokenizers(self._start.tokenizer_files)
    check_tokenizers(self.model, *pair)
    return pair

  def batches(self, **share: int) -> Batches:
    """The training data of one process, without end; see `train.task`.

    Raises:
      BadInput: when the data are missing or damaged.
    """
    config = self.model
    return training_data.batches(
      self.data_options(),
      *self.tokenizers(),
      n_video=config.qformer.n_tokens,
      max_text_tokens=config.max_text_tokens,
      pad_id=config.pad_id,
      **share,
    )

  def flops_per_step(self, batch_size: int) -> float:
    """Useful operations of a step; see `hawkeye.flops`."""
    options = self.data_options()
    return batch_size * useful_flops(
      dataclasses.replace(self.model, n_frames=options.n_frames),
      self._trained,
      row_tokens=options.row_tokens,
      instruction_tokens=options.instruction_tokens,
    )

  def _sums(self, params, batch, rng, *, deterministic) -> LossSums:
    """The losses of learnt tokens, the objectives' as parts.

    A batch is as `HawkEye.training_states` has it, and labels [B S] and
    objective [B], an index into `training_data.OBJECTIVES`.
    """
    states = self._states(params, batch, rng, deterministic=deterministic)
    return self._answer_sums(params, states, batch)

  def _states(self, params, batch, rng, *, deterministic, **options):
    return self._network.apply(
      {'params': params},
      batch,
      statistics=self.config.statistics,
      first_slot=self.config.first_slot,
      deterministic=deterministic,
      rngs={'dropout': rng},
      method='training_states',
      **options,
    )

  def _answer_sums(self, params, states, batch) -> LossSums:
    def logits(some):
      return self._network.apply({'params': params}, some, method='logits')

    losses, counts = next_token_sums(
      states, batch['labels'], logits, ignore=IGNORE
    )
    parts = {}
    for i, name in enumerate(OBJECTIVES):
      own = (batch['objective'] == i).astype(jnp.float32)
      parts[name] = ((losses * own).sum(), (counts * own).sum())
    return LossSums(losses.sum(), counts.sum(), parts)
