"""TimeChat as training meets it: what learns, what is minimised."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from input_pipeline.loader import Batches
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.config_json import from_json
from vtg_jax.systems.timechat import training_data
from vtg_jax.systems.timechat.config import SYSTEM, TimeChatConfig
from vtg_jax.systems.timechat.flops import useful_flops
from vtg_jax.systems.timechat.ids import IGNORE
from vtg_jax.systems.timechat.model import TimeChat, param_axes
from vtg_jax.systems.timechat.prompt import TOKENIZER_OPTIONS
from vtg_jax.systems.timechat.sample_rows import RowMaker
from vtg_jax.systems.timechat.starting_point import (
  StartConfig,
  starting_point,
)
from vtg_jax.systems.timechat.time_formats import qformer_words
from vtg_jax.systems.timechat.time_words import CODES
from vtg_jax.systems.timechat.trainable import RELEASED_TRAINABLE
from vtg_jax.systems.timechat.training_data import DataOptions, Shapes
from vtg_jax.systems.training.starting_point import StartingPoint
from vtg_jax.systems.training.system_task import (
  SAVE_DTYPES,
  SystemTask,
  check_known,
)
from vtg_jax.systems.vocabularies import check_tokenizers, read_tokenizers
from vtg_jax.train.loss import LossSums, answer_sums
from vtg_jax.train.optimiser import OptimiserConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskConfig:
  """How a TimeChat is trained; the data describe themselves.

  Attributes:
    start: What training begins from.
    optimiser: See `OptimiserConfig`.
    trainable: Patterns of whole parameter paths; see `train.freeze`.
    compute: Numerics. Parameters that train are float32, the frozen ones are
      of the dtype of the activations.
    save_dtype: What trained parameters are stored in.
    notice: One line the user of the trained model must read; empty if none.
  """

  start: StartConfig
  optimiser: OptimiserConfig
  trainable: tuple[str, ...] = RELEASED_TRAINABLE
  compute: Compute = Compute(dtype='bfloat16', remat=True)
  save_dtype: str = 'float32'
  notice: str = ''

  def __post_init__(self):
    check_known(self, save_dtype=SAVE_DTYPES)


class TimeChatTask(SystemTask):
  """Answers about videos and sequences, token by token."""

  system = SYSTEM
  config: TaskConfig
  model: TimeChatConfig

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
    data = DataOptions.from_dict(values.get('data', {}))
    start = start or starting_point(
      config.start, qformer_time_format=data.qformer_time_format
    )
    super().__init__(values, config, start, param_axes(start.model))
    # What it is trained with decides how it is asked.
    self.model = dataclasses.replace(
      start.model,
      places=data.places,
      qformer_time_format=data.qformer_time_format,
      prompts='as_trained',
    )
    self._network = TimeChat(self.model, config.compute)

  def tokenizers(self) -> tuple[SentencePieceTokenizer, WordPieceTokenizer]:
    """The language model's with the added words, and the Q-Former's.

    Raises:
      BadInput: when one does not fit the network.
    """
    options = {**TOKENIZER_OPTIONS, 'extra_tokens': CODES.added_words}
    pair = read_tokenizers(
      self._start.tokenizer_files,
      qformer_words=qformer_words(self.model.qformer_time_format),
      **options,
    )
    check_tokenizers(self.model, *pair)
    n_words = pair[0].vocab_size + len(CODES.added_words)
    if self.data_options().places == 'codes' and (
      self.model.llm.n_words < n_words
    ):
      raise BadInput(
        f'the network has {self.model.llm.n_words} rows and places as digit '
        f'tokens need {n_words} rows; use data.places=plain or '
        'start.digit_rows=true'
      )
    return pair

  def data_options(self) -> DataOptions:
    """The options under 'data'.

    Raises:
      BadInput: naming the entry that is missing or wrong.
    """
    return DataOptions.from_dict(self._values.get('data', {}))

  def row_maker(self) -> RowMaker:
    """Makes rows of the data's texts."""
    options = self.data_options()
    words, own = self.tokenizers()
    return RowMaker(
      tokenizer=words,
      time_tokenizer=own if options.time_tokenizer == 'own' else None,
      video_id=words.vocab_size,
      row_tokens=options.row_tokens,
      time_tokens=options.time_tokens,
    )

  def shapes(self) -> Shapes:
    """What the network asks of samples."""
    model, video = self.model, self.model.video_qformer
    return Shapes(
      n_frames=model.n_frames,
      image_size=model.encoder.image_size,
      queries_a_frame=model.qformer.n_tokens,
      keeps_text=model.keeps_text,
      tokens_a_window=video.qformer.n_tokens,
      stride=video.stride,
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
    return training_data.batches(
      self.data_options(),
      self.row_maker(),
      self.shapes(),
      batch_size=batch_size,
      seed=seed,
      process_index=process_index,
      process_count=process_count,
    )

  def flops_per_step(self, batch_size: int) -> float | None:
    """Useful operations of a step."""
    options = self.data_options()
    return batch_size * useful_flops(
      self.model,
      self._trained,
      row_tokens=options.row_tokens,
      time_tokens=options.time_tokens,
    )

  def _sums(self, params, batch, rng, *, deterministic) -> LossSums:
    """The losses of learnt tokens.

    A batch is as `TimeChat.training_states` has it, and labels [B T].
    """
    states = self._states(params, batch, rng, deterministic=deterministic)
    return self._answer_sums(params, states, batch)

  def _states(self, params, batch, rng, *, deterministic, **options):
    """Final states of the language model, and what `apply` adds to them."""
    return self._network.apply(
      {'params': params},
      batch,
      deterministic=deterministic,
      rngs={'dropout': rng},
      method='training_states',
      **options,
    )

  def _answer_sums(self, params, states, batch) -> LossSums:
    return answer_sums(
      states,
      batch['labels'],
      lambda some: self._network.apply(
        {'params': params}, some, method='logits'
      ),
      ignore=IGNORE,
    )
