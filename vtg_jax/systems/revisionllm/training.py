"""ReVisionLLM as training meets it: what learns, what is minimised."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from input_pipeline.alternating import AlternatingBatches
from input_pipeline.loader import Batches
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.revisionllm import training_data
from vtg_jax.systems.revisionllm.config import (
  SYSTEM,
  LevelConfig,
  ReVisionLlmConfig,
)
from vtg_jax.systems.revisionllm.flops import useful_flops
from vtg_jax.systems.revisionllm.model import at_level, param_axes
from vtg_jax.systems.revisionllm.prompt import IGNORE
from vtg_jax.systems.revisionllm.release import TOKENIZER
from vtg_jax.systems.revisionllm.sample_rows import RowMaker
from vtg_jax.systems.revisionllm.starting_point import (
  StartConfig,
  starting_point,
)
from vtg_jax.systems.revisionllm.training_data import DataOptions, Shapes
from vtg_jax.systems.training.starting_point import StartingPoint
from vtg_jax.systems.training.system_task import SystemTask, TaskConfig
from vtg_jax.train.loss import LossSums, answer_sums


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReVisionLlmTaskConfig(TaskConfig):
  """How a ReVisionLLM is trained; also the fields of `TaskConfig`.

  Attributes:
    levels: Names of the levels that rows are of: one, or several that steps
      take in turn, as in the variant with one adapter for all of them.
  """

  start: StartConfig
  levels: tuple[str, ...]

  def __post_init__(self):
    super().__post_init__()
    if not self.levels or len(set(self.levels)) < len(self.levels):
      raise ValueError(f'levels are {self.levels}; name one or more, each once')


class ReVisionLlmTask(SystemTask):
  """Answers about windows of long videos, token by token."""

  system = SYSTEM
  config_type = ReVisionLlmTaskConfig
  data_type = DataOptions
  axes_of = staticmethod(param_axes)
  config: ReVisionLlmTaskConfig
  model: ReVisionLlmConfig

  def __init__(self, values: Mapping[str, Any], **options):
    """As `SystemTask`."""
    super().__init__(values, **options)
    try:
      self._levels = tuple(map(self.model.level, self.config.levels))
    except KeyError as error:
      raise BadInput(f'levels: {error.args[0]}') from error

  def _starting_point(self) -> StartingPoint:
    return starting_point(self.config.start)

  def tokenizer(self) -> SentencePieceTokenizer:
    """The language model's."""
    return SentencePieceTokenizer(self._start.tokenizer_files[TOKENIZER])

  def row_maker(self, level: LevelConfig) -> RowMaker:
    """Makes rows of one of the levels."""
    return RowMaker(
      tokenizer=self.tokenizer(),
      n_visual=self._n_visual(level),
      text_tokens=self.data_options().text_tokens,
    )

  def row_tokens(self, level: LevelConfig) -> int:
    """Length of the rows of a level, visual ones included."""
    return self._n_visual(level) + self.data_options().text_tokens

  def _n_visual(self, level: LevelConfig) -> int:
    return level.n_windows or self.model.n_frames

  def batches(
    self,
    *,
    batch_size: int,
    seed: int,
    process_index: int = 0,
    process_count: int = 1,
  ) -> Batches | AlternatingBatches:
    """The training data of one process, without end; see `train.task`.

    Args:
      batch_size: Of the global batch.
      seed: Of order and of what is drawn.
      process_index: Which share.
      process_count: Of how many.

    Raises:
      BadInput: when the data are missing or damaged.
    """
    model = self.model
    parts = [
      training_data.batches(
        self.data_options(),
        self.row_maker(level),
        Shapes(
          n_windows=level.n_windows,
          n_frames=model.n_frames,
          window_s=model.window_s,
          fps=model.fps,
          width=model.features_width,
        ),
        batch_size=batch_size,
        seed=seed + i,
        process_index=process_index,
        process_count=process_count,
      )
      for i, level in enumerate(self._levels)
    ]
    return parts[0] if len(parts) == 1 else AlternatingBatches(parts)

  def flops_per_step(self, batch_size: int) -> float | None:
    """Useful operations of a step, the mean of the levels' steps."""
    options = self.data_options()
    each = [
      useful_flops(
        self.model,
        level,
        self._trained,
        row_tokens=self.row_tokens(level),
        query_words=options.query_words,
      )
      for level in self._levels
    ]
    return batch_size * sum(each) / len(each)

  def level_of(self, batch: Mapping[str, Any]) -> LevelConfig:
    """Whose rows a batch has: its arrays tell."""
    shape, is_dense = batch['features'].shape, 'text' not in batch
    n_windows = None if is_dense else 1 if len(shape) == 3 else shape[1]
    for level in self._levels:
      if level.n_windows == n_windows:
        return level
    raise ValueError(f'a batch of {shape} is of no level that is trained')

  def _sums(self, params, batch, rng, *, deterministic) -> LossSums:
    """The losses of learnt tokens.

    A batch is as `ReVisionLlm.training_states` has it, and labels [B T].
    """
    states = self._states(params, batch, rng, deterministic=deterministic)
    return self._answer_sums(params, states, batch)

  def _states(self, params, batch, rng, *, deterministic, **options):
    """Final states of rows, and with `mutable` what the network sows."""
    network, worn = self._worn(params, batch)
    return network.apply(
      {'params': worn},
      batch,
      deterministic=deterministic,
      rngs={'dropout': rng},
      method='training_states',
      **options,
    )

  def _answer_sums(self, params, states, batch) -> LossSums:
    level = self.level_of(batch)
    network, worn = self._worn(params, batch)
    sums = answer_sums(
      states,
      batch['labels'],
      lambda some: network.apply({'params': worn}, some, method='logits'),
      ignore=IGNORE,
    )
    parts = self._parts(level, sums.total, sums.weight)
    return sums._replace(parts=parts)

  def _worn(self, params, batch):
    """The network at the level of a batch, and its parameters there."""
    level = self.level_of(batch).name
    return at_level(self.model, self.config.compute, params, level)

  def _parts(self, level, total, weight) -> dict:
    """What is logged of each level, where steps take them in turn."""
    if len(self._levels) == 1:
      return {}
    nothing = jnp.zeros(()), jnp.zeros(())
    return {
      own.name: (total, weight) if own is level else nothing
      for own in self._levels
    }
