"""Grounded-VideoLLM as training meets it: what learns, what is minimised."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from input_pipeline.loader import Batches
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.systems.checks import check_vocabulary
from vtg_jax.systems.grounded_videollm import training_data
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.flops import useful_flops
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  param_axes,
)
from vtg_jax.systems.grounded_videollm.release import SYSTEM, TOKENIZER
from vtg_jax.systems.grounded_videollm.rows import IGNORE
from vtg_jax.systems.grounded_videollm.sample_rows import RowMaker
from vtg_jax.systems.grounded_videollm.starting_point import (
  StartConfig,
  starting_point,
)
from vtg_jax.systems.grounded_videollm.trainable import TUNED
from vtg_jax.systems.grounded_videollm.training_data import (
  DataOptions,
  FrameSizes,
)
from vtg_jax.systems.training.starting_point import StartingPoint
from vtg_jax.systems.training.system_task import SystemTask, TaskConfig
from vtg_jax.train.loss import LossSums, answer_sums


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundedVideoLlmTaskConfig(TaskConfig):
  """How a Grounded-VideoLLM is trained; also the fields of `TaskConfig`.

  Attributes:
    drop_path: The frozen video encoder drops branches while others train, as
      in the reference; its rate is in the sizes.
  """

  start: StartConfig
  trainable: tuple[str, ...] = TUNED
  drop_path: bool = False


class GroundedVideoLlmTask(SystemTask):
  """Answers about videos, token by token."""

  system = SYSTEM
  config_type = GroundedVideoLlmTaskConfig
  data_type = DataOptions
  axes_of = staticmethod(param_axes)
  config: GroundedVideoLlmTaskConfig
  model: GroundedVideoLlmConfig

  def __init__(self, values: Mapping[str, Any], **options):
    """As `SystemTask`."""
    super().__init__(values, **options)
    self._network = GroundedVideoLlm(self.model, self.config.compute)

  def _starting_point(self) -> StartingPoint:
    return starting_point(self.config.start)

  def tokenizer(self) -> JsonTokenizer:
    """The language model's, with the words of time where the data have some.

    Raises:
      BadInput: when it does not fit the network.
    """
    words = ()
    if self.data_options().with_times:
      words = time_tokens(self.model.n_intervals)
    tokenizer = JsonTokenizer(self._start.tokenizer_files[TOKENIZER], words)
    check_vocabulary(
      'language model', tokenizer.vocab_size, self.model.llm.vocab_size
    )
    return tokenizer

  def row_maker(self) -> RowMaker:
    """Makes rows of the data's texts."""
    options, model = self.data_options(), self.model
    return RowMaker(
      tokenizer=self.tokenizer(),
      dialect=model.words,
      n_video=model.n_video,
      n_intervals=model.n_intervals if options.with_times else None,
      max_text_tokens=model.max_text_tokens,
      row_tokens=options.row_tokens,
      layout=options.layout,
    )

  def batches(self, **share: int) -> Batches:
    """The training data of one process, without end; see `train.task`.

    Raises:
      BadInput: when the data are missing or damaged.
    """
    model = self.model
    return training_data.batches(
      self.data_options(),
      self.row_maker(),
      FrameSizes(
        n_frames=model.n_frames,
        keyframes=model.keyframes,
        image_size=model.image_encoder.image_size,
        video_size=model.video_encoder.image_size,
      ),
      **share,
    )

  def flops_per_step(self, batch_size: int) -> float | None:
    """Useful operations of a step; see `grounded_videollm.flops`."""
    row_tokens = self.data_options().row_tokens
    return batch_size * useful_flops(
      self.model, self._trained, row_tokens=row_tokens
    )

  def _sums(self, params, batch, rng, *, deterministic) -> LossSums:
    """The losses of learnt tokens.

    A batch is as `GroundedVideoLlm.training_states` has it, and labels [B S].
    """
    states = self._states(params, batch, rng, deterministic=deterministic)
    return self._answer_sums(params, states, batch)

  def _states(self, params, batch, rng, *, deterministic, **options):
    return self._network.apply(
      {'params': params},
      batch,
      deterministic=deterministic,
      drop_path=self.config.drop_path,
      rngs={'dropout': rng},
      method='training_states',
      **options,
    )

  def _logits(self, params, states):
    return self._network.apply({'params': params}, states, method='logits')

  def _answer_sums(self, params, states, batch) -> LossSums:
    return answer_sums(
      states,
      batch['labels'],
      lambda some: self._logits(params, some),
      ignore=IGNORE,
    )
