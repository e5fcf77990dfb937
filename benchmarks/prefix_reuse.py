"""Many queries on one video against one: a mid-size Grounded-VideoLLM on CPU.

python -m benchmarks.table prefix_reuse

Random weights, float32, the tokenizer of the tests and as many words, 3420 rows
a video as in the model with Phi-3.5. Each turn opens the file anew, so that its
frames are decoded, encoded and prefilled once a turn:

    one       `ground` with one query
    many      `ground` with 32 queries
    further   one more query on a video that is open and was asked about
    anew      no reuse: the whole prompt of one query in one pass, without
              decoding and encoding

The scores of the first query are compared with those of `anew`.
"""

import dataclasses
import json
import pathlib
import tempfile
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import medians, ratio, take_turns
from input_pipeline.encode_video import Encoding
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm.config import (
  GroundedVideoLlmConfig,
  phi3,
)
from vtg_jax.systems.grounded_videollm.frames import shown_frames
from vtg_jax.systems.grounded_videollm.grounder import GroundedVideoLlmGrounder
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  param_shapes,
)
from vtg_jax.systems.grounded_videollm.prompt import GROUNDING
from vtg_jax.testing.numbered_video import write_numbered_video

N_FRAMES, FPS = 320, 8
THINGS = ('dog', 'man', 'red car', 'child', 'bird', 'woman', 'boat', 'door')
DEEDS = ('starts', 'stops', 'turns left', 'is gone')
QUERIES = tuple(f'the {thing} {deed}' for thing in THINGS for deed in DEEDS)
# Of log-probabilities; both ways round differently.
SAME = 1e-3
_GOLDEN = pathlib.Path(__file__).parents[1] / 'tests/golden/grounded_videollm'


def mid_size() -> GroundedVideoLlmConfig:
  """Both encoders 4 x 384, Phi 8 x 512; frames, grids and M as released."""
  whole = phi3()
  block = dict(width=384, n_heads=6, mlp_hidden=1536)
  image, video = whole.image_encoder, whole.video_encoder
  rope = dataclasses.replace(
    whole.llm.long_rope, short_factors=(1.0,) * 32, long_factors=(1.0,) * 32
  )
  return dataclasses.replace(
    whole,
    image_encoder=dataclasses.replace(
      image, block=dataclasses.replace(image.block, **block), n_layers=4
    ),
    video_encoder=dataclasses.replace(
      video, block=dataclasses.replace(video.block, **block), n_layers=4
    ),
    two_stream=dataclasses.replace(
      whole.two_stream, width=512, image_width=384, video_width=384
    ),
    llm=dataclasses.replace(
      whole.llm,
      width=512,
      n_layers=8,
      n_heads=8,
      n_kv_heads=8,
      head_dim=64,
      mlp_hidden=1344,
      lora=dataclasses.replace(whole.llm.lora, rank=16, alpha=32.0),
      long_rope=rope,
    ),
  )


def measure(
  config: GroundedVideoLlmConfig | None = None, repeats: int = 3
) -> dict:
  """Returns seconds of every way, their ratios and the scores' difference.

  Args:
    config: Mid-size when None.
    repeats: Turns of each way.

  Raises:
    RuntimeError: the scores with and without reuse differ.
  """
  config = config or mid_size()
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / 'video.mp4'
    encoding = Encoding(fps=FPS, gop=40)
    write_numbered_video(path, N_FRAMES, encoding, width=320, height=240)
    return _measure(_grounder(config), path, repeats)


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  difference = f'scores differ by {result["difference"]:.0e}'
  return [
    (
      f'Grounded-VideoLLM, {result["n_queries"]} queries on one video over one '
      'query',
      f'{result["ratio"]:.2f} ({result["many"]:.1f} s, {result["one"]:.1f} s)',
      '<= 2',
    ),
    (
      'Grounded-VideoLLM, one more query on an open video: reading its whole '
      'prompt again over that',
      f'{result["anew_ratio"]:.1f} ({result["anew"]:.2f} s, '
      f'{result["further"]:.2f} s), {difference}',
      '',
    ),
  ]


