"""Models by the name a command line gives: a Hugging Face one, or your own."""

import importlib
import os
from typing import Any

from input_pipeline.grounded_qa import HashedWords, TemplateWriter
from input_pipeline.grounded_qa.writing import PromptedWriter
from vtg_jax.dataset_builders.hugging_face import (
  HuggingFaceCaptioner,
  HuggingFaceEmbedder,
)
from vtg_jax.dataset_builders.language_models import (
  HuggingFaceLanguageModel,
  ServedLanguageModel,
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


def load_writer(
  name: str, *, model: str | None = None, download: bool = False
) -> Any:
  """A `QuestionWriter`.

  Args:
    name: 'template', which needs no model; the URL of a server that speaks
      OpenAI's protocol, such as http://localhost:8000/v1; a folder or Hugging
      Face id of a language model; or `module:callable` of one's own, which
      makes a `QuestionWriter` or a `LanguageModel`.
    model: which of the server's models.
    download: whether a Hugging Face model may be fetched.

  Raises:
    BadInput: there is none of that name, or it writes nothing.
  """
  if name == 'template':
    return TemplateWriter()
  if name.startswith(('http://', 'https://')):
    return PromptedWriter(ServedLanguageModel(name, model))
  if not _is_own(name):
    return PromptedWriter(HuggingFaceLanguageModel(name, download=download))
  own = _own(name, ('name',))
  if hasattr(own, 'write'):
    return own
  if hasattr(own, 'complete'):
    return PromptedWriter(own)
  raise BadInput(
    f'{name!r} makes a {type(own).__name__} with neither write nor complete; '
    'give it one'
  )


def load_text_embedder(name: str, *, download: bool = False) -> Any:
  """A `TextEmbedder`: as `load_embedder`, or 'words', which needs no model."""
  if name == 'words':
    return HashedWords()
  if not _is_own(name):
    return HuggingFaceEmbedder(name, download=download)
  return _own(name, ('name', 'embed_texts'))


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
