"""What a search costs, told before it runs and counted while it does.

Most of the cost is the language model reading its prompt: a call reads its
visual tokens and a fixed text. Then come the windows that the adapter encodes.

Source: the arithmetic of ReVisionLLM's sizes; answers of about ten tokens are
left out.
"""

import dataclasses
import math
from collections.abc import Sequence

from vtg_jax.recursion.quirks import RELEASED, Quirks
from vtg_jax.recursion.windows import (
  SparseCall,
  WindowSize,
  dense_windows,
  sparse_calls,
  sparse_windows,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prices:
  """What one unit of work costs a model.

  Attributes:
    prompt_tokens: Text tokens of a prompt.
    flops_per_token: Of the language model, prefilling.
    flops_per_encoding: Of the adapter, for one window.
  """

  prompt_tokens: int
  flops_per_token: float
  flops_per_encoding: float


# Vicuna-7B and 250 frames of CLIP ViT-L/14; the prompt is an estimate.
FULL_SIZE = Prices(
  prompt_tokens=65, flops_per_token=2 * 6.74e9, flops_per_encoding=11.3e9
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
  """Work done, or to be done.

  Attributes:
    sequences: Calls of the language model, a row of a batch each.
    prefill_tokens: Tokens that it reads.
    frames: Frames among these.
    encodings: Windows that the adapter encodes.
    seconds: Measured; 0 in a prediction.
  """

  sequences: int = 0
  prefill_tokens: int = 0
  frames: int = 0
  encodings: int = 0
  seconds: float = 0.0

  def __add__(self, other: 'Cost') -> 'Cost':
    return Cost(
      **{
        field.name: getattr(self, field.name) + getattr(other, field.name)
        for field in dataclasses.fields(Cost)
      }
    )

  def filled(self, n_segments: int, prices: Prices) -> 'Cost':
    """With so many visual tokens in every sequence."""
    tokens = self.sequences * (n_segments + prices.prompt_tokens)
    return dataclasses.replace(self, prefill_tokens=tokens)

  def llm_tflop(self, prices: Prices) -> float:
    """10^12 operations of the language model."""
    return self.prefill_tokens * prices.flops_per_token / 1e12

  def adapter_tflop(self, prices: Prices) -> float:
    """10^12 operations of the adapter."""
    return self.encodings * prices.flops_per_encoding / 1e12

  def tflop(self, prices: Prices) -> float:
    """10^12 operations of both."""
    return self.llm_tflop(prices) + self.adapter_tflop(prices)


def dense_cost(n_windows: int, n_frames: int, prices: Prices) -> Cost:
  """Of reading so many windows frame by frame."""
  frames = n_windows * n_frames
  return Cost(
    sequences=n_windows,
    prefill_tokens=frames + n_windows * prices.prompt_tokens,
    frames=frames,
  )


def sparse_cost(
  calls: Sequence[SparseCall], prices: Prices, *, cached: bool = True
) -> Cost:
  """Of some sparse calls.

  Args:
    calls: Of one pass or several.
    prices: See `Prices`.
    cached: Whether a window is encoded once; otherwise once for each of its
      tokens, as the release does.
  """
  tokens = sum(call.n_tokens for call in calls)
  distinct = {window for call in calls for window in call.windows}
  return Cost(
    sequences=len(calls),
    prefill_tokens=tokens + len(calls) * prices.prompt_tokens,
    encodings=len(distinct) if cached else tokens,
  )


def released_cost(
  n_features: int,
  size: WindowSize,
  segments: Sequence[int] = (100, 33),
  *,
  prices: Prices = FULL_SIZE,
  zooms: Sequence[int] = (4, 2, 1),
  dense_share: float = 1.0,
  cached: bool = False,
  quirks: Quirks = RELEASED,
) -> dict[str, Cost]:
  """Of the released passes, each by itself.

  Args:
    n_features: Feature frames of the video.
    size: Of a window.
    segments: Tokens of a call of each sparse pass.
    prices: See `Prices`.
    zooms: How often windows are repeated.
    dense_share: Share of the dense windows that is read.
    cached: See `sparse_cost`; each pass begins with an empty cache.
    quirks: See `Quirks`.

  Returns:
    Of 'dense', 'sparse100', ..., and of all, 'total'.
  """
  n_dense = len(dense_windows(n_features, size, quirks))
  n_sparse = len(sparse_windows(n_features, size, quirks))
  read = math.ceil(n_dense * dense_share)
  costs = {'dense': dense_cost(read, size.n_frames, prices)}
  for n_segments in segments:
    calls = sparse_calls(range(n_sparse), n_segments, zooms, quirks)
    costs[f'sparse{n_segments}'] = sparse_cost(calls, prices, cached=cached)
  costs['total'] = sum(costs.values(), Cost())
  return costs
