"""CLIP and BLIP-2 for the InternVid-G builder, through transformers.

Needs the extra `torch`. Only safetensors weights are read, no code of a model's
repository is run, and nothing is downloaded unless that is asked for.

Source: HawkEye `internvid_g/code`: CLIP ViT-L/14, BLIP-2 with FLAN-T5-XXL and
  the prompt below.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from vtg_jax.errors import BadInput

PAPER_EMBEDDER = 'openai/clip-vit-large-patch14'
PAPER_CAPTIONER = 'Salesforce/blip2-flan-t5-xxl'
PROMPT = 'Describe this image in detail.'
# What is fetched of a model: no code, no pickles.
_FILES = ['*.json', '*.safetensors', '*.txt', '*.model']

Images = Sequence[UInt8[np.ndarray, '_ _ 3']]


class HuggingFaceEmbedder:
  """A model with one space for images and texts: CLIP and its like.

  Attributes:
    name: the model's id or folder.
  """

  def __init__(
    self,
    model: str = PAPER_EMBEDDER,
    *,
    download: bool = False,
    device: str | None = None,
  ):
    """Loads the model, in float32.

    Args:
      model: id on the Hugging Face hub, or a folder.
      download: whether it may be fetched; else it has to be here already.
      device: PyTorch's name of one; the first GPU, or the CPU, when left out.

    Raises:
      BadInput: PyTorch or the model is not here, or it embeds no images and
        texts.
    """
    self.name = model
    self._device = device or best_device()
    folder = folder_of(model, download)
    self._processor = load_part('AutoProcessor', folder, model)
    self._model = load_part(
      'AutoModel', folder, model, use_safetensors=True, dtype='float32'
    )
    if not hasattr(self._model, 'get_image_features'):
      raise BadInput(
        f'{model} is a {type(self._model).__name__}, which embeds no images; '
        'name a model such as CLIP'
      )
    self._model.to(self._device).eval()

  def embed_images(self, images: Images) -> Float32[np.ndarray, 'n D']:
    """Projected image vectors, as the model compares them with texts."""
    given = self._processor(images=_pictures(images), return_tensors='pt')
    return self._pooled(self._model.get_image_features, given)

  def embed_texts(self, texts: Sequence[str]) -> Float32[np.ndarray, 'n D']:
    """Projected text vectors; long texts are cut to what the model reads."""
    given = self._processor(
      text=list(texts), padding=True, truncation=True, return_tensors='pt'
    )
    return self._pooled(self._model.get_text_features, given)

  def _pooled(self, embed: Callable, given: Any) -> np.ndarray:
    import torch

    with torch.inference_mode():
      output = embed(**given.to(self._device))
    return output.pooler_output.float().cpu().numpy()


class HuggingFaceCaptioner:
  """A model that goes on writing after an image and a prompt: BLIP-2.

  Attributes:
    name: the model's id or folder, the prompt and the length.
  """

  def __init__(
    self,
    model: str = PAPER_CAPTIONER,
    *,
    prompt: str = PROMPT,
    max_new_tokens: int = 20,
    download: bool = False,
    device: str | None = None,
  ):
    """Loads the model: in float16 on a GPU, in float32 on the CPU.

    Args:
      model: id on the Hugging Face hub, or a folder.
      prompt: what it is asked.
      max_new_tokens: a caption is no longer; 20 is what transformers took
        where nothing was said, as in the paper's code.
      download: whether it may be fetched; else it has to be here already.
      device: PyTorch's name of one; the first GPU, or the CPU, when left out.

    Raises:
      BadInput: PyTorch or the model is not here, or it writes no captions.
    """
    self.name = f'{model}, {prompt!r}, {max_new_tokens} tokens'
    self._prompt = prompt
    self._max_new_tokens = max_new_tokens
    self._device = device or best_device()
    folder = folder_of(model, download)
    self._processor = load_part('AutoProcessor', folder, model)
    dtype = 'float32' if self._device == 'cpu' else 'float16'
    self._model = load_part(
      'AutoModelForImageTextToText',
      folder,
      model,
      use_safetensors=True,
      dtype=dtype,
    )
    n_queries = getattr(self._model.config, 'num_query_tokens', None)
    if n_queries is not None:
      # Processors saved before transformers 4.46 do not know it, and then
      # leave no place for the image in the prompt.
      self._processor.num_query_tokens = n_queries
      if self._model.config.image_token_id is None:
        raise BadInput(
          f'{model} has no token for the image; save it anew with a present '
          'transformers'
        )
    self._model.to(self._device).eval()

  def caption_images(self, images: Images) -> list[str]:
    """The most likely text for each image, greedily."""
    import torch

    given = self._processor(
      images=_pictures(images),
      text=[self._prompt] * len(images),
      padding=True,
      return_tensors='pt',
    ).to(self._device, self._model.dtype)
    with torch.inference_mode():
      tokens = self._model.generate(
        **given,
        do_sample=False,
        num_beams=1,
        max_new_tokens=self._max_new_tokens,
      )
    # A decoder-only model repeats what it was given.
    asked = given['input_ids']
    n_asked = asked.shape[1]
    if tokens.shape[1] >= n_asked and (tokens[:, :n_asked] == asked).all():
      tokens = tokens[:, n_asked:]
    texts = self._processor.batch_decode(tokens, skip_special_tokens=True)
    return [text.strip() for text in texts]


def _pictures(images: Images) -> list[Image.Image]:
  return [Image.fromarray(image) for image in images]


def folder_of(model: str, download: bool) -> str:
  """Where a model lies, fetched first if it may be.

  A folder's name is what transformers gets: given an id it asks the hub some
  questions even when told not to.

  Raises:
    BadInput: huggingface_hub or the model is not here.
  """
  folder = os.path.expanduser(model)
  if os.path.isdir(folder):
    return folder
  with _explained(model, download):
    import huggingface_hub

    return huggingface_hub.snapshot_download(
      model, local_files_only=not download, allow_patterns=_FILES
    )


def load_part(kind: str, folder: str, model: str, **options: Any) -> Any:
  """`kind.from_pretrained`, from that folder.

  Raises:
    BadInput: transformers is not here, or the model has another form.
  """
  with _explained(model, True):
    import transformers

    return getattr(transformers, kind).from_pretrained(
      folder, local_files_only=True, trust_remote_code=False, **options
    )


@contextlib.contextmanager
def _explained(model: str, download: bool) -> Iterator[None]:
  try:
    yield
  except ImportError as error:
    raise BadInput(
      f'{error.name or "a package"} is missing, which {model} needs; pip '
      'install "vtg-jax[torch]"'
    ) from error
  except (OSError, ValueError, KeyError) as error:
    reason = ' '.join(str(error).split()).partition('. ')[0].rstrip('.')
    remedy = (
      'name a model of the right kind, with safetensors weights'
      if download
      else 'name a folder that holds it, or allow the download'
    )
    raise BadInput(f'{model} cannot be loaded ({reason}); {remedy}') from error


def best_device() -> str:
  """PyTorch's name of the first GPU, or of the CPU where there is none."""
  try:
    import torch
  except ImportError:
    return 'cpu'  # loading says what is missing
  return 'cuda' if torch.cuda.is_available() else 'cpu'
