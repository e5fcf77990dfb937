"""What our network computes from the inputs of a golden set."""

import functools
import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from input_pipeline.pixels import normalise
from vtg_jax.decode.greedy import GreedyConfig
from vtg_jax.decode.padded_rows import write_after_rows
from vtg_jax.llm.decoder import Decoder
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.replay.golden_weights import (
  released_tensors,
  without_lora,
)
from vtg_jax.systems.replay.steps import step_logits
from vtg_jax.systems.timechat.config import TimeChatConfig
from vtg_jax.systems.timechat.ids import IGNORE, PAD_ID
from vtg_jax.systems.timechat.model import TimeChat
from vtg_jax.systems.timechat.replay.golden_set import GoldenSet
from vtg_jax.systems.timechat.rows import Rows, lay_out
from vtg_jax.train.loss import next_token_loss

# Of a generation whose length nothing tells.
USUAL_NEW_TOKENS = 12
_EOS_ID = 2


class Video(NamedTuple):
  """Videos of as many frames, encoded together, with their times' words.

  Attributes:
    pixels: Normalised.
    time_ids: See `TimeChat.frame_rows`.
    time_mask: See there.
  """

  pixels: Float[Array, 'B F h w C']
  time_ids: Int[Array, 'B F T']
  time_mask: Bool[Array, 'B F T']


class Seen(NamedTuple):
  """What the network makes of videos, step by step.

  Attributes:
    encoded: Of the image encoder.
    features: After the norm.
    rows: Of the image Q-Former.
    positioned: The same, told where in the video they are.
    queries: Of the video Q-Former.
    tokens: For the language model.
  """

  encoded: Float[Array, 'B F P D']
  features: Float[Array, 'B F P D']
  rows: Float[Array, 'B F R D']
  positioned: Float[Array, 'B F R D']
  queries: Float[Array, 'B Q D']
  tokens: Float[Array, 'B Q E']


class Trained(NamedTuple):
  """One pass over a batch of training rows.

  Attributes:
    loss: Mean over the labelled tokens.
    embeds: What the language model was fed.
    logits: Its scores.
    gradients: Of the loss, under the released key names.
  """

  loss: Float[Array, '']
  embeds: Float[Array, 'B T E']
  logits: Float[Array, 'B T V']
  gradients: dict[str, np.ndarray]


class Generation(NamedTuple):
  """What was written.

  Attributes:
    ids: [B G], as long as the longest row.
    step_logits: [B G V], of each step, all rows fed what they wrote.
  """

  ids: np.ndarray
  step_logits: np.ndarray


def _see(model: TimeChat, pixels, time_ids, time_mask) -> Seen:
  """All steps from pixels to the tokens of videos."""
  features, encoded = model.encode_frames(pixels)
  rows = model.frame_rows(features, time_ids, time_mask)
  tokens, out = model.watch(rows)
  return Seen(encoded, features, rows, out.positioned, out.queries, tokens)


def _tokens(model: TimeChat, features, time_ids, time_mask):
  """The tokens of videos, from what is frozen."""
  return model.watch(model.frame_rows(features, time_ids, time_mask))[0]


