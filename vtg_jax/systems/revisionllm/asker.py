"""Asks a ReVisionLLM about windows of one video: `recursion`'s panel."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from vtg_jax.decode.greedy import GreedyConfig
from vtg_jax.decode.number_grammar import NumberTables
from vtg_jax.errors import BadInput
from vtg_jax.llm.decoder import KeyValues
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.nn.compute import Compute
from vtg_jax.recursion.cost import Prices
from vtg_jax.recursion.model import Reply
from vtg_jax.recursion.quirks import Quirks
from vtg_jax.recursion.scores import entropy_stats
from vtg_jax.systems.checks import check_vocabulary, checked_score
from vtg_jax.systems.products import forward_flops
from vtg_jax.systems.revisionllm import prompt, reading
from vtg_jax.systems.revisionllm.config import LevelConfig, ReVisionLlmConfig
from vtg_jax.systems.revisionllm.flops import encoder_products
from vtg_jax.systems.revisionllm.model import (
  ReVisionLlm,
  at_level,
  param_shapes,
)
from vtg_jax.systems.revisionllm.options import sparse_levels
from vtg_jax.systems.revisionllm.wording import (
  LENGTHS,
  Question,
  Wording,
  together,
)

# Most tokens of an answer, which is a short one.
ANSWER_TOKENS = 24
# A language model no larger than this has its adapters folded in, a copy for
# each level.
_MOST_FOLDED_BYTES = 2e8


class Setting(NamedTuple):
  """How a level is asked: static, what is read first, what may be answered."""

  how: reading.How
  lead: KeyValues
  answers: NumberTables | None


class _Ready(NamedTuple):
  """A level of the network as it is asked, and what is read first there."""

  model: ReVisionLlm
  params: Mapping[str, Any]
  lead: KeyValues


class Written(NamedTuple):
  """Answers, on the host.

  Attributes:
    ids: Tokens of each.
    length: How many of them count.
    entropy: Of each step that the batch took.
  """

  ids: Int[np.ndarray, 'B G']
  length: Int[np.ndarray, ' B']
  entropy: Float[np.ndarray, 'B G']


class Asker:
  """One network with its tokenizer: what every question needs.

  Attributes:
    config: Sizes.
    params: Nested dict of arrays on the device.
    wording: Texts as tokens.
    query_words: Words of a sentence whose features are shown; more are cut.
  """

  def __init__(
    self,
    config: ReVisionLlmConfig,
    params,
    tokenizer: SentencePieceTokenizer,
    *,
    compute: Compute,
    query_words: int,
  ):
    """Puts the parameters on the device.

    Args:
      config: Sizes.
      params: Nested dict of arrays.
      tokenizer: Of the language model.
      compute: Numerics.
      query_words: See the attribute.

    Raises:
      BadInput: when the tokenizer does not fit the network.
    """
    n_tokens, n_rows = tokenizer.vocab_size, config.llm.vocab_size
    check_vocabulary('language model', n_tokens, n_rows)
    self.config, self.query_words = config, query_words
    self.wording = Wording(tokenizer)
    self._compute = compute
    self.params = jax.device_put(params)
    self._ready: dict[str, _Ready] = {}
    self._settings: dict[tuple, Setting] = {}
    self._sparse = sparse_levels(config)

  def about(
    self,
    features: Float[np.ndarray, 'N D'],
    queries: Sequence[str],
    words: Sequence[np.ndarray],
    *,
    quirks: Quirks,
    is_free: bool = False,
    is_released: bool = False,
  ) -> 'VideoQueries':
    """A panel that answers queries about one video.

    Args:
      features: Of the video's frames.
      queries: Sentences.
      words: Float array [L D] of each, features of its words.
      quirks: What counts of an answer's steps.
      is_free: Anything may be answered, not only what can be understood.
      is_released: Asked as the release asks.
    """
    return VideoQueries(
      self,
      features,
      queries,
      words,
      quirks=quirks,
      is_free=is_free,
      is_released=is_released,
    )

  def prices(self, question: Question) -> Prices:
    """What one unit of work costs, for a question of this length."""
    flops_per_token, flops_per_encoding = self._flops
    return Prices(
      prompt_tokens=self.wording.lead.shape[1] + int(question.length),
      flops_per_token=flops_per_token,
      flops_per_encoding=flops_per_encoding,
    )

  @functools.cached_property
  def _flops(self) -> tuple[int, int]:
    """Operations for a token that is read, and for a window."""
    shapes = param_shapes(self.config)['llm']
    read = {name: own for name, own in shapes.items() if name != 'embed'}
    n_params = sum(leaf.size for leaf in jax.tree.leaves(read))
    per_encoding = 0
    if self.config.clip_encoder is not None:
      products = encoder_products(self.config, 1, self.query_words)
      per_encoding = forward_flops(products)
    return 2 * n_params, per_encoding

  def level(self, number: int) -> LevelConfig:
    """The network's level that serves one of a search: 2 is the finest.

    Levels above the coarsest are served by that.
    """
    return self._sparse[min(number - 2, len(self._sparse) - 1)]

  @property
  def dense_level(self) -> LevelConfig:
    return next(level for level in self.config.levels if level.is_dense)

  def is_coarsest(self, level: LevelConfig) -> bool:
    """Whether no level shows more of a video at once."""
    return bool(self._sparse) and level == self._sparse[-1]

  def encode(self, features, text, text_mask) -> Float[np.ndarray, 'B E']:
    """See `reading.encode`."""
    ready = self._ready_at(self._sparse[0])
    return np.asarray(
      reading.encode(ready.params, features, text, text_mask, model=ready.model)
    )

  def ask(
    self,
    level: LevelConfig,
    visual: Sequence[np.ndarray],
    questions: Question,
    *,
    is_free: bool,
    is_normed: bool,
  ) -> Written:
    """Asks a batch.

    Args:
      level: Of the network.
      visual: Features of frames, and the window of each row; or rows of
        windows, and which are shown.
      questions: What is asked, one a row.
      is_free: Anything may be answered.
      is_normed: See `reading.How`.

    Raises:
      BadInput: this is longer than the language model reads.
    """
    n_visual = visual[0].shape[1]
    self.check_length(n_visual, questions)
    ready = self._ready_at(level)
    own = self.setting(level, n_visual, is_free=is_free, is_normed=is_normed)
    how = own.how._replace(model=ready.model)
    program = reading.ask_frames if level.is_dense else reading.ask_windows
    out = program(
      ready.params, own.lead, *visual, questions, own.answers, how=how
    )
    return Written(*jax.device_get((out.ids, out.length, out.watched)))

  def check_length(self, n_visual: int, questions: Question) -> None:
    """Raises BadInput where this is longer than the language model reads."""
    n_tokens = self.wording.lead.shape[1] + n_visual + ANSWER_TOKENS
    n_tokens += int(questions.length.max())
    most = self.config.llm.max_positions
    if n_tokens > most:
      raise BadInput(
        f'{n_visual} windows or frames and the query make {n_tokens} tokens, '
        f'the language model reads {most}; use fewer levels or words'
      )

  def setting(
    self, level: LevelConfig, n_visual: int, *, is_free: bool, is_normed: bool
  ) -> 'Setting':
    """How a level is asked; arguments as of `ask`."""
    key = level.name, n_visual, is_free, is_normed
    if key not in self._settings:
      self._settings[key] = self._made_setting(level, *key[1:])
    return self._settings[key]

  def _made_setting(
    self, level: LevelConfig, n_visual: int, is_free: bool, is_normed: bool
  ) -> 'Setting':
    answers = None
    if not is_free and level.is_dense:
      answers = self.wording.frame_answers(n_visual)
    elif not is_free:
      answers = self.wording.place_answers(n_visual)
    how = reading.How(
      model=self._at(level)[0],
      greedy=GreedyConfig(
        max_new_tokens=ANSWER_TOKENS,
        eos_id=self.wording.tokenizer.eos_id,
        stop_ids=(),
        pad_id=prompt.PAD_ID,
      ),
      # The last frame of a span is in it, the last window of one is not.
      gap=0 if level.is_dense else 1,
      is_normed=is_normed and self.config.alternate_norm,
    )
    lead = self._ready_at(level).lead
    return Setting(how, lead, jax.device_put(answers))

  def _at(self, level: LevelConfig):
    return at_level(self.config, self._compute, self.params, level.name)

  def _ready_at(self, level: LevelConfig) -> '_Ready':
    """What asks at a level."""
    name = level.name
    if name not in self._ready:
      model, params = self._at(level)
      is_folded = model.has_lora and _folding_pays(params['llm'])
      lead, folded = reading.make_ready(
        params, self.wording.lead, model=model, is_folded=is_folded
      )
      if is_folded:
        model, params = model.clone(has_lora=False), params | {'llm': folded}
      self._ready[name] = _Ready(model, params, lead)
    return self._ready[name]


class VideoQueries:
  """Queries about one video; a `recursion.together.Panel`.

  Attributes:
    asker: The network.
    questions: The tokens of each, as the dense level is asked.
    questions_above: As the levels above it are.
  """

  def __init__(
    self,
    asker: Asker,
    features,
    queries,
    words,
    *,
    quirks,
    is_free,
    is_released,
  ):
    self.asker, self._features = asker, features
    self._quirks, self._is_free = quirks, is_free
    self._is_normed = not is_released
    # Windows were asked for in other words than training had.
    above = prompt.VIDEO_QUESTION if is_released else prompt.FRAMES_QUESTION
    self.questions, self.questions_above = (
      together([asker.wording.question(query, template) for query in queries])
      for template in (prompt.FRAMES_QUESTION, above)
    )
    shape = len(queries), asker.query_words
    self._text = np.zeros((*shape, asker.config.features_width), np.float32)
    self._text_mask = np.zeros(shape, bool)
    for row, own in enumerate(words):
      n_words = min(len(own), asker.query_words)
      self._text[row, :n_words] = own[:n_words]
      self._text_mask[row, :n_words] = True

  def encode(
    self, queries: Int[np.ndarray, ' B'], frame_idx: Int[np.ndarray, 'B F']
  ) -> Float[np.ndarray, 'B E']:
    """See `Panel`, as the others."""
    return self.asker.encode(
      self._frames(frame_idx), self._text[queries], self._text_mask[queries]
    )

  def ask_sparse(
    self,
    level: int,
    queries: Int[np.ndarray, ' B'],
    tokens: Float[np.ndarray, 'B R E'],
    is_shown: Bool[np.ndarray, 'B R'],
  ) -> list[Reply]:
    own = self.asker.level(level)
    questions = self.questions_above.of(queries)
    return self._ask(own, (tokens, is_shown), questions)

  def ask_dense(
    self,
    queries: Int[np.ndarray, ' B'],
    frame_idx: Int[np.ndarray, 'W F'],
    window: Int[np.ndarray, ' B'],
  ) -> list[Reply]:
    visual = self._frames(frame_idx), window.astype(np.int32)
    level, questions = self.asker.dense_level, self.questions.of(queries)
    return self._ask(level, visual, questions)

  def _frames(self, frame_idx) -> Float[np.ndarray, 'B F D']:
    return np.asarray(self._features[frame_idx], np.float32)

  def _ask(self, level, visual, questions) -> list[Reply]:
    if not self.asker.is_coarsest(level):
      # Few are asked there: a length less to compile for takes little.
      questions = questions.filled(LENGTHS[1])
    out = self.asker.ask(
      level,
      visual,
      questions,
      is_free=self._is_free,
      is_normed=self._is_normed,
    )
    taken = out.entropy[:, : int(out.length.max())]
    checked_score(float(taken.sum()))
    stats = entropy_stats(taken, out.length, quirks=self._quirks)
    return [
      Reply(answer=self.asker.wording.text(ids), entropy=one)
      for ids, one in zip(out.ids, stats, strict=True)
    ]


def _folding_pays(params) -> bool:
  """Whether a language model is asked with its adapter in its kernels.

  To multiply by the adapter apart takes longer. But a large model is not copied
  for that, and one whose parameters are of fewer bits would be rounded.
  """
  leaves = jax.tree.leaves(params)
  is_exact = all(leaf.dtype == np.float32 for leaf in leaves)
  return is_exact and sum(leaf.nbytes for leaf in leaves) <= _MOST_FOLDED_BYTES


def check_widths(config: ReVisionLlmConfig, features: int, words: int) -> None:
  """Raises BadInput where features are not what a network was made for."""
  if {features, words} != {config.features_width}:
    raise BadInput(
      f'the encoder gives frames {features} channels and words {words}, the '
      f'network reads {config.features_width}; give the encoder that it was '
      'trained with'
    )
