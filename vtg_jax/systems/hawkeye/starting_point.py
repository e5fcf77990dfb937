"""What a training run begins with: sizes, tokenizers and weights."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import jax
import numpy as np

from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.stored_params import StoredParams
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.config import PRESETS, HawkEyeConfig, small
from vtg_jax.systems.hawkeye.grounder import (
  EXTRA_TOKENS,
  TOKENIZER,
  VOCABULARY,
)
from vtg_jax.systems.hawkeye.model import init_params, param_shapes
from vtg_jax.systems.hawkeye.release import TOKENIZER_NAMES, VOCABULARY_NAMES
from vtg_jax.systems.registry import SHIPPED

# Parameters that a checkpoint of an earlier stage need not have.
MAY_BE_NEW = r'.*/lora_[ab]'
PROJECTOR = r'projector/.*'


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartConfig:
  """Where a run starts.

  Attributes:
    init_from: A checkpoint folder of ours; None for random weights.
    preset: Sizes to begin with when there is no checkpoint: 'full', 'stage2'
      or 'small'.
    model: Entries of the sizes that differ from the checkpoint's or the
      preset's, nested as in config.json: {'llm': {'n_layers': 2}}.
    tokenizers: Folder with tokenizer.model and vocab.txt; when None, the
      checkpoint's own, or those that are shipped for the preset 'small'.
    reinit_projector: Draw the projector anew, as HawkEye's instruction tuning
      does, since it loads stage 2 before it makes the projector.
  """

  init_from: str | None = None
  preset: str | None = None
  model: dict | None = None
  tokenizers: str | None = None
  reinit_projector: bool = False


class StartingPoint:
  """The sizes, the tokenizer files, and the weights when asked for.

  Attributes:
    model: Sizes.
    tokenizer_files: Name in a checkpoint -> file.
  """

  def __init__(self, config: StartConfig):
    """Reads what is small.

    Args:
      config: Where to look.

    Raises:
      BadInput: when something is missing or contradicts itself.
    """
    if (config.init_from is None) == (config.preset is None):
      raise BadInput(
        f'start.init_from is {config.init_from} and start.preset is '
        f'{config.preset}; give exactly one of them'
      )
    if config.init_from is not None and not Path(config.init_from).exists():
      raise BadInput(
        f'{config.init_from}, which this stage starts from, is not there; run '
        'the stage that writes it first, or give another start.init_from'
      )
    if config.preset not in (None, 'small', *PRESETS):
      raise BadInput(
        f'start.preset is {config.preset!r}; use one of {", ".join(PRESETS)}, '
        'small'
      )
    self._config = config
    self.tokenizer_files = _tokenizer_files(config)
    if config.init_from is not None:
      about = checkpoint.read_config(config.init_from)
      if about['system'] != 'hawkeye':
        raise BadInput(
          f'{config.init_from} is a {about["system"]}; give a hawkeye'
        )
      sizes = about.get('model')
    else:
      sizes = _preset(config.preset, self.tokenizer_files).to_dict()
    self.model = HawkEyeConfig.from_dict(merged(sizes, config.model or {}))

  def params(self, seed: int) -> dict[str, np.ndarray]:
    """Path -> array, all of them, of the types they are stored in.

    Args:
      seed: Of what is drawn: everything without a checkpoint, else fresh LoRA
        weights and the projector if asked for.

    Raises:
      BadInput: when the checkpoint lacks something else, or does not fit.
    """
    shapes = flatten(param_shapes(self.model))
    folder = self._config.init_from
    if folder is None:
      return _drawn(self.model, seed, shapes)
    stored = flatten(checkpoint.load_params(folder))
    renewed = self._renewed(shapes)
    stored = {path: x for path, x in stored.items() if path not in renewed}
    lacking = shapes.keys() - stored.keys()
    new = [p for p in lacking if p in renewed or re.fullmatch(MAY_BE_NEW, p)]
    all_params = stored | _drawn(self.model, seed, sorted(new))
    checkpoint.check_shapes(
      Path(folder),
      {path: x.shape for path, x in all_params.items()},
      shapes,
    )
    return {path: all_params[path] for path in shapes}

  def stored(self, paths: Collection[str]) -> dict[str, np.ndarray]:
    """Those of the parameters that come from a checkpoint, bit for bit.

    Args:
      paths: Of parameters, such as those that training left alone.
    """
    folder = self._config.init_from
    if folder is None:
      return {}
    source = StoredParams(Path(folder) / checkpoint.PARAMS)
    kept = set(paths) & source.shapes.keys() - self._renewed(paths)
    return {path: source.read(path) for path in sorted(kept)}

  def _renewed(self, paths) -> set[str]:
    """Paths that are drawn anew although a checkpoint has them."""
    if not self._config.reinit_projector:
      return set()
    return {path for path in paths if re.fullmatch(PROJECTOR, path)}


def merged(values: Mapping, changes: Mapping) -> dict:
  """`values` with the entries of `changes`, table by table."""
  out = dict(values)
  for name, change in changes.items():
    old = out.get(name)
    if isinstance(old, Mapping) and isinstance(change, Mapping):
      change = merged(old, change)
    out[name] = change
  return out


def _drawn(model, seed, paths) -> dict[str, np.ndarray]:
  """Fresh values of some parameters; the others are not computed."""
  if not paths:
    return {}

  @jax.jit
  def draw(rng):
    flat = flatten(init_params(model, rng, Compute()))
    return {path: flat[path] for path in paths}

  return jax.tree.map(np.asarray, draw(jax.random.key(seed)))


def _preset(name, files) -> HawkEyeConfig:
  if name in PRESETS:
    return PRESETS[name]()
  words = SentencePieceTokenizer(files[TOKENIZER])
  instructions = WordPieceTokenizer(files[VOCABULARY], EXTRA_TOKENS)
  alone = words.encode(prompt.SEPARATOR)
  inside = words.encode('.' + prompt.SEPARATOR)[len(words.encode('.')) :]
  return small(
    vocab_size=words.vocab_size,
    bert_vocab_size=instructions.vocab_size,
    stop_ids=tuple(dict.fromkeys([tuple(alone), tuple(inside)])),
  )


def _tokenizer_files(config: StartConfig) -> dict[str, Path]:
  folder = config.init_from
  if folder is None and config.preset == 'small':
    folder = SHIPPED
  if config.tokenizers is None and folder is None:
    raise BadInput(
      'start.tokenizers is None; give a folder with tokenizer.model and '
      'vocab.txt'
    )
  if config.tokenizers is None:
    return {
      name: checkpoint.tokenizer_file(folder, name)
      for name in (TOKENIZER, VOCABULARY)
    }
  files = {}
  folders = [Path(config.tokenizers)]
  folders.append(folders[0] / checkpoint.TOKENIZERS)
  for name, known in (
    (TOKENIZER, TOKENIZER_NAMES),
    (VOCABULARY, VOCABULARY_NAMES),
  ):
    found = [f / n for f in folders for n in known if (f / n).is_file()]
    if not found:
      raise BadInput(
        f'{config.tokenizers} holds no {name}; give a folder that does as '
        'start.tokenizers'
      )
    files[name] = found[0]
  return files
