"""The compiled search of a mid-size HawkEye on a 10-minute 720p file.

python -m benchmarks.table recursion

Random weights, float32, the tokenizers of the tests, four rounds. The choices
are scripted so that paths meet or part as a row says; the network's work is
done all the same and its probabilities are what the script is added to.

    compiled    all rounds as one program, frames resident
    loop        the same jitted round called from Python, frames resident
    cold        `ground` on an unopened file: frames decoded once, as needed
    re-decoding the same jitted round; every round of every query opens the
                file and decodes its frames again, as the original does
"""

import dataclasses
import functools
import json
import pathlib
import tempfile
import time
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.reader import write_long_video
from benchmarks.timing import medians, ratio, take_turns
from benchmarks.video_encoder import umt_config
from input_pipeline.pixels import Resize
from input_pipeline.video import open_video
from vtg_jax.adapters.qformer import QFormerConfig
from vtg_jax.llm.decoder_config import DecoderConfig
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments import coarse
from vtg_jax.nn.compute import Compute
from vtg_jax.nn.dense import LoraConfig
from vtg_jax.recursion.coarse_to_fine import start_search
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.config import HawkEyeConfig
from vtg_jax.systems.hawkeye.frames import FilledTables, frames_of_interval
from vtg_jax.systems.hawkeye.grounder import HawkEyeGrounder
from vtg_jax.systems.hawkeye.model import HawkEye, param_shapes
from vtg_jax.systems.hawkeye.search import SearchPrograms
from vtg_jax.systems.hawkeye.tables import option_orders, plan_search
from vtg_jax.systems.vocabularies import EXTRA_TOKENS

