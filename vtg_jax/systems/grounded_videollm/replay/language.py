"""What a golden set's model with one language model computes."""

import dataclasses
import functools
import re
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.adapters.two_stream import TwoStream, TwoStreamOutput
from vtg_jax.convert.engine import Plan, plan
from vtg_jax.convert.param_tree import flatten
from vtg_jax.decode.greedy import GreedyConfig, decode_greedily
from vtg_jax.llm.decoder import Decoder, KeyValues, Past
from vtg_jax.llm.splice import splice_rows
from vtg_jax.llm.vocabulary import grow_vocabulary
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm import release
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.model import GroundedVideoLlm
from vtg_jax.systems.grounded_videollm.replay.sections import (
  BASE,
  TUNED,
  Sections,
)
from vtg_jax.systems.grounded_videollm.replay.vision import GoldenVision
from vtg_jax.systems.grounded_videollm.rows import (
  IGNORE,
  Rows,
  SplicedRows,
  with_video,
)
from vtg_jax.systems.replay.golden_weights import (
  changed_keys,
  read_params,
  released_tensors,
  without_lora,
)
from vtg_jax.train.loss import next_token_loss

# What stages 2 and 3 train. The learned rows are no parameters there.
TRAINED = re.compile(
  r'two_stream/(image|video)_projector/.+'
  r'|llm/(embed|lm_head)/.+'
  r'|llm/layers/.+/lora_[ab]'
)
# Batch of the inputs -> whether the model was tuned.
_TUNED = {'stage1': False, 'sft': True}


class Scored(NamedTuple):
  """Logits [B S V] of a batch, its loss, and its labels and mask."""

  logits: jax.Array
  loss: jax.Array
  rows: SplicedRows


class Prefilled(NamedTuple):
  """Prompts that are in a cache, and the scores after them."""

  past: Past
  logits: jax.Array


