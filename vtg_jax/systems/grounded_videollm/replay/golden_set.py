"""A golden folder of Grounded-VideoLLM, opened."""

import functools
from pathlib import Path

from vtg_jax.convert import checkpoint
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.systems.config_json import reading_sizes
from vtg_jax.systems.grounded_videollm import release
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.prompt import DIALECTS
from vtg_jax.systems.grounded_videollm.replay.language import GoldenLanguage
from vtg_jax.systems.grounded_videollm.replay.sections import Sections
from vtg_jax.systems.grounded_videollm.replay.vision import GoldenVision
from vtg_jax.systems.replay.arrays import load_arrays, require
from vtg_jax.systems.replay.cases import FILE_NAME, read_cases

WEIGHTS, INPUTS, OUTPUTS = 'weights.safetensors', 'inputs.npz', 'outputs.npz'


class GoldenSet:
  """Configuration, weights, inputs and tokenizers of a golden folder.

  Attributes:
    folder: Where it lies.
    description: Its config.json.
    inputs: Its inputs.npz.
    recorded: Its outputs.npz; empty where there is none.
    cases: Its cases.json; empty where there is none.
    sections: Its weights.
    llms: Its models by the name of the language model: one or two.
    vision: Their encoders.
  """

  def __init__(self, folder: Path):
    """Opens all files and checks all weights.

    Raises:
      BadInput: a file is missing or damaged, or does not fit the others.
    """
    file = folder / 'config.json'
    self.folder, self.description = folder, checkpoint.read_json(file)
    names = release.models_of_golden(self.description)
    require(folder, (WEIGHTS, INPUTS, *map(_tokenizer_name, names)))
    self.inputs = load_arrays(folder / INPUTS)
    outputs = folder / OUTPUTS
    self.recorded = load_arrays(outputs) if outputs.is_file() else {}
    has_cases = (folder / FILE_NAME).is_file()
    self.cases = read_cases(folder) if has_cases else {}
    self.sections = Sections(folder / WEIGHTS)
    with reading_sizes(file):
      configs = {
        name: release.config_of_golden(self.description, name) for name in names
      }
      self.vision = GoldenVision(
        self.sections,
        configs[names[0]],
        self.description['internvideo2'],
        self.inputs,
      )
      self.llms = {
        name: GoldenLanguage(
          name,
          self.description,
          self.sections,
          self.vision,
          self.inputs,
          config,
        )
        for name, config in configs.items()
      }
    for llm in self.llms.values():
      self.tokenizer(llm.name)
      for tuned in (False, True):
        if llm.has_weights(tuned=tuned):
          llm.params(tuned=tuned)

  @property
  def config(self) -> GroundedVideoLlmConfig:
    """Of any of its models: what both have in common."""
    return next(iter(self.llms.values())).config

  @functools.cache  # noqa: B019
  def tokenizer(self, llm: str, *, timed: bool = True) -> JsonTokenizer:
    """A language model's tokenizer, with the words of time or without.

    Raises:
      KeyError: the set has none of this name.
      BadInput: it cannot be read.
    """
    path = self.folder / _tokenizer_name(llm)
    if llm not in DIALECTS or not path.is_file():
      raise KeyError(f'{self.folder} has no tokenizer of {llm!r}')
    n_intervals = self.description['num_temporal_tokens']
    return JsonTokenizer(path, time_tokens(n_intervals) if timed else ())

  def size(self, name: str, axis: int, usual: int) -> int:
    """How much of something an array holds, where its name does not say so.

    Args:
      name: Of the recorded array.
      axis: Of the array.
      usual: Where nothing is recorded.
    """
    recorded = self.recorded.get(name)
    if recorded is None or recorded.ndim <= axis:
      return usual
    return recorded.shape[axis]


def _tokenizer_name(llm: str) -> str:
  return f'tokenizer_{llm}.json'
