"""HawkEye as a user meets it: a video and sentences in, moments out."""

import os
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from input_pipeline.video import FrameStore, Resize, open_video
from vtg_jax.convert import checkpoint
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments import coarse
from vtg_jax.moments.moment import Absent, Moment, Round
from vtg_jax.nn.compute import Compute
from vtg_jax.recursion.coarse_to_fine import SearchState, start_search
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.config import HawkEyeConfig
from vtg_jax.systems.hawkeye.frames import (
  SAMPLINGS,
  FilledTables,
  frames_of_interval,
)
from vtg_jax.systems.hawkeye.model import HawkEye
from vtg_jax.systems.hawkeye.search import SearchPrograms
from vtg_jax.systems.hawkeye.tables import (
  ROUNDS_BUCKET,
  option_orders,
  plan_search,
)

TOKENIZER, VOCABULARY = 'tokenizer.model', 'vocab.txt'
MODES = ('score', 'generate')
# The extra special token of the Q-Former's vocabulary.
EXTRA_TOKENS = ('[DEC]',)

Answer = Moment | Absent


class HawkEyeGrounder:
  """Finds moments by a coarse-to-fine search over the video.

  Attributes:
    system: Name of the system.
    config: Sizes of the network.
    notice: One line the user must read with every answer; empty if none.
    programs: The compiled programs.
  """

  system = 'hawkeye'

  def __init__(
    self,
    config: HawkEyeConfig,
    params,
    tokenizer: SentencePieceTokenizer,
    instruction_tokenizer: WordPieceTokenizer,
    *,
    compute: Compute | None = None,
    texts: prompt.PromptTexts = prompt.GROUNDING,
    notice: str = '',
  ):
    """Makes a grounder of parameters in memory.

    Args:
      config: Sizes.
      params: Nested dict of arrays.
      tokenizer: Of the language model.
      instruction_tokenizer: Of the Q-Former.
      compute: Numerics; float32 when None.
      texts: The prompt's fixed strings.
      notice: See the attribute.

    Raises:
      BadInput: when a tokenizer has more tokens than the network has rows.
    """
    for name, n_tokens, n_rows in (
      ('language model', tokenizer.vocab_size, config.llm.vocab_size),
      ('Q-Former', instruction_tokenizer.vocab_size, config.qformer.vocab_size),
    ):
      if n_tokens > n_rows:
        raise BadInput(
          f"the {name}'s tokenizer has {n_tokens} tokens, its network has "
          f'{n_rows} rows; give the tokenizer it was trained with'
        )
    compute = compute or Compute()
    self.config = config
    self.notice = notice
    self._params = jax.tree.map(jnp.asarray, params)
    self._tokenizer = tokenizer
    self._instruction_tokenizer = instruction_tokenizer
    self._texts = texts
    self.programs = SearchPrograms(
      HawkEye(config, compute),
      rows_per_step=1 if jax.default_backend() == 'cpu' else 8,
      max_new_tokens=texts.max_new_tokens,
      eos_id=tokenizer.eos_id,
    )

  def open_video(
    self,
    path: str | os.PathLike,
    *,
    resize: str = 'pil',
    on_progress: Callable[[int, int], None] | None = None,
  ) -> FrameStore:
    """Opens a video for any number of calls of `ground`.

    Args:
      path: Video file or folder of frames.
      resize: 'pil' for exactly what the checkpoint expects, 'swscale' for
        the fast one.
      on_progress: Called with (frames read, frames to read).

    Raises:
      BadInput: when it cannot be read.
    """
    size = Resize(size=self.config.encoder.image_size, method=resize)
    return open_video(path, resize=size, on_progress=on_progress)

  def ground(
    self,
    video: str | os.PathLike | FrameStore,
    queries: str | Sequence[str],
    *,
    top_k: int = 1,
    sampling: str = 'timestamp',
    mode: str = 'score',
    max_rounds: int = 4,
    n_orders: int = 1,
    beam_width: int | None = None,
    absent_below: float | None = None,
    seed: int = 0,
  ) -> list[Answer]:
    """Says when each query happens.

    Args:
      video: Path, or what `open_video` returned; every frame is decoded at
        most once per opened video.
      queries: One sentence or several; together they cost less.
      top_k: Most answers per query.
      sampling: 'timestamp' shows the frames on display at evenly spaced
        times; 'paper' uses the paper's index arithmetic.
      mode: 'score' compares the probabilities of the four answers;
        'generate' parses generated text, as the paper does.
      max_rounds: Most rounds; each halves the interval.
      n_orders: Option orders over which the scores are averaged; 4 removes
        the bias for a letter.
      beam_width: Searches kept alive per query; `top_k` when None.
      absent_below: Answer `Absent` when the best score is lower. The score is
        not calibrated. Off when None.
      seed: Of the option orders.

    Returns:
      Answers grouped by query, in the order asked, best first. A moment's
      score is the product of the probabilities of its rounds.

    Raises:
      BadInput: for an unreadable video, an empty or overlong query, or an
        option out of range.
    """
    queries = [queries] if isinstance(queries, str) else list(queries)
    width = max(top_k, beam_width or 1)
    _check_options(
      self._texts,
      queries,
      top_k,
      sampling,
      mode,
      max_rounds,
      n_orders,
      width,
    )
    if not isinstance(video, FrameStore):
      video = self.open_video(video)
    duration_s = (
      video.paper_duration_s if sampling == 'paper' else video.duration_s
    )
    plan = plan_search(
      self.config,
      self._texts,
      self._tokenizer,
      self._instruction_tokenizer,
      duration_s=duration_s,
      frames_of=frames_of_interval(video, sampling, self.config.n_frames),
      queries=queries,
      orders=[
        option_orders(query, n_orders, max(max_rounds, ROUNDS_BUCKET), seed)
        for query in queries
      ],
      max_rounds=max_rounds,
      answer_tokens=self._texts.max_new_tokens if mode == 'generate' else 0,
    )
    if mode == 'generate':
      if width > 1 or n_orders > 1:
        raise BadInput(
          'mode generate follows one path under one option order; use mode '
          'score for top_k, beam_width or n_orders above 1'
        )
      found = self._generate(plan, video, queries)
    else:
      found = self._score(plan, video, len(queries), width, max_rounds)
    return [
      answer
      for query, beams in zip(queries, found, strict=True)
      for answer in self._answers(
        query, beams, plan, duration_s, top_k, absent_below
      )
    ]

  def _score(self, plan, video, n_queries, width, max_rounds):
    """Plays the search; per query a list of (path, node path, probs, score)."""
    tables = FilledTables(plan, self.config.encoder.image_size)
    Q = tables.n_queries
    state = start_search(
      jnp.arange(Q) < n_queries,
      width=width,
      n_rounds=tables.n_rounds,
      n_choices=len(plan.tree.choices),
    )
    if not video.missing(plan.rows):
      tables.load(video, plan.rows)
      state = self.programs.search(
        self._params, tables.value, state, max_rounds
      )
    else:
      # Cold: decode only the frames of the paths that are taken.
      tables.load(video, tables.frames_of_nodes([0]))
      prefix = self.programs.prefix(self._params, tables.value)
      for _ in range(max_rounds):
        active = np.asarray(state.active)
        if not active.any():
          break
        nodes = np.asarray(state.node)[active]
        tables.load(video, tables.frames_of_nodes(nodes))
        state = self.programs.round(self._params, tables.value, prefix, state)
    state = SearchState(*map(np.asarray, state))
    return [_beams(state, q) for q in range(n_queries)]

  def _generate(self, plan, video, queries):
    """The paper's way: generate, parse on the host, go on."""
    tables = FilledTables(plan, self.config.encoder.image_size)
    node = np.zeros(tables.n_queries, np.int32)
    active = np.arange(tables.n_queries) < len(queries)
    beams = [([], [], [], 0.0) for _ in queries]
    tables.load(video, tables.frames_of_nodes([0]))
    prefix = self.programs.prefix(self._params, tables.value)
    while active.any():
      tables.load(video, tables.frames_of_nodes(node[active]))
      out = self.programs.generate(
        self._params, tables.value, prefix, node, active
      )
      for q in np.flatnonzero(active):
        ids = np.asarray(out.ids[q, : out.length[q]])
        order = plan.orders[q][0][plan.tree.depth[node[q]]]
        category = coarse.parse_answer(self._reply(ids), order)
        choice = plan.tree.choices.index(category)
        path, node_path, probabilities, score = beams[q]
        beams[q] = (
          [*path, choice],
          [*node_path, int(node[q])],
          [*probabilities, None],
          score + float(out.log_prob[q]),
        )
        child = plan.tree.next_node[node[q], choice]
        active[q] = child >= 0
        node[q] = max(child, 0)
    return [[beam] for beam in beams]

  def _reply(self, ids):
    text = self._tokenizer.decode(prompt.reply_ids(ids.tolist()))
    return prompt.reply_text(text, return_prompt=self._texts.return_prompt)

  def _answers(self, query, beams, plan, duration_s, top_k, absent_below):
    """The best distinct intervals, or Absent; equal ones add their scores."""
    choices = plan.tree.choices
    scores, rounds = {}, {}
    for path, node_path, log_probs, log_score in beams:
      span = coarse.span_of_path(duration_s, [choices[c] for c in path])
      scores[span] = scores.get(span, 0.0) + float(np.exp(log_score))
      rounds.setdefault(span, _rounds(plan, path, node_path, log_probs))
    best = sorted(scores, key=scores.get, reverse=True)[:top_k]
    common = dict(query=query, system=self.system)
    if absent_below is not None and scores[best[0]] < absent_below:
      return [
        Absent(
          score=scores[best[0]],
          threshold=absent_below,
          rounds=rounds[best[0]],
          **common,
        )
      ]
    return [
      Moment(
        start_s=span[0],
        end_s=span[1],
        score=scores[span],
        rounds=rounds[span],
        **common,
      )
      for span in best
    ]


