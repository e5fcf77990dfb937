"""What our modules compute from the inputs of a HawkEye golden folder."""

import dataclasses
import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from vtg_jax.convert import checkpoint
from vtg_jax.convert.engine import plan
from vtg_jax.convert.readers import open_source
from vtg_jax.decode.greedy import GreedyConfig, decode_greedily
from vtg_jax.encoders.umt import Umt
from vtg_jax.llm.decoder import Decoder, Past
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.config_json import reading_sizes
from vtg_jax.systems.hawkeye import prompt, release
from vtg_jax.systems.hawkeye.model import HawkEye
from vtg_jax.systems.hawkeye.rows import (
  IGNORE,
  TrainingRows,
  split_at_video,
  training_rows,
)
from vtg_jax.systems.replay.arrays import load_arrays
from vtg_jax.systems.replay.golden_weights import (
  read_params,
  released_tensors,
  without_lora,
)
from vtg_jax.systems.vocabularies import read_tokenizers, tokenizer_files
from vtg_jax.train.loss import next_token_loss

# The promptless generation of the goldens stops here; the file does not say.
NOPROMPT_NEW_TOKENS = 12


class GoldenSet:
  """A golden folder, opened: configuration, weights, inputs, tokenizers.

  Attributes:
    description: Its config.json.
    config: The sizes, as ours.
    inputs: Its inputs.npz.
    params: Its weights, in our tree.
    tokenizer: Of the language model.
    bert: Of the Q-Former.
  """

  def __init__(self, folder: Path):
    file = folder / 'config.json'
    self.description = checkpoint.read_json(file)
    with reading_sizes(file):
      self.config = release.config_of_golden(self.description)
    self.table = release.table(self.config)
    self.inputs = load_arrays(folder / 'inputs.npz')
    self.params = read_params(
      plan(
        [open_source(folder / 'weights.safetensors')],
        self.table,
        release.expected_params(self.config),
      )
    )
    self.tokenizer, self.bert = read_tokenizers(tokenizer_files([folder], []))
    self.model = HawkEye(self.config, Compute())

  def apply(self, method, *args, params=None):
    """One stage of the network, compiled once per shape."""
    return self._compiled(method)(
      self.params if params is None else params, *args
    )

  @functools.cache  # noqa: B019
  def _compiled(self, method):
    return jax.jit(
      lambda params, *args: self.model.apply(
        {'params': params}, *args, method=method
      )
    )

  # What the network sees.

  def frames(self, name: str):
    """An input video, channels last."""
    return jnp.moveaxis(jnp.asarray(self.inputs[name]), 2, -1)

  @functools.cached_property
  def seen(self):
    """Features and encoder states of `video`."""
    return self.apply('encode_video', self.frames('video'))

  @functools.cached_property
  def seen_image(self):
    """The same of `image`."""
    return self.apply('encode_video', self.frames('image'))

  @functools.cached_property
  def alt_encoder(self):
    """The encoder's config at the second geometry."""
    alt = self.description['dims']['alt']
    return dataclasses.replace(self.config.encoder, image_size=alt['img'])

  @functools.cached_property
  def seen_alt(self):
    """Encoder states of `alt_video`."""
    encoder = Umt(self.alt_encoder, Compute())
    variables = {'params': self.params['encoder']}
    return jax.jit(encoder.apply)(variables, self.frames('alt_video'))

  def instruction(self, text: str) -> list[int]:
    return self.bert.encode(text, max_length=self.config.max_instruction_tokens)

  def texts(self, case: str) -> list[str]:
    """The conversations of a training case, by its name."""
    about = self.description
    spoken = about['conversations']
    match case:
      case 'train':
        return [spoken[i] for i in about['train_samples']]
      case 'multi' | 'trunc':
        return [spoken[about[f'{case}_sample']]]
      case 'plain':
        return [about['plain_text']]
      case 'image':
        return [about['image_conversation'][0]]
    raise KeyError(f'no training case is called {case!r}')

  def padded_instructions(self, texts) -> list[list[int]]:
    """Several instructions, padded on the right to the longest."""
    ids = [self.instruction(text) for text in texts]
    longest = max(map(len, ids))
    pad = self.bert.pad_id
    return [row + [pad] * (longest - len(row)) for row in ids]

  def video_tokens(self, features, text: str, params=None):
    """Projected rows of features under one instruction."""
    ids = jnp.asarray([self.instruction(text)])
    return self.apply(
      'video_tokens', features, ids, jnp.ones_like(ids, bool), params=params
    )[0]

  @functools.cached_property
  def qformer(self):
    """Projected rows and Q-Former states of the training batch."""
    ids, mask = self._batch_instructions()
    return self.apply('video_tokens', self.seen[0], ids, mask)

  def _batch_instructions(self):
    ids = jnp.asarray(self.inputs['qformer_input_ids'])
    mask = jnp.asarray(self.inputs['qformer_text_attention_mask'])
    return ids, mask.astype(bool)

  # Training rows.

  def rows(self, texts, max_text_tokens: int | None = None) -> TrainingRows:
    return training_rows(
      self.tokenizer,
      texts,
      n_video=self.config.qformer.n_tokens,
      max_text_tokens=max_text_tokens or self.config.max_text_tokens,
      pad_id=self.config.pad_id,
    )

  def halves(self, text: str) -> tuple[list[int], list[int]]:
    """Ids of a conversation before and from the video's end tag on."""
    before, after = split_at_video(text)
    return self.tokenizer.encode(before), self.tokenizer.encode(after)

  def score(self, rows: TrainingRows, video_tokens, params=None):
    """Embedded rows, logits and loss."""
    embeds = self.apply(
      'training_inputs',
      rows.input_ids,
      video_tokens,
      rows.video_start,
      params=params,
    )
    logits = self.apply(
      'score_rows', embeds, rows.attention_mask, params=params
    )
    labels = jnp.asarray(rows.labels)
    loss = next_token_loss(logits, labels, ignore=IGNORE)
    return embeds, logits, loss

  @functools.cached_property
  def train_rows(self) -> TrainingRows:
    return self.rows(self.texts('train'))

  @functools.cached_property
  def trained(self):
    """Embeds, logits, loss and gradients of the training batch."""
    ids, mask = self._batch_instructions()

    def loss(params):
      tokens, _ = self.apply(
        'video_tokens', self.seen[0], ids, mask, params=params
      )
      embeds, logits, loss = self.score(self.train_rows, tokens, params)
      return loss, (embeds, logits)

    return jax.jit(jax.value_and_grad(loss, has_aux=True))(self.params)

  @functools.cached_property
  def gradients(self) -> dict[str, np.ndarray]:
    """Gradients of the training loss under the released key names."""
    return released_tensors(self.trained[1], self.table)

  def scored_alone(self, sample: int, *, lora: bool):
    """Logits and loss of one sample of the training batch, without padding."""
    params = self.params
    if not lora:
      params = without_lora(params)
    index = self.description['train_samples'][sample]
    rows = self.rows([self.description['conversations'][index]])
    tokens = self.qformer[0][sample : sample + 1]
    _, logits, loss = self.score(rows, tokens, params)
    return logits, loss

  @functools.cache  # noqa: B019
  def conversation(self, name: str):
    """Rows, logits and loss of the single-row training cases."""
    about = self.description
    features, limit, instruction = self.seen[0][:1], None, ''
    match name:
      case 'multi' | 'trunc':
        instruction = about['instructions'][about[f'{name}_sample']]
      case 'image':
        instruction = about['image_conversation'][1]
        features = self.seen_image[0]
    if name == 'trunc':
      limit = about['truncation_case_max_txt_len']
    rows = self.rows(self.texts(name), limit)
    tokens = self.video_tokens(features, instruction)
    _, logits, loss = self.score(rows, tokens)
    return rows, logits, loss

  # Generation.

  @property
  def prompts(self) -> dict[str, str]:
    """Prompts given as text."""
    return self.description.get('prompts', {})

  def prompt_segments(self, name: str) -> tuple[list[int], list[int]]:
    """Ids before and after the video."""
    if name in self.prompts:
      text = self.prompts[name]
      before, after = text.split(prompt.GROUNDING.video_slot)
      return self.tokenizer.encode(before, bos=True), self.tokenizer.encode(
        after
      )
    return tuple(self.inputs[f'{name}_seg{i}_ids'].tolist() for i in (0, 1))

  def prompt_video_tokens(self, name: str):
    """The video under the instruction that goes with a prompt."""
    features = self.seen[0][:1]
    if name not in self.prompts:
      return self.qformer[0][:1]
    turns = self.prompts[name].split(prompt.SEPARATOR)
    instruction = turns[0]
    if name.endswith('_sysq'):
      question = turns[2].removeprefix(f'{prompt.HUMAN}: ')
      instruction = question.split(prompt.GROUNDING.question_suffix)[0]
    return self.video_tokens(features, instruction)

  @functools.cache  # noqa: B019
  def prefilled(self, name: str, last: int = 1):
    """Keys and values of a prompt, and its `last` logits."""
    before, after = self.prompt_segments(name)
    embeds = jnp.concatenate(
      [
        self.apply('embed_tokens', jnp.asarray([before])),
        self.prompt_video_tokens(name),
        self.apply('embed_tokens', jnp.asarray([after])),
      ],
      axis=1,
    )
    out = self.apply('decode', embeds, jnp.arange(embeds.shape[1])[None])
    return out.kv, self.apply('logits', out.hidden[:, -last:])

  def generate(self, name: str, *, max_new_tokens: int, stop_ids) -> list[int]:
    """The generated row: a BOS that was never fed, then the new tokens."""
    kv, logits = self.prefilled(name)
    length = kv.k.shape[2]
    config = GreedyConfig(
      max_new_tokens=max_new_tokens,
      eos_id=self.description['llm']['eos'],
      stop_ids=tuple(map(tuple, stop_ids)),
      pad_id=self.config.pad_id,
    )
    decoder = Decoder(self.config.llm, Compute())
    past = [Past(kv, jnp.ones((1, 1, length), bool))]
    out = jax.jit(lambda *args: decode_greedily(decoder, *args, config=config))(
      self.params['llm'], past, logits[:, -1], jnp.full((1,), length)
    )
    new = np.asarray(out.ids[0, : out.length[0]]).tolist()
    return [self.description['llm']['bos'], *new]

  @functools.cache  # noqa: B019
  def generated(self, name: str) -> list[int]:
    """The row of a named generation."""
    known = self.description.get('generation', {}).get(name, {})
    if 'stop_ids' in known:
      first = next(iter(self.prompts))
      limit = self._max_new_tokens(first)
      return self.generate(
        first, max_new_tokens=limit, stop_ids=known['stop_ids']
      )
    return self.generate(
      name,
      max_new_tokens=self._max_new_tokens(name),
      stop_ids=self.config.stop_ids,
    )

  def _max_new_tokens(self, name):
    known = self.description.get('generation', {}).get(name, {})
    kwargs = known.get('kwargs', {})
    return kwargs.get('max_new_tokens', NOPROMPT_NEW_TOKENS)

  def reply(self, name: str) -> str:
    """The text a generation is read as; without a prompt it is left raw."""
    text = self.tokenizer.decode(prompt.reply_ids(self.generated(name)))
    if name not in self.prompts:
      return text
    return prompt.reply_text(text, return_prompt=prompt.GROUNDING.return_prompt)
