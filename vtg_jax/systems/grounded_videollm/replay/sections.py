"""The files that a golden set's one file of weights stands for.

Its keys are `<section>|<key>`. A section is a released file, or one module of a
stage's file; what the two language models have of their own is in folders:

    vision_model.pth|vision_model.embeddings.class_embedding
    phi3/multi_modal_projector.pth|linear_0.weight
    phi3/ckpt[model][language_model]|base_model.model.lm_head.weight
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from vtg_jax.convert.readers import Source, open_source
from vtg_jax.convert.tensor_file import TensorInfo
from vtg_jax.errors import BadInput

IMAGE_ENCODER, VIDEO_ENCODER = 'vision_model.pth', 'internvideo2.pt'
BASE, TUNED = 'language_model_seperated', 'ckpt[model][language_model]'
_OF_A_STAGE = re.compile(r'ckpt\[model\]\[(\w+)\]')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
  """One released file as `convert.tensor_file.TensorFile`.

  Attributes:
    whole: The file of weights.
    name: Of the section.
    prefix: What its keys begin with once a stage's modules are told apart.
  """

  whole: Source
  name: str
  prefix: str

  @property
  def path(self) -> Path:
    return self.whole.path / self.name

  @property
  def metadata(self) -> Mapping[str, str]:
    return {}

  @property
  def nesting(self) -> Mapping[str, tuple[str, ...]]:
    return {}

  @property
  def tensors(self) -> Mapping[str, TensorInfo]:
    start = f'{self.name}|'
    return {
      self.prefix + key.removeprefix(start): info
      for key, info in self.whole.tensors.items()
      if key.startswith(start)
    }

  def read(self, key: str) -> np.ndarray:
    return self.whole.read(f'{self.name}|{key.removeprefix(self.prefix)}')


class Sections:
  """All files in a golden set's file of weights.

  Attributes:
    names: In the order of the file.
  """

  def __init__(self, path: Path):
    """Reads the header.

    Raises:
      BadInput: no such file, it is damaged, or a key has no section.
    """
    self._whole = open_source(path)
    bare = [key for key in self._whole.tensors if '|' not in key]
    if bare:
      raise BadInput(
        f'{path} has {bare[0]!r}, which names no section; give the weights of '
        'a golden set'
      )
    self.names = tuple(
      dict.fromkeys(key.split('|')[0] for key in self._whole.tensors)
    )

  def source(self, name: str) -> Source:
    """One section."""
    module = _OF_A_STAGE.fullmatch(name.split('/')[-1])
    prefix = f'{module[1]}.' if module else ''
    section = Section(whole=self._whole, name=name, prefix=prefix)
    return Source(path=section.path, files=(section,))

  def of_model(self, llm: str, *, tuned: bool) -> list[Source]:
    """The files of one model, in loading order.

    Args:
      llm: Its language model.
      tuned: After stages 2 and 3.
    """
    left_out = BASE if tuned else TUNED
    own = [
      name
      for name in self.names
      if name.startswith(f'{llm}/') and name != f'{llm}/{left_out}'
    ]
    # A stage's modules replace what they started from.
    own.sort(key=lambda name: 'ckpt[' in name)
    shared = [n for n in (IMAGE_ENCODER, VIDEO_ENCODER) if n in self.names]
    return [self.source(name) for name in (*shared, *own)]

  def strangers(self, llms: Iterable[str]) -> list[str]:
    """Sections that are of none of these models."""
    folders = tuple(f'{llm}/' for llm in llms)
    return [
      name
      for name in self.names
      if name not in (IMAGE_ENCODER, VIDEO_ENCODER)
      and not name.startswith(folders)
    ]