def _beams(state: SearchState, q: int):
  """The finished searches of one query, best first."""
  beams = []
  for w in np.flatnonzero(np.isfinite(state.log_score[q])):
    n = int((state.path[q, w] >= 0).sum())
    beams.append(
      (
        state.path[q, w, :n].tolist(),
        state.node_path[q, w, :n].tolist(),
        list(state.log_probs[q, w, :n]),
        state.log_score[q, w],
      )
    )
  return beams


def _rounds(plan, path, node_path, log_probs) -> tuple[Round, ...]:
  tree = plan.tree
  return tuple(
    Round(
      start_s=float(tree.start_s[node]),
      end_s=float(tree.end_s[node]),
      choice=tree.choices[choice],
      probabilities={}
      if log_p is None
      else {
        name: float(p)
        for name, p in zip(tree.choices, np.exp(log_p), strict=True)
      },
      frame_times_s=tuple(
        float(tree.start_s[node] + t) for t in plan.nodes[node].times_s
      ),
    )
    for choice, node, log_p in zip(path, node_path, log_probs, strict=True)
  )


def _check_options(
  texts, queries, top_k, sampling, mode, max_rounds, n_orders, width
):
  if not queries:
    raise BadInput('there is no query; give at least one sentence')
  for query in queries:
    if not query.strip():
      raise BadInput('a query is empty; give a sentence to look for')
    if texts.video_slot in query:
      raise BadInput(
        f'the query holds {texts.video_slot}, which marks the place of the '
        'video in the prompt; leave it out'
      )
  for name, value, known in (
    ('sampling', sampling, SAMPLINGS),
    ('mode', mode, MODES),
  ):
    if value not in known:
      raise BadInput(f'{name} {value!r} is unknown; use one of {known}')
  for name, value, most in (
    ('top_k', top_k, 64),
    ('beam_width', width, 64),
    ('max_rounds', max_rounds, 10),
    ('n_orders', n_orders, 24),
  ):
    if not 1 <= value <= most:
      raise BadInput(f'{name} is {value}; it must be from 1 to {most}')


def load(
  folder: str | os.PathLike, *, dtype: str | None = None, attention='auto'
) -> HawkEyeGrounder:
  """Loads a checkpoint folder of ours.

  Args:
    folder: Made by `vtg convert` or `vtg train`.
    dtype: Of parameters and activations; float32 on CPU and bfloat16
      elsewhere when None.
    attention: See `Compute.attention`.

  Raises:
    BadInput: when the folder is no such checkpoint, or is damaged.
  """
  description = checkpoint.read_config(folder)
  config = HawkEyeConfig.from_dict(description.get('model'))
  if dtype is None:
    dtype = 'float32' if jax.default_backend() == 'cpu' else 'bfloat16'
  compute = Compute(dtype=dtype, attention=attention)
  params = checkpoint.load_params(folder, dtype=compute.jnp_dtype)
  return HawkEyeGrounder(
    config,
    params,
    SentencePieceTokenizer(checkpoint.tokenizer_file(folder, TOKENIZER)),
    WordPieceTokenizer(
      checkpoint.tokenizer_file(folder, VOCABULARY), EXTRA_TOKENS
    ),
    compute=compute,
    notice=description.get('notice', ''),
  )
