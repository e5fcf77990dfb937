"""A golden folder of ReVisionLLM, opened."""

from pathlib import Path

from vtg_jax.convert import checkpoint
from vtg_jax.convert.engine import plan
from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.systems.config_json import reading_sizes
from vtg_jax.systems.golden_weights import read_params
from vtg_jax.systems.replay_arrays import load_arrays, require
from vtg_jax.systems.revisionllm import release, stages

WEIGHTS, INPUTS, OUTPUTS = 'weights.safetensors', 'inputs.npz', 'outputs.npz'
TOKENIZER, CHECKPOINTS = release.TOKENIZER, 'ckpt'
# Folders of `CHECKPOINTS`; what they are called tells the level.
STAGES = ('vtimellm_stage1', 'stage1_dense', 'stage1_sparse', 'stage2_long')


class GoldenSet:
  """Configuration, weights, inputs and tokenizer of a golden folder.

  Attributes:
    folder: Where it lies.
    description: Its config.json.
    config: The sizes, as ours: those of the files that are there.
    table: Rules for the keys.
    plan: How the files fill our parameters.
    params: They.
    inputs: Its inputs.npz.
    recorded: Its outputs.npz; empty where there is none.
    tokenizer: Of the language model.
  """

  def __init__(self, folder: Path):
    """Opens all files and checks all weights.

    Raises:
      BadInput: a file is missing or damaged, or does not fit the others.
    """
    file = folder / 'config.json'
    self.folder, self.description = folder, checkpoint.read_json(file)
    require(folder, (WEIGHTS, INPUTS, TOKENIZER))
    self.inputs = load_arrays(folder / INPUTS)
    outputs = folder / OUTPUTS
    self.recorded = load_arrays(outputs) if outputs.is_file() else {}
    self.tokenizer = SentencePieceTokenizer(folder / TOKENIZER)
    folders = [folder / CHECKPOINTS / name for name in STAGES]
    sources = stages.open_stages(
      [folder / WEIGHTS, *filter(Path.is_dir, folders)]
    )
    with reading_sizes(file):
      whole = release.config_of_golden(self.description)
    self.config = stages.as_in_files(whole, sources)
    self.table = release.table(self.config)
    self.plan = plan(sources, self.table, release.expected_params(self.config))
    self.params = read_params(self.plan)
