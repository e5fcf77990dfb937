"""Grounded-VideoLLM as training meets it: what learns, what is minimised."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from input_pipeline.loader import Batches
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.checks import check_vocabulary
from vtg_jax.systems.config_json import from_json
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
from vtg_jax.systems.training.system_task import (
  SAVE_DTYPES,
  SystemTask,
  check_known,
)
from vtg_jax.train.loss import LossSums, answer_sums
from vtg_jax.train.optimiser import OptimiserConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskConfig:
  """How a Grounded-VideoLLM is trained; the data describe themselves.

  Attributes:
    start: What training begins from.
    optimiser: See `OptimiserConfig`.
    trainable: Patterns of whole parameter paths; see `train.freeze`.
    compute: Numerics. Parameters that train are float32, the frozen ones are
      of the dtype of the activations.
    drop_path: The frozen video encoder drops branches while others train, as
      in the reference; its rate is in the sizes.
    save_dtype: What trained parameters are stored in.
    notice: One line the user of the trained model must read; empty if none.
  """

  start: StartConfig
  optimiser: OptimiserConfig
  trainable: tuple[str, ...] = TUNED
  compute: Compute = Compute(dtype='bfloat16', remat=True)
  drop_path: bool = False
  save_dtype: str = 'float32'
  notice: str = ''

  def __post_init__(self):
    check_known(self, save_dtype=SAVE_DTYPES)


class GroundedVideoLlmTask(SystemTask):
  """Answers about videos, token by token."""

  system = SYSTEM
  config: TaskConfig
  model: GroundedVideoLlmConfig

  def __init__(
    self, values: Mapping[str, Any], *, start: StartingPoint | None = None
  ):
    """Reads a config; weights are read when asked for.

    Args:
      values: Plain types: 'data', and one entry a field of `TaskConfig`.
      start: What stands in for the config's own, which is not read then.

    Raises:
      BadInput: naming the entry that is missing, unknown or out of range.
    """
    rest = {name: v for name, v in values.items() if name != 'data'}
    config = from_json(TaskConfig, rest, 'the config')
    start = start or starting_point(config.start)
    super().__init__(values, config, start, param_axes(start.model))
    self._network = GroundedVideoLlm(self.model, config.compute)

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

  def data_options(self) -> DataOptions:
    """The options under 'data'.

    Raises:
      BadInput: naming the entry that is missing or wrong.
    """
    return DataOptions.from_dict(self._values.get('data', {}))

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

  def batches(
    self,
    *,
    batch_size: int,
    seed: int,
    process_index: int = 0,
    process_count: int = 1,
  ) -> Batches:
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
    return training_data.batches(
      self.data_options(),
      self.row_maker(),
      FrameSizes(
        n_frames=model.n_frames,
        keyframes=model.keyframes,
        image_size=model.image_encoder.image_size,
        video_size=model.video_encoder.image_size,
      ),
      batch_size=batch_size,
      seed=seed,
      process_index=process_index,
      process_count=process_count,
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
