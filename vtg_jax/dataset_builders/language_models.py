"""Language models that write questions: on a server, or through transformers.

A server is asked only where the user names its address. The other needs the
extra `torch`; as in `hugging_face`, only safetensors weights are read, no code
of a model's repository is run, and nothing is downloaded unless asked for.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence

from vtg_jax.dataset_builders import hugging_face
from vtg_jax.errors import BadInput

MAX_NEW_TOKENS = 256
# Of the replies that are drawn.
TEMPERATURE = 0.7
_PATIENCE_S = 300


class ServedLanguageModel:
  """A model behind OpenAI's protocol, as local servers offer it.

  Attributes:
    name: the address and the model.
  """

  def __init__(self, url: str, model: str | None):
    """Notes the address; nothing is asked yet.

    Args:
      url: up to the version: http://localhost:8000/v1.
      model: as the server calls it.

    Raises:
      BadInput: no model is named.
    """
    if not model:
      raise BadInput(f'{url} serves models by name; say which one')
    self.name = f'{url} {model}'
    self._url = f'{url.rstrip("/")}/chat/completions'
    self._model = model

  def complete(
    self, prompts: Sequence[str], *, seed: int, draw: bool
  ) -> list[str]:
    """A reply to each prompt.

    Raises:
      BadInput: the server cannot be reached, or answers something else.
    """
    return [self._reply(prompt, seed, draw) for prompt in prompts]

  def _reply(self, prompt: str, seed: int, draw: bool) -> str:
    asked = {
      'model': self._model,
      'messages': [{'role': 'user', 'content': prompt}],
      'max_tokens': MAX_NEW_TOKENS,
      'temperature': TEMPERATURE if draw else 0.0,
      'seed': seed,
    }
    request = urllib.request.Request(
      self._url,
      data=json.dumps(asked).encode(),
      headers={'Content-Type': 'application/json'},
    )
    try:
      with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:
        reply = json.load(response)
      text = reply['choices'][0]['message']['content']
    except (urllib.error.URLError, OSError) as error:
      reason = getattr(error, 'reason', error)
      raise BadInput(
        f'{self._url} cannot be asked ({reason}); start the server, or '
        'correct the address'
      ) from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
      raise BadInput(
        f'{self._url} answers without choices and a message; give the address '
        "of a server of OpenAI's protocol"
      ) from error
    return text or ''


class HuggingFaceLanguageModel:
  """A causal language model, with its chat template where it has one.

  Attributes:
    name: the model's id or folder.
  """

  def __init__(
    self, model: str, *, download: bool = False, device: str | None = None
  ):
    """Loads the model: in bfloat16 on a GPU, in float32 on the CPU.

    Args:
      model: id on the Hugging Face hub, or a folder.
      download: whether it may be fetched; else it has to be here already.
      device: PyTorch's name of one; the first GPU, or the CPU, when left out.

    Raises:
      BadInput: PyTorch or the model is not here, or it writes no text.
    """
    self.name = model
    self._device = device or hugging_face.best_device()
    folder = hugging_face.folder_of(model, download)
    self._tokenizer = hugging_face.load_part('AutoTokenizer', folder, model)
    self._model = hugging_face.load_part(
      'AutoModelForCausalLM',
      folder,
      model,
      use_safetensors=True,
      dtype='float32' if self._device == 'cpu' else 'bfloat16',
    )
    self._model.to(self._device).eval()

  def complete(
    self, prompts: Sequence[str], *, seed: int, draw: bool
  ) -> list[str]:
    """A reply to each prompt, one after the other."""
    import torch

    replies = []
    for prompt in prompts:
      torch.manual_seed(seed)
      given = self._given(prompt).to(self._device)
      drawn = {'do_sample': True, 'temperature': TEMPERATURE} if draw else {}
      with torch.inference_mode():
        ids = self._model.generate(
          **given,
          **({'do_sample': False} | drawn),
          max_new_tokens=MAX_NEW_TOKENS,
          pad_token_id=self._tokenizer.pad_token_id
          or self._tokenizer.eos_token_id,
        )
      written = ids[0, given['input_ids'].shape[1] :]
      replies.append(
        self._tokenizer.decode(written, skip_special_tokens=True).strip()
      )
    return replies

  def _given(self, prompt: str):
    if self._tokenizer.chat_template is None:
      return self._tokenizer(prompt, return_tensors='pt')
    return self._tokenizer.apply_chat_template(
      [{'role': 'user', 'content': prompt}],
      add_generation_prompt=True,
      return_dict=True,
      return_tensors='pt',
    )