DURATION_S = 600.0
N_ROUNDS = 4
QUERIES = (
  'a red square spins',
  'a dog runs',
  'a man opens a door',
  'the blue circle leaves',
  'somebody pours water',
  'a car turns left',
  'the lights go out',
  'two people shake hands',
)
# Choice of each query in each round, as indices into `coarse.CATEGORIES`.
ONE_PATH = np.array([[0, 1, 2, 1]] * 8)
DIVERGING = np.array([[q % 3, q // 3, (q + 1) % 3, q % 3] for q in range(8)])
_GOLDEN = pathlib.Path(__file__).parents[1] / 'tests' / 'golden' / 'hawkeye'


def mid_size() -> HawkEyeConfig:
  """Encoder 12 x 384 at 224 px, Q-Former 6 x 384, LLaMA 8 x 512."""
  return HawkEyeConfig(
    encoder=umt_config(384, 12, 6),
    vision_norm_eps=1e-12,
    qformer=QFormerConfig(
      width=384,
      n_layers=6,
      n_heads=6,
      mlp_hidden=1536,
      vocab_size=30523,
      max_positions=512,
      n_queries=32,
      n_extra_queries=64,
      cross_attention_every=2,
      features_width=384,
      norm_eps=1e-12,
      dropout=0.1,
      drop_path=0.2,
    ),
    llm=DecoderConfig(
      vocab_size=32000,
      width=512,
      n_layers=8,
      n_heads=8,
      n_kv_heads=8,
      head_dim=64,
      mlp_hidden=1344,
      norm_eps=1e-6,
      rope_theta=10000.0,
      max_positions=2048,
      tied_embeddings=False,
      lora=LoraConfig(
        rank=16, alpha=32.0, dropout=0.1, targets=('q_proj', 'v_proj')
      ),
    ),
    n_frames=12,
    max_text_tokens=512,
    stop_ids=((2,),),
    pad_id=2,
  )


class ScriptedPrograms(SearchPrograms):
  """Follows `params['script']` [Q R] after the network has done its work."""

  def scorer(self, params, tables, prefix):
    network = super().scorer(params, tables, prefix)

    def scripted(node, active, round_):
      log_probs = network(node, active, round_)
      choice = params['script'][: node.shape[0], round_]
      chosen = jax.nn.one_hot(choice[:, None], log_probs.shape[-1])
      return jax.nn.log_softmax(log_probs + 100 * chosen)

    return scripted


def measure(
  config: HawkEyeConfig | None = None,
  duration_s: float = DURATION_S,
  repeats: int = 3,
) -> dict:
  """Returns seconds of every way and the ratios of the table.

  Args:
    config: Mid-size when None.
    duration_s: Of the file that is written and searched.
    repeats: Turns of each way.
  """
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / 'long.mp4'
    write_long_video(path, duration_s)
    bench = _Bench(config or mid_size(), path)
    result = {'video_s': duration_s, 'compile_s': bench.compile_s()}
    for name, part in (
      ('warm', _warm),
      ('warm_eight', _warm_eight),
      ('cold', _cold),
      ('cold_eight', _cold_eight),
    ):
      result[name] = part(bench, repeats)
      print(json.dumps({name: result[name]}), flush=True)
  return result


def rows(result: Mapping) -> list[tuple[str, str, str]]:
  """Returns (what, measured, target) for the table in the README."""
  warm, eight = result['warm'], result['warm_eight']
  cold, cold_eight = result['cold'], result['cold_eight']
  return [
    (
      'search, one warm query: compiled over the loop from Python',
      f'{warm["ratio"]:.2f} ({warm["compiled"]:.1f} s, {warm["loop"]:.1f} s)',
      '<= 1.05',
    ),
    (
      'search, one cold query: ours over re-decoding every round',
      f'{cold["ratio"]:.2f} ({cold["cold"]:.1f} s, '
      f'{cold["re_decoding"]:.1f} s)',
      '<= 1',
    ),
    (
      'search, 8 cold queries of one path: 8 re-decoding runs over ours',
      f'{cold_eight["ratio"]:.2f} ({cold_eight["re_decoding"]:.0f} s, '
      f'{cold_eight["one_path"]:.0f} s)',
      '>= 4',
    ),
    (
      'search, 8 cold queries that part: 8 re-decoding runs over ours',
      f'{cold_eight["diverging_ratio"]:.2f} '
      f'({cold_eight["re_decoding"]:.0f} s, {cold_eight["diverging"]:.0f} s)',
      '',
    ),
    (
      'search, 8 warm queries of one path over one query',
      f'{eight["one_path_ratio"]:.2f} ({eight["one_path"]:.1f} s)',
      '<= 4',
    ),
    (
      'search, 8 warm queries that part over one query',
      f'{eight["diverging_ratio"]:.2f} ({eight["diverging"]:.1f} s)',
      '<= 6',
    ),
    (
      'search, compilation for one query, for eight',
      f'{result["compile_s"]["1"]:.1f} s, {result["compile_s"]["8"]:.1f} s',
      '',
    ),
  ]


def _warm(bench: '_Bench', repeats: int) -> dict:
  tables, start = bench.warm(1)
  params = bench.params(ONE_PATH)
  seconds = take_turns(
    {
      'compiled': lambda: bench.programs.search(
        params, tables, start, N_ROUNDS
      ),
      'loop': lambda: bench.play(params, lambda state: tables, start),
    },
    repeats=repeats,
  )
  return {**medians(seconds), 'ratio': ratio(seconds, 'compiled', 'loop')}


def _warm_eight(bench: '_Bench', repeats: int) -> dict:
  def run(n_queries, script):
    tables, start = bench.warm(n_queries)
    return lambda: bench.programs.search(
      bench.params(script), tables, start, N_ROUNDS
    )

  seconds = take_turns(
    {
      'one': run(1, ONE_PATH),
      'one_path': run(8, ONE_PATH),
      'diverging': run(8, DIVERGING),
    },
    repeats=repeats,
  )
  return {
    **medians(seconds),
    'one_path_ratio': ratio(seconds, 'one_path', 'one'),
    'diverging_ratio': ratio(seconds, 'diverging', 'one'),
  }


def _cold(bench: '_Bench', repeats: int) -> dict:
  grounder = bench.grounder(ONE_PATH)
  seconds = take_turns(
    {
      'cold': lambda: _ground(grounder, bench.path, QUERIES[:1]),
      're_decoding': lambda: bench.re_decode(QUERIES[0], ONE_PATH[:1]),
    },
    repeats=repeats,
  )
  return {**medians(seconds), 'ratio': ratio(seconds, 'cold', 're_decoding')}


def _cold_eight(bench: '_Bench', repeats: int) -> dict:
  del repeats  # a turn is minutes long, and eight runs are eight repeats

  def run(script):
    grounder = bench.grounder(script)
    return lambda: _ground(grounder, bench.path, QUERIES)

  def re_decode():
    for i, query in enumerate(QUERIES):
      bench.re_decode(query, ONE_PATH[i : i + 1])

  run(ONE_PATH)()  # compiles the round of eight queries
  seconds = take_turns(
    {
      'one_path': run(ONE_PATH),
      'diverging': run(DIVERGING),
      're_decoding': re_decode,
    },
    repeats=1,
    warm_up=0,
  )
  return {
    **medians(seconds),
    'ratio': ratio(seconds, 're_decoding', 'one_path'),
    'diverging_ratio': ratio(seconds, 're_decoding', 'diverging'),
  }


def _ground(grounder, path, queries) -> None:
  answers = grounder.ground(path, queries)
  n_rounds = [len(answer.rounds) for answer in answers]
  if n_rounds != [N_ROUNDS] * len(queries):
    raise RuntimeError(f'{n_rounds=} of {len(queries)} queries')


@dataclasses.dataclass(eq=False)
class _Bench:
  """The network, its programs and the file."""

  config: HawkEyeConfig
  path: pathlib.Path

  def __post_init__(self):
    self.tokenizers = (
      SentencePieceTokenizer(_GOLDEN / 'llama_tokenizer.model'),
      WordPieceTokenizer(_GOLDEN / 'bert_vocab.txt', EXTRA_TOKENS),
    )
    rng = np.random.default_rng(0)

    def draw(path, leaf):
      noise = 0.02 * rng.normal(size=leaf.shape).astype(np.float32)
      return jnp.asarray(noise + 1 if path[-1].key == 'scale' else noise)

    self._params = jax.tree_util.tree_map_with_path(
      draw, param_shapes(self.config)
    )
    self.programs = ScriptedPrograms(
      HawkEye(self.config, Compute()),
      rows_per_step=1,
      max_new_tokens=prompt.GROUNDING.max_new_tokens,
      eos_id=self.tokenizers[0].eos_id,
    )
    self._video = self.open()

  def params(self, script: np.ndarray) -> dict:
    """The network's parameters and what to choose."""
    return {**self._params, 'script': jnp.asarray(script, jnp.int32)}

  def grounder(self, script: np.ndarray) -> HawkEyeGrounder:
    """A grounder that follows a script."""
    grounder = HawkEyeGrounder(
      self.config, self.params(script), *self.tokenizers
    )
    grounder.programs = self.programs
    return grounder

  def open(self):
    """The file, nothing of it decoded."""
    size = Resize(size=self.config.encoder.image_size)
    return open_video(self.path, resize=size)

  def tables(self, queries, video) -> tuple[FilledTables, object]:
    """Empty tables of a search, and its plan."""
    plan = plan_search(
      self.config,
      prompt.GROUNDING,
      *self.tokenizers,
      duration_s=video.duration_s,
      frames_of=frames_of_interval(video, 'timestamp', self.config.n_frames),
      queries=queries,
      orders=[option_orders(query, 1, N_ROUNDS, 0) for query in queries],
      max_rounds=N_ROUNDS,
    )
    return FilledTables(plan, self.config.encoder.image_size), plan

  def start(self, n_queries: int):
    """Every query at the whole video."""
    return start_search(
      jnp.ones(n_queries, bool),
      width=1,
      n_rounds=N_ROUNDS,
      n_choices=len(coarse.CATEGORIES),
    )

  @functools.cache  # noqa: B019
  def warm(self, n_queries: int):
    """Tables with every frame of the tree, and the start."""
    filled, plan = self.tables(QUERIES[:n_queries], self._video)
    filled.load(self._video, plan.rows)
    return filled.value, self.start(n_queries)

  def compile_s(self) -> dict:
    """Seconds to trace and compile the search, by number of queries."""
    seconds = {}
    for n_queries in (1, 8):
      operands = (self.params(ONE_PATH), *self.warm(n_queries), N_ROUNDS)
      begin = time.perf_counter()
      self.programs.search.lower(*operands).compile()
      seconds[str(n_queries)] = round(time.perf_counter() - begin, 1)
    return seconds

  def play(self, params, tables_of, state):
    """Rounds from Python, looking at the state after each."""
    prefix = None
    for _ in range(N_ROUNDS):
      tables = tables_of(state)
      if prefix is None:
        prefix = self.programs.prefix(params, tables)
      state = self.programs.round(params, tables, prefix, state)
      if not np.asarray(state.active).any():
        break
    return state

  def re_decode(self, query: str, script: np.ndarray):
    """One query; each round opens the file and decodes its frames."""
    filled, plan = self.tables([query], self.open())

    def tables_of(state):
      node = int(np.asarray(state.node)[0, 0])
      filled.load(self.open(), sorted({*plan.nodes[node].frame_ids.tolist()}))
      return filled.value

    return self.play(self.params(script), tables_of, self.start(1))
