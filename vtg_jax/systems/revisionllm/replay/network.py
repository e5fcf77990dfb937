"""What our network computes from the inputs of a golden set."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.adapters.hierarchy import SELECTIONS
from vtg_jax.decode.greedy import GreedyConfig
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.replay.steps import step_logits
from vtg_jax.systems.revisionllm import asking, prompt
from vtg_jax.systems.revisionllm.config import ReVisionLlmConfig
from vtg_jax.systems.revisionllm.model import LORAS, ReVisionLlm, merged, worn
from vtg_jax.systems.revisionllm.replay.golden_set import GoldenSet
from vtg_jax.systems.revisionllm.rows import Rows, lay_out
from vtg_jax.train.loss import next_token_loss

# Of a generation whose name does not say how long it may be.
USUAL_NEW_TOKENS = 14
# Adapter of the language model in each part of the set, where it wears one.
LORA_OF = {'dense': 'dense', 'sparse1': 'dense', 'hier': 'long'}


class Network(NamedTuple):
  """The network with one adapter, folded in or beside, or with none."""

  model: ReVisionLlm
  params: dict[str, Any]


class Generation(NamedTuple):
  """What was written.

  Attributes:
    ids: [B G], as long as the longest row.
    step_logits: [B G V], of each step, all rows fed what they wrote.
    entropies: [B G], as the compiled loop kept them.
    length: [B], steps of each row up to its end.
  """

  ids: np.ndarray
  step_logits: np.ndarray
  entropies: np.ndarray
  length: np.ndarray


@functools.cache
def _compiled(model: ReVisionLlm, method: str, options: tuple):
  return jax.jit(
    lambda params, *args: model.apply(
      {'params': params}, *args, method=method, **dict(options)
    )
  )


@functools.cache
def _writing(model: ReVisionLlm, greedy: GreedyConfig):
  return jax.jit(
    lambda params, *rows: asking.write_answers(model, params, *rows, greedy)
  )


def _rounded(n: int, step: int = 128) -> int:
  """A length that all rows of about this length share."""
  return -(-n // step) * step


class Replayed:
  """The set's parts by name, each computed once.

  Attributes:
    golden: The set.
    inputs: Its inputs.
  """

  def __init__(self, golden: GoldenSet):
    self.golden, self.inputs = golden, golden.inputs

  @property
  def config(self) -> ReVisionLlmConfig:
    return self.golden.config

  @functools.cache  # noqa: B019
  def network(self, lora: str | None, *, fold: bool = False) -> Network:
    """The network that wears an adapter, or none."""
    params = self.golden.params
    if lora is not None and lora not in params.get(LORAS, {}):
      raise KeyError(f'the set has no adapter {lora!r}')
    if lora is None or not fold:
      model = ReVisionLlm(self.config, Compute(), lora is not None)
      return Network(model, worn(params, lora))
    model = ReVisionLlm(self.config, Compute(), False)
    return Network(model, merged(self.config, params, lora))

  def apply(self, network: Network, method, *args, **options):
    """One stage of the network, compiled once per shape and options."""
    told = tuple(sorted(options.items()))
    return _compiled(network.model, method, told)(network.params, *args)

  # The encoder of windows.

  def words(self, part: str):
    """Features of the words of a part's queries, and which are real."""
    return (
      jnp.asarray(self.inputs[f'{part}/query_tokens']),
      jnp.asarray(self.inputs[f'{part}/query_mask']) > 0,
    )

  @functools.cached_property
  def encoded(self):
    """The dense windows through the encoder, by what is selected.

    Returns:
      Selection -> output, and who looked at what in the last layers.
    """
    model, params = self.network(None)

    @jax.jit
    def encode(params, *inputs):
      return {
        select: model.apply(
          {'params': params},
          *inputs,
          method='encode_windows',
          select=select,
          mutable='intermediates',
        )
        for select in SELECTIONS
      }

    features = jnp.asarray(self.inputs['dense/features'])
    out = encode(params, features, *self.words('dense'))
    seen = out['all'][1]['intermediates']['clip_encoder']['self_layers']
    return {select: made for select, (made, _) in out.items()}, seen

  def encoded_without_text(self):
    """The window's row of the dense windows, whatever is asked for."""
    return self.apply(
      self.network(None),
      'encode_windows',
      jnp.asarray(self.inputs['dense/features']),
      *self.words('dense'),
      use_text=False,
    ).rows

  def token_attention(self):
    """[L B F]: how much of the window's row each frame is, of all heads."""
    _, seen = self.encoded
    (q,), (k,) = (seen['attention'][name] for name in ('q', 'k'))
    scores = jnp.einsum('lbnh,lbsnh->lbns', q[:, :, 0], k)
    p = jax.nn.softmax(scores * q.shape[-1] ** -0.5, axis=-1)
    return p.mean(2)[..., 1:]

  @functools.cached_property
  def window_rows(self):
    """[B R E]: rows of the windows of the sparse samples."""
    features = jnp.asarray(self.inputs['hier/features'])
    return self.apply(
      self.network(None), 'window_rows', features, *self.words('hier')
    )

  @functools.cache  # noqa: B019
  def visual(self, part: str):
    """The rows that stand for the video in a part of the set."""
    if part == 'hier':
      return self.window_rows
    if part == 'sparse1':
      return self.encoded[0]['cls'].rows
    features = jnp.asarray(self.inputs['dense/features'])
    return self.apply(self.network(None), 'dense_rows', features)

  # Rows.

  def rows(self, part: str, **options) -> Rows:
    """A part's rows, its video among them.

    Args:
      part: 'dense', 'hier', 'sparse1', or 'novideo'.
      **options: Of `lay_out`.
    """
    given = 'hier' if part == 'hier' else 'dense'
    own = f'{part}/input_ids'
    ids = self.inputs[own if own in self.inputs else f'{given}/input_ids']
    mask = self.inputs[f'{given}/attention_mask'].astype(bool)
    labels = self.inputs[f'{given}/labels']
    visual = self.visual('dense' if part == 'novideo' else part)
    return lay_out(
      [row[real] for row, real in zip(ids, mask, strict=True)],
      visual.shape[1],
      [row[real] for row, real in zip(labels, mask, strict=True)],
      **options,
    )

  def embeds(self, part: str, **options):
    """[B T E]: a part's embedded rows."""
    rows = self.rows(part, **options)
    visual = self.visual('dense' if part == 'novideo' else part)
    return self.apply(
      self.network(None), 'embed_rows', rows.input_ids, rows.places, visual
    )

  @functools.cache  # noqa: B019
  def states(self, part: str, kind: str = 'lora'):
    """[B T E]: final states of a part's rows; kind 'base', 'lora', 'merged'."""
    T = self.rows(part).input_ids.shape[1]
    rows = self.rows(part, pad_to=_rounded(T))
    states = self.apply(
      self._network_of(part, kind),
      'row_states',
      self.embeds(part, pad_to=_rounded(T)),
      rows.attention_mask,
    )
    return states[:, :T]  # nobody looks at padding behind it

  @functools.cache  # noqa: B019
  def logits(self, part: str, kind: str = 'lora') -> np.ndarray:
    """[B T V]: scores of a part's rows."""
    network = self._network_of(part, kind)
    return np.asarray(self.apply(network, 'logits', self.states(part, kind)))

  def loss(self, part: str, kind: str = 'lora'):
    """Mean over the labelled tokens of a part."""
    labels = jnp.asarray(self.rows(part).labels)
    logits = jnp.asarray(self.logits(part, kind))
    return next_token_loss(logits, labels, ignore=prompt.IGNORE)

  def labelled_logits(self, part: str, kind: str) -> np.ndarray:
    """[N V]: scores at the places of the labels, not before them."""
    is_labelled = self.rows(part).labels != prompt.IGNORE
    return self.logits(part, kind)[is_labelled]

  def _network_of(self, part: str, kind: str) -> Network:
    lora = None if kind == 'base' else LORA_OF[part]
    return self.network(lora, fold=kind == 'merged')

  # Generation.

  def _shown(self, window: int | None, zoom: int | None):
    """The rows of the video that a generation is shown."""
    if zoom is None:
      rows = self.visual('dense')
      return rows if window is None else rows[window : window + 1]
    features = self.inputs['hier/features'][0]
    features = np.repeat(features[: len(features) // zoom], zoom, axis=0)
    text, mask = self.words('hier')
    n_words = int(mask[0].sum())
    return self.apply(
      self.network(None),
      'window_rows',
      jnp.asarray(features)[None],
      text[:1, :n_words],
      mask[:1, :n_words],
    )

  @functools.cache  # noqa: B019
  def generation(
    self,
    name: str,
    *,
    window: int | None,
    zoom: int | None,
    max_new_tokens: int | None,
  ) -> Generation:
    """What is written after a recorded prompt.

    Args:
      name: Of the generation.
      window: The one shown of the dense windows; None for all, a row each.
      zoom: How often each of the first sparse windows is repeated; None for
        the dense level.
      max_new_tokens: Most that are written; None where the name does not say.
    """
    visual = self._shown(window, zoom)
    rows = self._prompt_rows(name, visual)
    network = self.network('dense' if zoom is None else 'long', fold=True)
    embeds = self.apply(
      network, 'embed_rows', rows.input_ids, rows.places, visual
    )
    most = max_new_tokens or self._usual_length(name)
    about = self.golden.description['llama']
    greedy = GreedyConfig(
      max_new_tokens=_rounded(most, 32),  # what is beyond `most` is cut off
      eos_id=about['eos_token_id'],
      stop_ids=(),
      pad_id=about['pad_token_id'],
    )
    out = _writing(network.model, greedy)(
      network.params, embeds, rows.attention_mask, rows.positions
    )
    length = np.minimum(out.length, most)
    n = int(length.max())
    ids = np.asarray(out.ids)
    scores = step_logits(
      functools.partial(self.apply, network), embeds, rows.attention_mask, ids
    )
    return Generation(
      ids[:, :n], scores[:, :n], np.asarray(out.watched)[:, :n], length
    )

  def _prompt_rows(self, name: str, visual) -> Rows:
    """The prompts, padded on the left so that few shapes are compiled."""
    ids = self.inputs[f'{name}/prompt_ids']
    if len(ids) != len(visual):
      raise ValueError(f'{len(ids)} prompts of {name} for {len(visual)} videos')
    n_visual = visual.shape[1]
    longest = max(
      sum(lay_out([row], n_visual).attention_mask[0]) for row in ids
    )
    return lay_out(ids, n_visual, side='left', pad_to=_rounded(longest))

  def _usual_length(self, name: str) -> int:
    recorded = self.golden.recorded.get(f'{name}/generated_ids')
    return USUAL_NEW_TOKENS if recorded is None else recorded.shape[1]
