"""Keys of a Llama-family decoder, with LoRA as peft names it.

Source: Hugging Face `LlamaForCausalLM`; peft 0.3 `LoraModel`, and 0.6 for the
`base_layer` that later ones put between an adapted layer and its weight.
"""

from collections.abc import Mapping

from vtg_jax.convert.ops import Transpose
from vtg_jax.convert.table import Ignore, Rule, Table

# Our name of a block's linear layer -> its module.
PROJECTIONS = {
  'q_proj': 'self_attn.q_proj',
  'k_proj': 'self_attn.k_proj',
  'v_proj': 'self_attn.v_proj',
  'o_proj': 'self_attn.o_proj',
  'gate_proj': 'mlp.gate_proj',
  'up_proj': 'mlp.up_proj',
  'down_proj': 'mlp.down_proj',
}


def llama_table(
  *,
  tied_embeddings: bool = False,
  extra_vocab_rows: int = 0,
  projections: Mapping[str, str] = PROJECTIONS,
) -> Table:
  """Returns the rules that fill `llm/...`.

  Biases, of the head too, and LoRA matrices have rules for every projection;
  the expected parameters decide which of them must be there. Grouped-query
  attention needs no rule of its own, its key and value kernels are narrower.

  Args:
    tied_embeddings: the output layer is the embedding; a file may still hold
      it under both names.
    extra_vocab_rows: rows that the embedding and the output layer may have
      beyond the model's vocabulary (Vicuna v0 has one, for padding).
    projections: the linear layers of a block.
  """
  layer, ours = 'model.layers.{layer}.', 'llm/layers/'
  rules = [
    Rule(
      'model.embed_tokens.weight',
      'llm/embed/embedding',
      extra_rows=extra_vocab_rows,
    ),
    Rule('model.norm.weight', 'llm/final_norm/scale'),
  ]
  if tied_embeddings:
    rules.append(
      Rule(
        'lm_head.weight',
        'llm/embed/embedding',
        extra_rows=extra_vocab_rows,
        tied=True,
      )
    )
  else:
    rules += [
      Rule(
        'lm_head.weight',
        'llm/lm_head/kernel',
        Transpose(),
        extra_rows=extra_vocab_rows,
      ),
      Rule('lm_head.bias', 'llm/lm_head/bias', extra_rows=extra_vocab_rows),
    ]
  for key, target in (
    ('input_layernorm', 'input_norm'),
    ('post_attention_layernorm', 'post_attention_norm'),
  ):
    rules.append(
      Rule(f'{layer}{key}.weight', f'{ours}{target}/scale[{{layer}}]')
    )
  for name, module in projections.items():
    rules += [
      Rule(
        f'{layer}{module}.weight',
        f'{ours}{name}/kernel[{{layer}}]',
        Transpose(),
        aliases=(f'{layer}{module}.base_layer.weight',),
      ),
      Rule(
        f'{layer}{module}.bias',
        f'{ours}{name}/bias[{{layer}}]',
        aliases=(f'{layer}{module}.base_layer.bias',),
      ),
      Rule(
        f'{layer}{module}.lora_A.default.weight',
        f'{ours}{name}/lora_a[{{layer}}]',
        Transpose(),
      ),
      Rule(
        f'{layer}{module}.lora_B.default.weight',
        f'{ours}{name}/lora_b[{{layer}}]',
        Transpose(),
      ),
    ]
  ignored = (
    Ignore(
      r'model\.layers\.\d+\.self_attn\.rotary_emb\.'
      r'(inv_freq|cos_cached|sin_cached)',
      'a rotary buffer, computed from the configuration',
    ),
    Ignore(
      r'model\.rotary_emb\.inv_freq',
      'a rotary buffer, computed from the configuration',
    ),
  )
  return Table(tuple(rules), ignored)
