"""Keys of a Phi-3 decoder: those of a Llama, some of its layers fused.

Source: Hugging Face `Phi3ForCausalLM`; peft's names as for Llama.
"""

from vtg_jax.convert.llama import llama_table
from vtg_jax.convert.table import Table

# Our name of a block's linear layer -> its module. The rows of `qkv_proj` are
# queries, keys, values; those of `gate_up_proj` are gate, values. Ours have
# their columns in that order.
PROJECTIONS = {
  'qkv_proj': 'self_attn.qkv_proj',
  'o_proj': 'self_attn.o_proj',
  'gate_up_proj': 'mlp.gate_up_proj',
  'down_proj': 'mlp.down_proj',
}


def phi3_table(*, extra_vocab_rows: int = 0) -> Table:
  """Returns the rules that fill `llm/...`.

  Args:
    extra_vocab_rows: as for `llama_table`.
  """
  return llama_table(extra_vocab_rows=extra_vocab_rows, projections=PROJECTIONS)
