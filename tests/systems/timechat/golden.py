"""TimeChat's golden folder, and folders of other sizes made after it."""

import json
from pathlib import Path

import numpy as np

from input_pipeline.pixels import normalise
from tests.systems import golden_folder
from vtg_jax.convert.readers import open_source
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.replay.golden_weights import released_tensors
from vtg_jax.systems.timechat import chat, prompt, release
from vtg_jax.systems.timechat.ids import PAD_ID
from vtg_jax.systems.timechat.model import param_shapes

GOLDEN = Path(__file__).parents[2] / 'golden' / 'timechat'
TOLD = json.loads((GOLDEN / 'config.json').read_text('utf-8'))
TOKENIZERS = ('llama_tokenizer.model', 'bert_vocab.txt')
LLM = 'llama_model.base_model.model.'


def weights() -> dict[str, np.ndarray]:
  """Every tensor of the set, in its order."""
  source = open_source(GOLDEN / 'weights.safetensors')
  return {key: source.read(key) for key in source.tensors}


def tokenizer() -> SentencePieceTokenizer:
  """Of the language model."""
  return SentencePieceTokenizer(
    GOLDEN / 'llama_tokenizer.model', **prompt.TOKENIZER_OPTIONS
  )


def resized(
  folder: Path, *, n_videos: int, n_frames: int, **changes
) -> tuple[Path, release.TimeChatConfig]:
  """A set of other sizes with random weights, no record and no texts.

  Args:
    folder: The new one.
    n_videos: That are evaluated together.
    n_frames: Of each.
    **changes: Of the entries of config.json; those of tables are laid over.
  """
  told = TOLD | {
    name: TOLD[name] | value if isinstance(value, dict) else value
    for name, value in changes.items()
  }
  config = release.config_of_golden(told)
  params = golden_folder.random_params(param_shapes(config))
  golden_folder.write(
    folder,
    GOLDEN,
    told,
    _inputs(told, config, n_videos, n_frames),
    weights=released_tensors(params, release.table(config)),
    files=TOKENIZERS,
  )
  return folder, config


def _inputs(told, config, n_videos, n_frames) -> dict[str, np.ndarray]:
  """Evaluated videos, and two training rows of videos of several lengths."""
  words, rng = tokenizer(), np.random.default_rng(2)
  size = config.encoder.image_size

  def pixels(*shape):
    raw = rng.integers(0, 256, (*shape, size, size, 3), np.uint8)
    return raw, np.moveaxis(normalise(raw), -1, len(shape) - 1)

  def times(n, longest):
    ids = rng.integers(1, config.qformer.vocab_size, (n, longest), np.int32)
    mask = np.ones_like(ids)
    mask[0, longest - 1] = 0
    return ids, mask

  raw, seen = pixels(n_videos, n_frames)
  made = {'eval_frames_uint8': raw, 'eval_pixel_values': seen}
  made['eval_ts_input_ids'], made['eval_ts_attention_mask'] = times(
    n_videos * n_frames, 4
  )
  for i in range(n_videos):
    text = chat.asked('person takes a cup' * (i + 1), 'The video. ')
    before, after = prompt.prompt_ids(words, text)
    made[f'eval_prompt_before_ids_{i}'] = np.array(before, np.int32)
    made[f'eval_prompt_after_ids_{i}'] = np.array(after, np.int32)
  rows = []
  for i, n in enumerate((1, n_frames)):
    _, seen = pixels(n)
    made[f'trainlist_pixel_values_{i}'] = seen
    ids, mask = times(n, 3 + i)
    made[f'trainlist_ts_input_ids_{i}'] = ids
    made[f'trainlist_ts_attention_mask_{i}'] = mask
    text = chat.learnt_text(
      [('describe.', 'a cup.')] * (i + 1),
      'The video. ',
      n_placeholders=config.video_qformer.n_tokens(n),
    )
    rows.append(prompt.learnt_rows(words, text, most=200))
  longest = max(len(ids) for ids, _ in rows)

  def filled(row, fill):
    return row + [fill] * (longest - len(row))

  made['trainlist_input_ids'] = np.array(
    [filled(row, PAD_ID) for row, _ in rows], np.int32
  )
  made['trainlist_labels'] = np.array(
    [filled(labels, prompt.IGNORE) for _, labels in rows], np.int32
  )
  made['trainlist_attention_mask'] = (made['trainlist_input_ids'] != 0) * 1
  return made
