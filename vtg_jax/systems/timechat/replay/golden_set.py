"""A golden folder of TimeChat, opened."""

from pathlib import Path

from vtg_jax.convert import checkpoint
from vtg_jax.convert.engine import plan
from vtg_jax.convert.readers import open_source
from vtg_jax.systems.config_json import reading_sizes
from vtg_jax.systems.replay.arrays import load_arrays, require
from vtg_jax.systems.replay.golden_weights import read_params
from vtg_jax.systems.timechat import release
from vtg_jax.systems.timechat.chat import PLACEHOLDER
from vtg_jax.systems.vocabularies import read_tokenizers, tokenizer_files

WEIGHTS, INPUTS, OUTPUTS = 'weights.safetensors', 'inputs.npz', 'outputs.npz'
TEXTS = 'texts.json'


class GoldenSet:
  """Configuration, weights, inputs and tokenizers of a golden folder.

  Attributes:
    folder: Where it lies.
    description: Its config.json.
    config: The sizes, as ours.
    table: Rules for the keys.
    plan: How the file fills our parameters.
    params: They.
    inputs: Its inputs.npz.
    recorded: Its outputs.npz; empty where there is none.
    texts: Its texts.json; empty where there is none.
    tokenizer: Of the language model.
    bert: Of the image Q-Former.
  """

  def __init__(self, folder: Path):
    """Opens all files and checks all weights.

    Raises:
      BadInput: a file is missing or damaged, or does not fit the others.
    """
    file = folder / 'config.json'
    self.folder, self.description = folder, checkpoint.read_json(file)
    require(folder, (WEIGHTS, INPUTS))
    self.inputs = load_arrays(folder / INPUTS)
    outputs, texts = folder / OUTPUTS, folder / TEXTS
    self.recorded = load_arrays(outputs) if outputs.is_file() else {}
    self.texts = checkpoint.read_json(texts) if texts.is_file() else {}
    with reading_sizes(file):
      self.config = release.config_of_golden(self.description)
      legacy = self.description.get('reference', {}).get(
        'llama_tokenizer_legacy', False
      )
    self.tokenizer, self.bert = read_tokenizers(
      tokenizer_files([folder], []),
      legacy=legacy,
      extra_tokens=(PLACEHOLDER,),
    )
    self.table = release.table(self.config)
    self.plan = plan(
      [open_source(folder / WEIGHTS)],
      self.table,
      release.expected_params(self.config),
    )
    self.params = read_params(self.plan)

  @property
  def video_id(self) -> int:
    """What stands for a video token among a row's ids."""
    return self.description.get(
      'image_patch_token_id', self.config.llm.vocab_size
    )
