"""LLaMA on CPU against transformers: prefill, and greedy decoding.

python -m benchmarks.table language_model

The same random float32 weights, the same prompt of 256 tokens, all cores for
both, in turns; the best run of each counts. Decoding is 64 new tokens after
that prompt: ours against `generate(do_sample=False)`, and against a
hand-written loop around the model with its KV cache. The first token comes out
of the prefill; one token costs a 63rd of the time beyond it. Both sides must
write the same tokens.
"""

import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from benchmarks.timing import bests, medians, take_turns
from vtg_jax.decode.greedy import GreedyConfig, decode_greedily
from vtg_jax.llm.decoder import Decoder, Past
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.nn.compute import Compute

N_PROMPT, N_NEW = 256, 64
# Layers, width, heads, repeats.
SIZES = ((8, 512, 8, 7), (12, 768, 12, 5))


def decoder_config(n_layers: int, width: int, n_heads: int) -> DecoderConfig:
  """Llama-1 proportions and vocabulary."""
  return DecoderConfig(
    vocab_size=32000,
    width=width,
    n_layers=n_layers,
    n_heads=n_heads,
    n_kv_heads=n_heads,
    head_dim=width // n_heads,
    mlp_hidden=8 * width // 3 // 32 * 32,
    norm_eps=1e-6,
    rope_theta=10000.0,
    max_positions=2048,
    tied_embeddings=False,
    lora=None,
  )


def measure() -> dict:
  """Returns seconds of prefill and of one decoded token, and ratios."""
  return {
    f'{n_layers} x {width}': _compare(
      decoder_config(n_layers, width, n_heads), repeats
    )
    for n_layers, width, n_heads, repeats in SIZES
  }


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  lines = []
  for size, row in result.items():
    prefill, token = row['prefill'], row['token']
    lines += [
      (
        f'LLaMA {size}, prefill of {N_PROMPT}: transformers time over ours',
        f'{prefill["ratio"]:.2f} ({prefill["transformers"] * 1e3:.0f} ms, '
        f'{prefill["ours"] * 1e3:.0f} ms)',
        '>= 1',
      ),
      (
        f'LLaMA {size}, one greedy token: `generate` time over ours',
        f'{token["ratio"]:.2f} ({token["generate"] * 1e3:.1f} ms, '
        f'{token["ours"] * 1e3:.1f} ms; hand loop '
        f'{token["hand_loop"] * 1e3:.1f} ms)',
        '>= 2',
      ),
    ]
  return lines


def _compare(config: DecoderConfig, repeats: int) -> dict:
  import torch

  torch.set_num_threads(os.cpu_count())
  rng = np.random.default_rng(0)
  prompt = rng.integers(3, config.vocab_size, (1, N_PROMPT), np.int32)
  params = _random_params(config, rng)
  with torch.inference_mode():
    theirs = _Transformers(config, params, prompt)
    ours = _Ours(config, params, prompt)
    np.testing.assert_allclose(
      ours.prefill(), theirs.prefill().numpy(), atol=1e-3
    )
    text = ours.generate()[0]
    np.testing.assert_array_equal(text, theirs.generate()[0, N_PROMPT:])
    np.testing.assert_array_equal(text, theirs.hand_loop())
    prefill = take_turns(
      {'transformers': theirs.prefill, 'ours': ours.prefill}, repeats=repeats
    )
    whole = take_turns(
      {
        'generate': theirs.generate,
        'hand_loop': theirs.hand_loop,
        'ours': ours.generate,
      },
      repeats=repeats,
    )
  typical = {'prefill': medians(prefill), 'whole': medians(whole)}
  whole, prefill = bests(whole), bests(prefill)
  theirs_s = prefill['transformers']
  first = {
    'generate': theirs_s,
    'hand_loop': theirs_s,
    'ours': prefill['ours'],
  }
  token = _beyond(whole, first)
  return {
    'prefill': {**prefill, 'ratio': round(theirs_s / prefill['ours'], 3)},
    'whole': whole,
    'token': {**token, 'ratio': round(token['generate'] / token['ours'], 3)},
    'medians': typical,
  }


def _beyond(whole: Mapping, prefill: Mapping) -> dict:
  """Seconds of one token: the first one comes out of the prefill."""
  return {
    name: round((whole[name] - prefill[name]) / (N_NEW - 1), 6)
    for name in whole
  }


