"""What a training run of any system begins with: sizes and weights."""

import functools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.stored_params import StoredParams
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute


class StartingPoint:
  """The sizes, the tokenizer files, and the weights when asked for.

  Attributes:
    model: Sizes.
    tokenizer_files: Name in a checkpoint -> file.
  """

  def __init__(
    self,
    model: Any,
    tokenizer_files: Mapping[str, Path],
    *,
    init_params: Callable[[Any, jax.Array, Compute], dict],
    folder: Path | str | None = None,
    may_be_new: Sequence[str] = (),
    renewed: Sequence[str] = (),
    adapt: Callable[[dict, int], dict] | None = None,
    parts: Callable[[], Mapping[str, np.ndarray]] | None = None,
  ):
    """Keeps what is small.

    Args:
      model: Sizes.
      tokenizer_files: Name in a checkpoint -> file.
      init_params: Draws the parameters of a network of some sizes.
      folder: A checkpoint of ours; None draws everything.
      may_be_new: Patterns of parameters that the checkpoint need not have.
      renewed: Patterns of those that are drawn anew although it has them.
      adapt: (path -> stored array, seed) -> the same for a network of these
        sizes, where the checkpoint's are others.
      parts: Path -> array, of what is neither drawn nor in the checkpoint.
    """
    self.model = model
    self.tokenizer_files = dict(tokenizer_files)
    self._init_params = init_params
    self._folder = folder
    self._may_be_new, self._renewed = tuple(may_be_new), tuple(renewed)
    self._adapt, self._parts = adapt, parts

  @functools.cached_property
  def _shapes(self) -> dict[str, jax.ShapeDtypeStruct]:
    return flatten(
      jax.eval_shape(
        lambda rng: self._init_params(self.model, rng, Compute()),
        jax.random.key(0),
      )
    )

  def params(self, seed: int) -> dict[str, np.ndarray]:
    """Path -> array, all of them, of the types they are stored in.

    Args:
      seed: Of what is drawn: everything without a checkpoint, else what it
        need not have and what is renewed.

    Raises:
      BadInput: when the checkpoint lacks something else, or does not fit.
    """
    shapes, folder = self._shapes, self._folder
    if folder is None:
      parts = dict(self._parts()) if self._parts else {}
      drawn = self._drawn(seed, sorted(shapes.keys() - parts.keys()))
      return {path: (parts | drawn)[path] for path in shapes}
    stored = flatten(checkpoint.load_params(folder))
    stored = {p: x for p, x in stored.items() if not self._is_renewed(p)}
    if self._adapt is not None:
      stored = self._adapt(stored, seed)
    new = [
      path
      for path in shapes.keys() - stored.keys()
      if self._is_renewed(path) or _matches(path, self._may_be_new)
    ]
    all_params = stored | self._drawn(seed, sorted(new))
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
    if self._folder is None:
      return {}
    source = StoredParams(Path(self._folder) / checkpoint.PARAMS)
    kept = {
      path
      for path in set(paths) & source.shapes.keys()
      if tuple(source.shapes[path]) == self._shapes[path].shape
    }
    return {
      path: source.read(path)
      for path in sorted(kept)
      if not self._is_renewed(path)
    }

  def _is_renewed(self, path: str) -> bool:
    return _matches(path, self._renewed)

  def _drawn(self, seed, paths) -> dict[str, np.ndarray]:
    """Fresh values of some parameters; the others are not computed."""
    if not paths:
      return {}

    @jax.jit
    def draw(rng):
      flat = flatten(self._init_params(self.model, rng, Compute()))
      return {path: flat[path] for path in paths}

    return jax.tree.map(np.asarray, draw(jax.random.key(seed)))


def check_one_start(init_from: str | None, preset: str | None) -> None:
  """Raises BadInput unless one of the two is given, and is there."""
  if (init_from is None) == (preset is None):
    raise BadInput(
      f'start.init_from is {init_from} and start.preset is {preset}; give '
      'exactly one of them'
    )
  if init_from is not None and not Path(init_from).exists():
    raise BadInput(
      f'{init_from}, which this stage starts from, is not there; run the '
      'stage that writes it first, or give another start.init_from'
    )


def stored_sizes(folder: Path | str, system: str) -> Mapping:
  """The sizes in a checkpoint's config.json.

  Raises:
    BadInput: it is no checkpoint, one of another system, or tells none.
  """
  about = checkpoint.read_config(folder)
  if about['system'] != system:
    raise BadInput(f'{folder} is a {about["system"]}; give a {system}')
  sizes = about.get('model')
  if not isinstance(sizes, Mapping):
    raise BadInput(
      f'the {checkpoint.CONFIG} of {folder} tells no sizes; convert the '
      'checkpoint again'
    )
  return sizes


def tokenizer_file(
  name: str,
  given: str | None,
  init_from: str | None,
  shipped: Path | str | None,
) -> Path:
  """The tokenizer that a run trains with.

  Args:
    name: Of the file.
    given: `start.tokenizer`: the file, or a folder that holds it.
    init_from: The checkpoint that the run starts from; it has one, too.
    shipped: The checkpoint whose tokenizer the preset has; None for none.

  Raises:
    BadInput: it is not there, or there is nowhere to look.
  """
  if given is not None:
    path = Path(given)
    path = path / name if path.is_dir() else path
    if not path.is_file():
      raise BadInput(
        f'{path}, named as start.tokenizer, is not there; give a {name}'
      )
    return path
  folder = shipped if init_from is None else init_from
  if folder is None:
    raise BadInput(
      f'start.tokenizer is None; give the {name} of the language model'
    )
  return checkpoint.tokenizer_file(folder, name)


def merged(values: Mapping, changes: Mapping) -> dict:
  """`values` with the entries of `changes`, table by table."""
  out = dict(values)
  for name, change in changes.items():
    old = out.get(name)
    if isinstance(old, Mapping) and isinstance(change, Mapping):
      change = merged(old, change)
    out[name] = change
  return out


def _matches(path, patterns) -> bool:
  return any(re.fullmatch(pattern, path) for pattern in patterns)