class GoldenLanguage:
  """A model of a golden set, before and after stages 2 and 3.

  Attributes:
    name: Of its language model in the set.
    told: The entry of config.json.
    config: Sizes after stages 2 and 3.
  """

  def __init__(
    self,
    name: str,
    description: Mapping,
    sections: Sections,
    vision: GoldenVision,
    inputs: Mapping[str, np.ndarray],
    config: GroundedVideoLlmConfig,
  ):
    self.name, self.told, self.config = name, description[name], config
    self._description, self._sections = description, sections
    self._vision, self._inputs = vision, inputs

  # Weights and rows of the video.

  @functools.cache  # noqa: B019
  def sizes(self, *, tuned: bool) -> GroundedVideoLlmConfig:
    if tuned:
      return self.config
    return release.config_of_golden(self._description, self.name, tuned=False)

  @functools.cache  # noqa: B019
  def params(self, *, tuned: bool) -> dict:
    return read_params(self._plan(tuned=tuned))

  def changed_keys(self, *, tuned: bool) -> list[str]:
    """Keys of the files that our parameters do not give back bit for bit."""
    return changed_keys(self._plan(tuned=tuned), self.params(tuned=tuned))

  @functools.cache  # noqa: B019
  def _plan(self, *, tuned: bool) -> Plan:
    config = self.sizes(tuned=tuned)
    return plan(
      self._sections.of_model(self.name, tuned=tuned),
      release.table(config),
      release.expected_params(config),
    )

  def has_weights(self, *, tuned: bool) -> bool:
    """Whether the set holds the words before, or after, stages 2 and 3."""
    return f'{self.name}/{TUNED if tuned else BASE}' in self._sections.names

  def has_inputs(self, batch: str) -> bool:
    """Whether the set holds a batch: 'stage1', 'sft' or 'gen'."""
    return f'{self.name}.{batch}.input_ids' in self._inputs

  @functools.cached_property
  def joined(self) -> TwoStreamOutput:
    """Both streams as rows; the same before and after tuning the words."""
    return self._join(self.params(tuned=True)['two_stream'])

  def _join(self, params):
    return _join(
      self.config,
      params,
      self._vision.image_features,
      self._vision.video_features,
    )

  @functools.cached_property
  def grown(self) -> dict:
    """The decoder's parameters with its new words as they begin."""
    config = self.sizes(tuned=False).llm
    n_new = self.config.llm.vocab_size - config.vocab_size
    params = self.params(tuned=False)['llm']
    return grow_vocabulary(config, params, n_new, jax.random.key(0))[1]

  # Teacher forcing.

  def batch(self, name: str, *, text_only: tuple[int, ...] = ()) -> SplicedRows:
    """A batch of the inputs with room for the video.

    Args:
      name: 'stage1' or 'sft'.
      text_only: Rows that are about no video.
    """
    ids = self._inputs[f'{self.name}.{name}.input_ids']
    rows = Rows(
      ids,
      self._inputs[f'{self.name}.{name}.labels_text'],
      self._inputs[f'{self.name}.{name}.attention_mask_text'] > 0,
    )
    return self._with_video(
      rows, text_only=[i in text_only for i in range(len(ids))]
    )

  def _with_video(self, rows, **options):
    padding = self.told['tokenizer_pad_id']
    return with_video(rows, self.config.n_video, padding, **options)

  @functools.cache  # noqa: B019
  def scored(
    self,
    name: str = 'sft',
    *,
    lora: bool = True,
    text_only: tuple[int, ...] = (),
    original_positions: int | None = None,
  ) -> Scored:
    """A batch of the inputs through the model of its stage."""
    tuned = _TUNED[name]
    config = _extended(self.sizes(tuned=tuned), original_positions)
    params = self.params(tuned=tuned)
    visual = self._join(params['two_stream']).rows
    rows = self.batch(name, text_only=text_only)
    llm = params['llm'] if lora else without_lora(params['llm'])
    logits = _score(config, llm, visual, rows)
    return Scored(logits, _loss(logits, rows), rows)

  @functools.cached_property
  def gradients(self) -> dict:
    """Of the SFT loss, by path, of what is trained."""
    rows = self.batch('sft')
    params = self.params(tuned=True)
    trained = {'two_stream': params['two_stream'], 'llm': params['llm']}

    @jax.jit
    def gradients(params, image, video):
      def loss(params):
        visual = _join(self.config, params['two_stream'], image, video).rows
        return _loss(_score(self.config, params['llm'], visual, rows), rows)

      return jax.grad(loss)(params)

    found = gradients(
      trained, self._vision.image_features, self._vision.video_features
    )
    return {
      path: np.asarray(leaf)
      for path, leaf in flatten(found).items()
      if TRAINED.fullmatch(path)
    }

  @functools.cached_property
  def released_gradients(self) -> dict[str, np.ndarray]:
    """The same under the released key names."""
    return released_tensors(self.gradients, release.table(self.config))

  # Generation.

  @functools.cached_property
  def prompts(self) -> SplicedRows:
    """The prompts of the inputs, padded on the left, with the video's room."""
    ids = self._inputs[f'{self.name}.gen.input_ids']
    # The padding token may also stand inside a prompt.
    first = (ids != self.told['tokenizer_pad_id']).argmax(1)
    mask = np.arange(ids.shape[1]) >= first[:, None]
    return self._with_video(Rows(ids, np.full_like(ids, IGNORE), mask))

  @functools.cache  # noqa: B019
  def prefilled(self, original_positions: int | None = None) -> Prefilled:
    config = _extended(self.config, original_positions)
    kv, logits = _prefill(
      config,
      self.params(tuned=True)['llm'],
      self.joined.rows,
      self.prompts,
      n_last=1,
    )
    mask = jnp.asarray(self.prompts.attention_mask)[:, None]
    return Prefilled(Past(kv, mask), logits[:, 0])

  @functools.cache  # noqa: B019
  def generated(
    self, eos_id: int, n: int, original_positions: int | None = None
  ) -> np.ndarray:
    """New tokens [B G], of the longest row at most `n`.

    The reference stops once all rows have ended.
    """
    past, logits = self.prefilled(original_positions)
    out = _decode(
      _extended(self.config, original_positions),
      n,
      self.params(tuned=True)['llm'],
      past,
      logits,
      eos_id,
      self.told['tokenizer_pad_id'],
    )
    return np.asarray(out.ids)[:, : int(out.length.max())].astype(np.int64)

  def whole_row_logits(self, ids: np.ndarray) -> jax.Array:
    """Scores before each of these ids, all rows computed at once."""
    prompts = self.prompts
    more = ids[:, :-1]
    rows = SplicedRows(
      np.concatenate([prompts.input_ids, more], 1),
      np.concatenate([prompts.labels, np.full_like(more, IGNORE)], 1),
      np.concatenate([prompts.attention_mask, np.ones_like(more, bool)], 1),
      prompts.video_start,
    )
    return _prefill(
      self.config,
      self.params(tuned=True)['llm'],
      self.joined.rows,
      rows,
      n_last=ids.shape[1],
    )[1]

  def cached_logits(
    self, ids: np.ndarray, original_positions: int | None = None
  ) -> jax.Array:
    """Scores before each of these ids, from a cache that fills up."""
    past, logits = self.prefilled(original_positions)
    config = _extended(self.config, original_positions)
    llm = self.params(tuned=True)['llm']
    return _step(config, llm, past, logits, jnp.asarray(ids, jnp.int32))