class Replayed:
  """The set's parts by name, each computed once.

  Attributes:
    golden: The set.
    inputs: Its inputs.
    model: The network.
  """

  def __init__(self, golden: GoldenSet):
    self.golden, self.inputs = golden, golden.inputs
    self.model = TimeChat(golden.config, Compute())

  @property
  def config(self) -> TimeChatConfig:
    return self.golden.config

  def params(self, *, lora: bool) -> dict:
    """The parameters, with the adapter or with one that adds nothing."""
    params = self.golden.params
    return params if lora else without_lora(params)

  @functools.cache  # noqa: B019
  def _compiled(self, method):
    return jax.jit(
      lambda params, *args: self.model.apply(
        {'params': params}, *args, method=method
      )
    )

  def apply(self, method, *args, lora: bool = True):
    """One stage of the network, compiled once per shape."""
    return self._compiled(method)(self.params(lora=lora), *args)

  # Videos.

  def parts(self) -> list[str]:
    """Names of the parts that have videos: 'eval', 'train', 'trainlist'."""
    found = (
      re.fullmatch(r'(\w+?)_(?:pixel_values|frames_uint8)(?:_\d+)?', name)
      for name in self.inputs
    )
    return list(dict.fromkeys(match[1] for match in found if match))

  def pixels(self, part: str) -> Float[np.ndarray, 'B F h w C']:
    """A part's raw frames as the encoder is shown them."""
    return normalise(self.inputs[f'{part}_frames_uint8'])

  @functools.cache  # noqa: B019
  def videos(self, part: str) -> list[Video]:
    """Videos of a part: all in one, or one by one where they differ."""
    numbered = sorted(
      int(match[1])
      for name in self.inputs
      if (match := re.fullmatch(rf'{part}_pixel_values_(\d+)', name))
    )
    if numbered:
      return [
        self._video(self.inputs[f'{part}_pixel_values_{i}'][None], part, i)
        for i in numbered
      ]
    if f'{part}_pixel_values' not in self.inputs:
      pixels = self.pixels(part)
      return [self._video(np.moveaxis(pixels, -1, 1), part, None)]
    return [self._video(self.inputs[f'{part}_pixel_values'], part, None)]

  def _video(self, pixels, part: str, number: int | None) -> Video:
    """Pixels [B C F h w] with the times' words that go with them."""
    end = '' if number is None else f'_{number}'
    B, _, F = pixels.shape[:3]
    ids, mask = (
      self.inputs[f'{part}_ts_{name}{end}'].reshape(B, F, -1)
      for name in ('input_ids', 'attention_mask')
    )
    pixels = jnp.moveaxis(jnp.asarray(pixels), 1, -1)
    return Video(pixels, jnp.asarray(ids), jnp.asarray(mask > 0))

  @functools.cache  # noqa: B019
  def seen(self, part: str, number: int = 0) -> Seen:
    """What the network makes of the videos of a part.

    Args:
      part: Its name.
      number: Which of them, where each is encoded alone.
    """
    return self.apply(_see, *self.videos(part)[number])

  # Rows.

  @functools.cache  # noqa: B019
  def rows(self, part: str) -> Rows:
    """A part's rows: prompts padded on the left, or given training rows."""
    video_id = self.golden.video_id
    if f'{part}_input_ids' in self.inputs:
      ids = self.inputs[f'{part}_input_ids']
      mask = self.inputs[f'{part}_attention_mask'] > 0
      real = [row[on] for row, on in zip(ids, mask, strict=True)]
      return lay_out(real, video_id, pad_to=ids.shape[1])
    n = self.seen(part).tokens.shape[1]
    ids = []
    while (name := f'{part}_prompt_before_ids_{len(ids)}') in self.inputs:
      after = self.inputs[name.replace('before', 'after')]
      ids.append([*self.inputs[name], *[video_id] * n, *after])
    return lay_out(ids, video_id, side='left')

  @functools.cached_property
  def prompt_embeds(self):
    """[B T E]: the embedded prompts."""
    rows = self.rows('eval')
    tokens = self.seen('eval').tokens
    return self.apply('embed_rows', rows.input_ids, rows.places, tokens)

  @functools.cache  # noqa: B019
  def prompt_logits(self, *, lora: bool) -> np.ndarray:
    """[B T V]: scores of the prompts, 0 on padding."""
    rows = self.rows('eval')
    states = self.apply(
      'row_states',
      self.prompt_embeds,
      rows.attention_mask,
      rows.positions,
      lora=lora,
    )
    logits = self.apply('logits', states)
    return np.where(rows.attention_mask[..., None], logits, 0)

  # Training.

  @functools.cache  # noqa: B019
  def _training(self, part: str):
    """Parameters -> loss and what led to it, and gradients; compiled."""
    ids, places, mask, _ = map(jnp.asarray, self.rows(part))
    labels = jnp.asarray(self.inputs[f'{part}_labels'])
    videos = self.videos(part)
    features = [self.seen(part, i).features for i in range(len(videos))]

    def run(params, features):
      def apply(method, *args):
        return self.model.apply({'params': params}, *args, method=method)

      tokens = [
        apply(_tokens, of_one, video.time_ids, video.time_mask)
        for of_one, video in zip(features, videos, strict=True)
      ]
      longest = max(one.shape[1] for one in tokens)
      tokens = jnp.concatenate(
        [
          jnp.pad(one, [(0, 0), (0, longest - one.shape[1]), (0, 0)])
          for one in tokens
        ]
      )
      embeds = apply('embed_rows', ids, places, tokens)
      states = apply('row_states', embeds, mask)
      logits = apply('logits', states)
      loss = next_token_loss(logits, labels, ignore=IGNORE)
      return loss, (embeds, logits)

    graded = jax.jit(jax.value_and_grad(run, has_aux=True))
    return lambda params: graded(params, features)

  @functools.cache  # noqa: B019
  def trained(self, part: str, *, lora: bool = True) -> Trained:
    """A part's training batch, with the adapter or without."""
    (loss, (embeds, logits)), gradients = self._training(part)(
      self.params(lora=lora)
    )
    return Trained(
      loss, embeds, logits, released_tensors(gradients, self.golden.table)
    )

  # Generation.

  @functools.cached_property
  def generation(self) -> Generation:
    """What is written after the prompts."""
    about = self.golden.description.get('eval', {})
    greedy = GreedyConfig(
      max_new_tokens=about.get('max_new_tokens', USUAL_NEW_TOKENS),
      eos_id=_EOS_ID,
      stop_ids=(),
      pad_id=self.golden.description.get('llama_pad_token_id', PAD_ID),
    )
    rows = self.rows('eval')
    decoder = Decoder(self.config.llm, Compute())
    write = jax.jit(functools.partial(write_after_rows, decoder, greedy=greedy))
    out = write(
      self.golden.params['llm'],
      self.prompt_embeds,
      jnp.asarray(rows.attention_mask),
      rows.positions,
    )
    ids = np.asarray(out.ids)[:, : int(out.length.max())]
    return Generation(
      ids,
      step_logits(self.apply, self.prompt_embeds, rows.attention_mask, ids),
    )