def _measure(grounder, path, repeats) -> dict:
  asker, config = grounder.asker, grounder.config
  opened = grounder.open_video(path)
  shown = shown_frames(opened, 'timestamp', config)
  video_rows = asker.programs.encode(
    asker.params, shown.keyframes[None], shown.frames[None]
  )
  whole = WholePrompt(config, asker.params, asker.wording, video_rows)
  asked = [asked_when(asker.wording, query) for query in QUERIES[:2]]
  longest = max(map(len, asked)) + 8
  width = len(asker.wording.before_ids) + config.n_video + longest
  difference = max(differences(asker, opened, whole, asked, [width] * 2))
  print(json.dumps({'difference': difference}), flush=True)
  if not difference < SAME:
    raise RuntimeError(f'reuse changes the scores by {difference}')
  seconds = take_turns(
    {
      'one': lambda: grounder.ground(grounder.open_video(path), QUERIES[0]),
      'many': lambda: grounder.ground(grounder.open_video(path), QUERIES),
      'further': lambda: grounder.ground(opened, QUERIES[1]),
      'anew': lambda: whole.scores(asked[1], width),
    },
    repeats=repeats,
  )
  return {
    **medians(seconds),
    'n_queries': len(QUERIES),
    'ratio': ratio(seconds, 'many', 'one'),
    'anew_ratio': ratio(seconds, 'anew', 'further'),
    'difference': difference,
  }


class WholePrompt:
  """The scores of times after a prompt that is read as a whole.

  Args:
    config: Sizes.
    params: Nested dict of arrays.
    wording: Of the language model.
    rows: That stand for the video, [1 R D].
  """

  def __init__(self, config, params, wording, rows):
    network = GroundedVideoLlm(config, Compute())
    self._wording, self._n_video = wording, config.n_video
    self._params, self._rows = params, rows

    def scores(params, rows, ids, last, start):
      variables = {'params': params}
      hidden = network.apply(
        variables,
        ids,
        jnp.ones(ids.shape, bool),
        rows,
        start,
        method='row_states',
      )
      logits = network.apply(variables, hidden[:, last], method='logits')[0]
      return jax.nn.log_softmax(logits[wording.time_ids])

    self._scores = jax.jit(scores)

  def scores(self, question: list[int], width: int):
    """Log-probability of each time after a question.

    Args:
      question: What stands behind the video.
      width: Tokens that the prompt is padded to, on the right.
    """
    before = self._wording.before_ids.tolist()
    ids = [*before, *[0] * self._n_video, *question]
    padded = np.zeros((1, width), np.int32)
    padded[0, : len(ids)] = ids
    return self._scores(
      self._params,
      self._rows,
      jnp.asarray(padded),
      jnp.asarray(len(ids) - 1),
      jnp.asarray([len(before)], jnp.int32),
    )


def differences(asker, video, whole: WholePrompt, asked, widths) -> list[float]:
  """Most by which scores differ between reusing what is known and not.

  Args:
    asker: Asks with reuse.
    video: Opened.
    whole: Reads the same video's prompt as a whole.
    asked: Tokens of each question, up to a start.
    widths: Of the padded prompt, one a question.
  """
  middle = list(asker.wording.span_words().middle)
  found = asker.spans(video, 'timestamp', asked, middle)
  worst = []
  for row, width, (start, end) in zip(asked, widths, found, strict=True):
    said = int(asker.wording.time_ids[start.argmax()])
    pairs = ((start, row), (end, [*row, said, *middle]))
    worst.append(
      max(
        float(np.abs(known - whole.scores(question, width)).max())
        for known, question in pairs
      )
    )
  return worst


def asked_when(wording, query: str) -> list[int]:
  """What stands behind the video when a query is grounded, up to a start."""
  asked = wording.question_ids(GROUNDING % query, when=True)
  return [*asked, *wording.span_words().lead]


def _grounder(config) -> GroundedVideoLlmGrounder:
  tokenizer = JsonTokenizer(
    _GOLDEN / 'tokenizer_phi3.json', time_tokens(config.n_intervals)
  )
  llm = dataclasses.replace(config.llm, vocab_size=tokenizer.vocab_size)
  config = dataclasses.replace(config, llm=llm)
  rng = np.random.default_rng(0)

  def draw(path, leaf):
    noise = 0.02 * rng.standard_normal(leaf.shape, np.float32)
    return noise + 1 if path[-1].key == 'scale' else noise

  params = jax.tree_util.tree_map_with_path(draw, param_shapes(config))
  return GroundedVideoLlmGrounder(config, params, tokenizer)