def _extended(
  config: GroundedVideoLlmConfig, original_positions: int | None
) -> GroundedVideoLlmConfig:
  """The sizes of a model whose context was extended from elsewhere."""
  if original_positions is None:
    return config
  if config.llm.long_rope is None:
    raise ValueError(f'{config.dialect} has no factors for a longer context')
  long = dataclasses.replace(
    config.llm.long_rope, original_positions=original_positions
  )
  return dataclasses.replace(
    config, llm=dataclasses.replace(config.llm, long_rope=long)
  )


@functools.partial(jax.jit, static_argnums=0)
def _join(config, params, image, video):
  module = TwoStream(config.two_stream, Compute())
  return module.apply({'params': params}, image, video)


@functools.partial(jax.jit, static_argnums=0)
def _score(config, llm, visual, rows):
  model, params = GroundedVideoLlm(config, Compute()), {'llm': llm}
  hidden = model.apply(
    {'params': params},
    rows.input_ids,
    rows.attention_mask,
    visual,
    rows.video_start,
    method='row_states',
  )
  return model.apply({'params': params}, hidden, method='logits')


def _loss(logits, rows):
  return next_token_loss(logits, jnp.asarray(rows.labels), ignore=IGNORE)


@functools.partial(jax.jit, static_argnums=0, static_argnames='n_last')
def _prefill(config, llm, visual, rows, *, n_last):
  """Keys, values and the last logits of rows padded on the left."""
  decoder, mask = Decoder(config.llm, Compute()), rows.attention_mask
  embeds = decoder.apply({'params': llm}, rows.input_ids, method='embed_tokens')
  embeds = splice_rows(embeds, visual, rows.video_start)
  # Padding has no position of its own and goes by 1.
  positions = jnp.where(mask, jnp.cumsum(mask, 1) - 1, 1)
  causal = jnp.tril(jnp.ones((mask.shape[1],) * 2, bool))
  out = decoder.apply(
    {'params': llm}, embeds, positions, mask=causal & mask[:, None]
  )
  last = out.hidden[:, -n_last:]
  return out.kv, decoder.apply({'params': llm}, last, method='logits')


@functools.partial(jax.jit, static_argnums=(0, 1))
def _decode(config, n, llm, past, logits, eos_id, pad_id):
  """At most `n` new tokens a row; one compilation for all ends of a row."""
  greedy = GreedyConfig(
    max_new_tokens=n, eos_id=eos_id, stop_ids=(), pad_id=pad_id
  )
  return decode_greedily(
    Decoder(config.llm, Compute()),
    llm,
    [past],
    logits,
    past.mask.sum((1, 2)),
    greedy,
    sequence_length=past.mask.shape[-1],
  )


@functools.partial(jax.jit, static_argnums=0)
def _step(config, llm, past, logits, ids):
  """Logits [B G V] before each of ids [B G]."""
  decoder, G = Decoder(config.llm, Compute()), ids.shape[1]
  position, length = past.mask.sum((1, 2)), past.mask.shape[-1]
  embeds = decoder.apply({'params': llm}, ids, method='embed_tokens')

  def step(kv, i):
    in_cache = (jnp.arange(G) < i)[None, None]
    out = decoder.apply(
      {'params': llm},
      jax.lax.dynamic_slice_in_dim(embeds, i, 1, axis=1),
      (position + i)[:, None],
      past=[past, Past(kv, in_cache)],
      sequence_length=length + i + 1,
    )
    kv = jax.tree.map(
      lambda cache, new: jax.lax.dynamic_update_slice_in_dim(
        cache, new, i, axis=2
      ),
      kv,
      out.kv,
    )
    scores = decoder.apply({'params': llm}, out.hidden[:, 0], method='logits')
    return kv, scores

  empty = KeyValues(*(jnp.zeros_like(x[:, :, :G]) for x in past.kv))
  _, scores = jax.lax.scan(step, empty, jnp.arange(G - 1))
  return jnp.concatenate([logits[:, None], jnp.swapaxes(scores, 0, 1)], 1)
