"""What a TimeChat's training begins with: sizes, tokenizers and weights."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.llm.decoder_config import NewWords
from vtg_jax.llm.vocabulary import rows_like
from vtg_jax.moments import relative_position
from vtg_jax.nn.positions import resize_nearest
from vtg_jax.systems.timechat.config import (
  PRESETS,
  SYSTEM,
  TimeChatConfig,
  small,
)
from vtg_jax.systems.timechat.image_encoder import (
  image_encoder_params,
  image_encoder_sizes,
)
from vtg_jax.systems.timechat.model import init_params
from vtg_jax.systems.timechat.time_formats import SECONDS, qformer_words
from vtg_jax.systems.timechat.time_grammar import single_digit_ids
from vtg_jax.systems.timechat.time_words import CODES
from vtg_jax.systems.training.starting_point import (
  StartingPoint,
  check_one_start,
  merged,
  stored_sizes,
)
from vtg_jax.systems.vocabularies import read_tokenizers, training_files

# Whose tokenizers the small model takes when it begins from nothing.
SHIPPED_TOKENIZERS = Path(__file__).parents[2] / 'checkpoints/timechat_small'
# What a checkpoint from before TimeChat's training need not have.
MAY_BE_NEW = (r'.*/lora_[ab]',)
# Whose rows change in number: frames, words of time, and rows of digits.
FRAME_POSITIONS = 'video_qformer/frame_positions'
QFORMER_WORDS = 'qformer/word_embeddings/embedding'
NEW_ROWS = {
  'llm/new_embed': 'llm/embed/embedding',
  'llm/new_head': 'llm/lm_head/kernel',
}
_N_DIGITS = len(relative_position.TOKENS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartConfig:
  """Where a run starts.

  Attributes:
    init_from: A checkpoint folder of ours; None for random weights.
    preset: Sizes to begin with when there is no checkpoint: 'full', 'start' or
      'small'.
    model: Entries of the sizes that differ from the checkpoint's or the
      preset's, nested as in config.json: {'llm': {'n_layers': 2}}. Positions of
      other many frames begin as those of the nearest ones.
    tokenizers: Folder with tokenizer.model and vocab.txt; when None, the
      checkpoint's own, or for the preset 'small' those of the small one.
    image_encoder: A folder of a CLIP of ours, whose image encoder the preset
      begins with in place of its own; None draws it.
    drawn: Patterns of parameters that are drawn anew, whatever the checkpoint
      has.
    digit_rows: The ten digits of places have rows of their own in the language
      model, `llm/new_embed` and `llm/new_head`, beside tables that may rest;
      they begin as those of plain digits.
  """

  init_from: str | None = None
  preset: str | None = None
  model: dict | None = None
  tokenizers: str | None = None
  image_encoder: str | None = None
  drawn: tuple[str, ...] = ()
  digit_rows: bool = False


def starting_point(
  config: StartConfig, *, qformer_time_format: str = SECONDS
) -> StartingPoint:
  """Reads what is small: sizes, and where the tokenizers are.

  Args:
    config: Where a run starts.
    qformer_time_format: That it trains with; 'relative_tokens' adds the ten
      digits to the image Q-Former's words, which begin as plain digits.

  Raises:
    BadInput: when something is missing or contradicts itself.
  """
  check_one_start(config.init_from, config.preset)
  seen = config.image_encoder
  if seen is not None and config.preset is None:
    raise BadInput(
      'start.image_encoder and start.init_from are both given, and the latter '
      'has an image encoder; give one of them'
    )
  shipped = SHIPPED_TOKENIZERS if config.preset == 'small' else None
  files = training_files(config.tokenizers, config.init_from or shipped)
  if config.init_from is not None:
    sizes = stored_sizes(config.init_from, SYSTEM)
  else:
    sizes = _preset(config, files).to_dict()
  if seen is not None:
    encoder = dataclasses.asdict(image_encoder_sizes(seen))
    sizes = merged(sizes, {'encoder': encoder})
  model = changed(sizes, config, qformer_time_format)
  return StartingPoint(
    model,
    files,
    init_params=init_params,
    folder=config.init_from,
    may_be_new=MAY_BE_NEW,
    renewed=config.drawn,
    adapt=functools.partial(adapted, model=model, files=files),
    parts=seen and functools.partial(image_encoder_params, seen),
  )


def changed(
  sizes: Mapping, config: StartConfig, qformer_time_format: str
) -> TimeChatConfig:
  """The sizes that a start makes of a checkpoint's or a preset's.

  Raises:
    BadInput: naming the entry that is unknown or mistyped.
  """
  old = TimeChatConfig.from_dict(sizes)
  llm, qformer = old.llm, old.qformer
  if config.digit_rows and llm.new_words is None:
    # Right behind the vocabulary stands the placeholder.
    new = NewWords(first=llm.vocab_size + 1, count=_N_DIGITS)
    llm = dataclasses.replace(llm, new_words=new)
  n_words = len(qformer_words(qformer_time_format))
  n_words -= len(qformer_words(old.qformer_time_format))
  if n_words > 0:
    qformer = dataclasses.replace(
      qformer, vocab_size=qformer.vocab_size + n_words
    )
  old = dataclasses.replace(old, llm=llm, qformer=qformer)
  return TimeChatConfig.from_dict(merged(old.to_dict(), config.model or {}))


def adapted(
  stored: Mapping[str, np.ndarray],
  seed: int,
  *,
  model: TimeChatConfig,
  files: Mapping[str, Path],
) -> dict[str, np.ndarray]:
  """A checkpoint's arrays for a network of other sizes; see `StartConfig`.

  Args:
    stored: Path -> array.
    seed: Draws nothing.
    model: The new sizes.
    files: The tokenizers; read where digits are new.

  Raises:
    BadInput: a tokenizer has no words for single digits.
  """
  del seed
  out = dict(stored)
  frames = out.get(FRAME_POSITIONS)
  n_frames = model.video_qformer.n_frames
  if frames is not None and len(frames) != n_frames:
    out[FRAME_POSITIONS] = np.asarray(resize_nearest(frames, n_frames))
  if model.llm.new_words is not None and not NEW_ROWS.keys() <= out.keys():
    like = _digits_of_language_model(files)
    embed, head = (out[path] for path in NEW_ROWS.values())
    rows = rows_like(embed, head, like)
    out |= {path: np.asarray(x) for path, x in zip(NEW_ROWS, rows, strict=True)}
  words = out.get(QFORMER_WORDS)
  if words is not None and model.qformer.vocab_size == len(words) + _N_DIGITS:
    like = _digits_of_qformer(files)
    out[QFORMER_WORDS] = np.concatenate([words, words[like]])
  return out


def _digits_of_language_model(files) -> list[int]:
  words, _ = read_tokenizers(files)
  return single_digit_ids(words) or _no_digits()


def _digits_of_qformer(files) -> list[int]:
  _, own = read_tokenizers(files)
  ids = [own.encode(str(digit), max_length=4)[1:-1] for digit in range(10)]
  if any(len(one) != 1 or own.unk_id in one for one in ids):
    _no_digits()
  return [one[0] for one in ids]


def _no_digits():
  raise BadInput(
    'a tokenizer of this model has no words for single digits, which those of '
    'places begin as; use start.digit_rows=false, and another '
    'data.qformer_time_format than relative_tokens'
  )


def _preset(config: StartConfig, files) -> TimeChatConfig:
  name = config.preset
  if name in PRESETS:
    return PRESETS[name]()
  if name != 'small':
    raise BadInput(
      f'start.preset is {name!r}; use one of {", ".join(PRESETS)}, small'
    )
  words, own = read_tokenizers(files)
  # Without rows of their own, all words are in one table.
  n_added = 0 if config.digit_rows else len(CODES.added_words)
  return small(
    vocab_size=words.vocab_size + n_added, bert_vocab_size=own.vocab_size
  )
