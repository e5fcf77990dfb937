"""A decoder cut into its layers, for loops that run it once per token.

A scan copies each layer's weights out of their stack every time it comes by.
For one token on CPU that takes about as long as the products do.
"""

from collections.abc import Sequence

import jax

from vtg_jax.llm.decoder import Decoder, DecoderLayer, KeyValues, Past

# Layers larger than this stay stacked: being cut apart needs a second copy.
MOST_BYTES = 2e9


class UnrolledDecoder(Decoder):
  """The same decoder, its layers one after the other in the program.

  Parameters are those of `unroll`; in `KeyValues`, also in what comes
  out, k and v are tuples of a layer's [B S K H] each, as from `cut_kv`.
  """

  def setup(self):
    super().setup()
    self.layer = [
      DecoderLayer(self.config, self.compute)
      for _ in range(self.config.n_layers)
    ]

  def run_layers(self, x, past, *inputs):
    new = []
    for i, layer in enumerate(self.layer):
      x, kv = layer(x, tuple(KeyValues(p.k[i], p.v[i]) for p in past), *inputs)
      new.append(kv)
    return x, KeyValues(*zip(*new, strict=True))


def unrolling_pays(params) -> bool:
  """Whether to cut a decoder apart before it decodes: on CPU, if not large.

  Elsewhere the compiler reads the weights where they are.
  """
  n_bytes = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(params))
  return jax.default_backend() == 'cpu' and n_bytes <= MOST_BYTES


def unroll(
  decoder: Decoder, params, past: Sequence[Past]
) -> tuple[UnrolledDecoder, dict, list[Past]]:
  """The decoder, its parameters and its past, cut into layers."""
  n_layers = decoder.config.n_layers
  rest = {name: x for name, x in params.items() if name != 'layers'}
  layers = {
    f'layer_{i}': jax.tree.map(lambda x, i=i: x[i], params['layers'])
    for i in range(n_layers)
  }
  past = [Past(cut_kv(kv), mask) for kv, mask in past]
  return UnrolledDecoder(decoder.config, decoder.compute), rest | layers, past


def cut_kv(kv: KeyValues) -> KeyValues:
  """Keys and values as tuples of [B S K H], one a layer."""
  return KeyValues(*(tuple(x[i] for i in range(x.shape[0])) for x in kv))
