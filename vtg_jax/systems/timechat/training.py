"""TimeChat as training meets it: what learns, what is minimised."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from input_pipeline.loader import Batches
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
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
from vtg_jax.systems.training.system_task import SystemTask, TaskConfig
from vtg_jax.systems.vocabularies import check_tokenizers, read_tokenizers
from vtg_jax.train.loss import LossSums, answer_sums


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimeChatTaskConfig(TaskConfig):
  """How a TimeChat is trained; the fields are those of `TaskConfig`."""

  start: StartConfig
  trainable: tuple[str, ...] = RELEASED_TRAINABLE


class TimeChatTask(SystemTask):
  """Answers about videos and sequences, token by token."""

  system = SYSTEM
  config_type = TimeChatTaskConfig
  data_type = DataOptions
  axes_of = staticmethod(param_axes)
  config: TimeChatTaskConfig
  model: TimeChatConfig

  def __init__(self, values: Mapping[str, Any], **options):
    """As `SystemTask`."""
    super().__init__(values, **options)
    data = self.data_options()
    # What it is trained with decides how it is asked.
    self.model = dataclasses.replace(
      self.model,
      places=data.places,
      qformer_time_format=data.qformer_time_format,
      prompts='as_trained',
    )
    self._network = TimeChat(self.model, self.config.compute)

  def _starting_point(self) -> StartingPoint:
    time_format = self.data_options().qformer_time_format
    return starting_point(self.config.start, qformer_time_format=time_format)

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

  def batches(self, **share: int) -> Batches:
    """The training data of one process, without end; see `train.task`.

    Raises:
      BadInput: when the data are missing or damaged.
    """
    return training_data.batches(
      self.data_options(),
      self.row_maker(),
      self.shapes(),
      **share,
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
