"""Models by the name a command line gives: a Hugging Face one, or your own."""

import importlib
import os
from typing import Any

from vtg_jax.dataset_builders.hugging_face import (
  HuggingFaceCaptioner,
  HuggingFaceEmbedder,
)
from vtg_jax.errors import BadInput


def load_embedder(name: str, *, download: bool = False) -> Any:
  """An `ImageTextEmbedder`.

  Args:
    name: a folder, a Hugging Face id, or `module:callable` of one's own, which
      is called without arguments.
    download: whether a Hugging Face model may be fetched.

  Raises:
    BadInput: there is none of that name, or it is no embedder.
  """
  if not _is_own(name):
    return HuggingFaceEmbedder(name, download=download)
  return _own(name, ('name', 'embed_images', 'embed_texts'))


def load_captioner(name: str, *, download: bool = False) -> Any:
  """A `Captioner`; as `load_embedder`."""
  if not _is_own(name):
    return HuggingFaceCaptioner(name, download=download)
  return _own(name, ('name', 'caption_images'))


def _is_own(name: str) -> bool:
  return ':' in name and not os.path.isdir(name)


def _own(name: str, faces: tuple[str, ...]) -> Any:
  module_name, _, attribute = name.partition(':')
  try:
    make = getattr(importlib.import_module(module_name), attribute)
  except (ImportError, AttributeError, ValueError) as error:
    raise BadInput(
      f'{name!r} cannot be imported ({error}); write module:callable'
    ) from error
  model = make()
  lacking = [face for face in faces if not hasattr(model, face)]
  if lacking:
    raise BadInput(
      f'{name!r} makes a {type(model).__name__} without {", ".join(lacking)}; '
      'give it those'
    )
  return model