class _Ours:
  """Our decoder, its prompt on the device."""

  def __init__(self, config: DecoderConfig, params, prompt):
    decoder = Decoder(config, Compute())
    greedy = GreedyConfig(
      max_new_tokens=N_NEW, eos_id=-1, stop_ids=(), pad_id=0
    )

    def prefill(params, ids):
      def apply(*args, **kwargs):
        return decoder.apply({'params': params}, *args, **kwargs)

      positions = jnp.arange(N_PROMPT)[None]
      out = apply(apply(ids, method='embed_tokens'), positions)
      return apply(out.hidden[:, -1], method='logits'), out.kv

    def generate(params, ids):
      logits, kv = prefill(params, ids)
      past = [Past(kv, jnp.ones((1, 1, N_PROMPT), bool))]
      position = jnp.full((1,), N_PROMPT)
      return decode_greedily(decoder, params, past, logits, position, greedy)

    self._prefill = jax.jit(prefill)
    self._generate = jax.jit(generate)
    self._operands = jax.tree.map(jnp.asarray, (params, prompt))

  def prefill(self):
    return self._prefill(*self._operands)[0]

  def generate(self):
    return self._generate(*self._operands).ids


class _Transformers:
  """The same decoder in transformers."""

  def __init__(self, config: DecoderConfig, params, prompt):
    import torch
    import transformers

    shape = transformers.LlamaConfig(
      vocab_size=config.vocab_size,
      hidden_size=config.width,
      intermediate_size=config.mlp_hidden,
      num_hidden_layers=config.n_layers,
      num_attention_heads=config.n_heads,
      num_key_value_heads=config.n_kv_heads,
      max_position_embeddings=config.max_positions,
      rms_norm_eps=config.norm_eps,
      tie_word_embeddings=False,
      bos_token_id=1,
      eos_token_id=None,
      pad_token_id=0,
    )
    self._model = transformers.LlamaForCausalLM(shape).eval()
    self._model.load_state_dict(_torch_state(config, params))
    self._prompt = torch.from_numpy(prompt).long()

  def prefill(self):
    return self._model(self._prompt, use_cache=True, logits_to_keep=1).logits[
      :, 0
    ]

  def generate(self):
    return self._model.generate(
      self._prompt,
      attention_mask=self._prompt > 0,
      do_sample=False,
      max_new_tokens=N_NEW,
      min_new_tokens=N_NEW,
    )

  def hand_loop(self):
    out = self._model(self._prompt, use_cache=True, logits_to_keep=1)
    ids = [out.logits[0, -1].argmax()]
    while len(ids) < N_NEW:
      out = self._model(
        ids[-1][None, None], past_key_values=out.past_key_values, use_cache=True
      )
      ids.append(out.logits[0, -1].argmax())
    return np.array([int(i) for i in ids])


def _random_params(config: DecoderConfig, rng) -> dict:
  decoder = Decoder(config, Compute())

  def init(key):
    def all_of_it(module, ids):
      embeds = module.embed_tokens(ids)
      return module.logits(module(embeds, ids).hidden)

    return decoder.init(key, jnp.zeros((1, 2), jnp.int32), method=all_of_it)

  shapes = nn.meta.unbox(jax.eval_shape(init, jax.random.key(0))['params'])

  def draw(path, leaf):
    noise = 0.02 * rng.normal(size=leaf.shape).astype(np.float32)
    return noise + 1 if path[-1].key == 'scale' else noise

  return jax.tree_util.tree_map_with_path(draw, shapes)


def _torch_state(config: DecoderConfig, params: Mapping) -> dict:
  import torch

  layers = params['layers']
  state = {
    'model.embed_tokens.weight': params['embed']['embedding'],
    'model.norm.weight': params['final_norm']['scale'],
    'lm_head.weight': params['lm_head']['kernel'].T,
  }
  for i in range(config.n_layers):
    name = f'model.layers.{i}'
    for part in ('q_proj', 'k_proj', 'v_proj', 'o_proj'):
      state[f'{name}.self_attn.{part}.weight'] = layers[part]['kernel'][i].T
    for part in ('gate_proj', 'up_proj', 'down_proj'):
      state[f'{name}.mlp.{part}.weight'] = layers[part]['kernel'][i].T
    state[f'{name}.input_layernorm.weight'] = layers['input_norm']['scale'][i]
    state[f'{name}.post_attention_layernorm.weight'] = layers[
      'post_attention_norm'
    ]['scale'][i]
  return {k: torch.tensor(np.ascontiguousarray(v)) for k, v in state.items()}
