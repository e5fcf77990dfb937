"""HawkEye as a user meets it: a video and sentences in, moments out."""

import dataclasses
import functools
import os
import weakref
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from input_pipeline.video import FrameStore
from vtg_jax import moments
from vtg_jax.convert import checkpoint
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments import coarse
from vtg_jax.nn.compute import Compute
from vtg_jax.recursion.coarse_to_fine import SearchState, start_search
from vtg_jax.systems.checks import checked_queries, checked_score
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.answers import (
  Answer,
  PlayedPath,
  PlayedRound,
  answers,
  played_paths,
)
from vtg_jax.systems.hawkeye.benchmarks import BENCHMARK_OPTIONS
from vtg_jax.systems.hawkeye.config import SYSTEM, HawkEyeConfig
from vtg_jax.systems.hawkeye.frames import (
  FilledTables,
  duration_by,
  frames_of_interval,
  frames_of_search,
)
from vtg_jax.systems.hawkeye.model import HawkEye, param_shapes
from vtg_jax.systems.hawkeye.options import (
  SearchOptions,
  default_beam,
)
from vtg_jax.systems.hawkeye.question_answering import QuestionAnswerer
from vtg_jax.systems.hawkeye.search import SearchPrograms
from vtg_jax.systems.hawkeye.tables import (
  ROUNDS_BUCKET,
  SearchPlan,
  option_orders,
  plan_search,
)
from vtg_jax.systems.loading import OpensVideos, load_network
from vtg_jax.systems.vocabularies import (
  TOKENIZER,
  VOCABULARY,
  check_tokenizers,
  read_tokenizers,
)

# More queries than this are asked one batch after the other.
QUERIES_AT_ONCE = 32


class HawkEyeGrounder(OpensVideos):
  """Finds moments by a coarse-to-fine search over the video.

  Attributes:
    system: Name of the system.
    benchmark_options: How it is asked on benchmarks; see `Grounder`.
    config: Sizes of the network.
    notice: One line the user must read with every answer; empty if none.
    frame_size: Pixels of a side of a frame.
    programs: The compiled programs.
  """

  system = SYSTEM
  benchmark_options = BENCHMARK_OPTIONS

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
      BadInput: when a tokenizer does not fit the network.
    """
    check_tokenizers(config, tokenizer, instruction_tokenizer)
    compute = compute or Compute()
    self.config = config
    self.notice = notice
    self.frame_size = config.encoder.image_size
    self._params = jax.device_put(params)
    self._tokenizer = tokenizer
    self._instruction_tokenizer = instruction_tokenizer
    self._texts = texts
    # Opened video -> its frame table on the device, once all of it is read.
    self._resident = weakref.WeakKeyDictionary()
    self._network = HawkEye(config, compute)
    self.programs = SearchPrograms(
      self._network,
      rows_per_step=1 if jax.default_backend() == 'cpu' else 8,
      max_new_tokens=texts.max_new_tokens,
      eos_id=tokenizer.eos_id,
    )

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
    prefetch: bool = False,
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
      n_orders: Option orders over which the scores are averaged; 4, or a
        multiple, removes the bias for a letter.
      beam_width: Searches kept alive per query, at least `top_k`; twice as
        many when None, but 1 for 1.
      absent_below: Answer `Absent` when the best score is lower. The score is
        not calibrated. Off when None.
      seed: Of the option orders.
      prefetch: Decode every frame that a search could look at, in one pass,
        then play all rounds as one program. Pays when much will be asked
        about one opened video; otherwise only the frames on the paths taken
        are decoded, round by round.

    Returns:
      Answers grouped by query, in the order asked, best first. A moment's
      score is the product of the probabilities of its rounds, summed over
      the paths that lead to its interval.

    Raises:
      BadInput: for an unreadable video, an empty or overlong query, or an
        option out of range.
    """
    options = SearchOptions(
      top_k=top_k,
      sampling=sampling,
      mode=mode,
      max_rounds=max_rounds,
      n_orders=n_orders,
      beam_width=default_beam(top_k) if beam_width is None else beam_width,
      absent_below=absent_below,
      seed=seed,
    )
    queries = checked_queries(queries, self._texts.video_slot)
    video = self.opened(video)
    found = []
    for start in range(0, len(queries), QUERIES_AT_ONCE):
      some = queries[start : start + QUERIES_AT_ONCE]
      found += self._ground_together(video, some, options, prefetch)
    return found

  def announce(
    self,
    video: FrameStore,
    *,
    sampling: str = 'timestamp',
    max_rounds: int = 4,
    **_,
  ) -> None:
    """See `AnnouncesFrames.announce`."""
    n_frames = self.config.n_frames
    video.announce(frames_of_search(video, sampling, n_frames, max_rounds))

  @functools.cached_property
  def questions(self) -> QuestionAnswerer:
    """The programs that answer questions, made when first needed."""
    return QuestionAnswerer(
      self.config,
      self._network,
      self._params,
      self._tokenizer,
      self._instruction_tokenizer,
    )

  def answer(
    self,
    video: str | os.PathLike | FrameStore,
    questions: str | Sequence[str],
    *,
    options: Sequence[str] | Sequence[Sequence[str]] | None = None,
    evidence: bool = False,
    start_s: float | None = None,
    end_s: float | None = None,
    mode: str = 'generate',
    sampling: str = 'timestamp',
  ) -> list[moments.Answer]:
    """Answers multiple-choice questions about a video.

    Args:
      video: Path, or what `open_video` returned.
      questions: One or several, without their options.
      options: To choose from, without letters, 2 to 26: a list for all
        questions, or one for each. This system needs them.
      evidence: Search also for the moment of each question.
      start_s: Start of the clip that is asked about; the video's when None.
      end_s: Its end; the video's when None.
      mode: 'generate' writes a reply, as the paper does; 'score' compares
        the probabilities of the candidates' texts.
      sampling: See `ground`.

    Raises:
      BadInput: for an unreadable video or clip, or a question that is none.
    """
    video = self.opened(video)
    how = {'mode': mode, 'sampling': sampling}
    answers = self.questions.answers(
      video, questions, options, start_s=start_s, end_s=end_s, **how
    )
    if not evidence:
      return answers
    seen = self.ground(video, questions, **how)
    return [
      dataclasses.replace(answer, evidence=(moment,))
      for answer, moment in zip(answers, seen, strict=True)
    ]

  def _ground_together(self, video, queries, options, prefetch) -> list[Answer]:
    """Answers of queries that fit into one program."""
    plan = self._plan(video, queries, options)
    if prefetch:
      video.prefetch(plan.rows)
    play = self._score if options.mode == 'score' else self._generate
    return [
      answer
      for query, paths in zip(queries, play(plan, video, options), strict=True)
      for answer in answers(
        query,
        paths,
        plan,
        top_k=options.top_k,
        absent_below=options.absent_below,
      )
    ]

  def _plan(self, video, queries, options) -> SearchPlan:
    """Every round that could be played, before any frame is decoded."""
    n_rounds = max(options.max_rounds, ROUNDS_BUCKET)
    generates = options.mode == 'generate'
    return plan_search(
      self.config,
      self._texts,
      self._tokenizer,
      self._instruction_tokenizer,
      duration_s=duration_by(video, options.sampling),
      frames_of=frames_of_interval(
        video, options.sampling, self.config.n_frames
      ),
      queries=queries,
      orders=[
        option_orders(query, options.n_orders, n_rounds, options.seed)
        for query in queries
      ],
      max_rounds=options.max_rounds,
      answer_tokens=self._texts.max_new_tokens if generates else 0,
    )

  def _score(self, plan, video, options) -> list[list[PlayedPath]]:
    """Plays the search by the probabilities of the choices."""
    n_queries = len(plan.orders)
    tables = FilledTables(plan, self.config.encoder.image_size)
    state = start_search(
      jnp.arange(tables.n_queries) < n_queries,
      width=options.beam_width,
      n_rounds=tables.n_rounds,
      n_choices=len(plan.tree.choices),
    )
    if video.missing(plan.rows):
      state = self._search_cold(plan, video, tables, state, options)
    else:
      self._fill(tables, video, plan)
      state = self.programs.search(
        self._params, tables.value, state, options.max_rounds
      )
    state = SearchState(*map(np.asarray, state))
    return [played_paths(state, q) for q in range(n_queries)]

  def _fill(self, tables, video, plan) -> None:
    """Puts all frames on the device, where they stay for the next call."""
    rows, frames = self._resident.get(video, (None, None))
    if rows == plan.rows:
      tables.take(frames)
    else:
      tables.load(video, plan.rows)
      self._resident[video] = plan.rows, tables.value.frames

  def _search_cold(self, plan, video, tables, state, options):
    """Round by round, so that only frames on the paths taken are decoded."""
    tables.load(video, tables.frames_of_nodes([0]))
    prefix = self.programs.prefix(self._params, tables.value)
    for _ in range(options.max_rounds):
      active = np.asarray(state.active)
      if not active.any():
        break
      nodes = np.asarray(state.node)[active]
      tables.load(video, tables.frames_of_nodes(nodes))
      state = self.programs.round(self._params, tables.value, prefix, state)
    return state

  def _generate(self, plan, video, options) -> list[list[PlayedPath]]:
    """The paper's way: generate, parse on the host, go on."""
    del options  # one path, one order, as many rounds as the tree has
    n_queries = len(plan.orders)
    tables = FilledTables(plan, self.config.encoder.image_size)
    node = np.zeros(tables.n_queries, np.int32)
    active = np.arange(tables.n_queries) < n_queries
    paths = [PlayedPath(rounds=(), log_score=0.0)] * n_queries
    tables.load(video, tables.frames_of_nodes([0]))
    prefix = self.programs.prefix(self._params, tables.value)
    while active.any():
      tables.load(video, tables.frames_of_nodes(node[active]))
      out = self.programs.generate(
        self._params, tables.value, prefix, node, active
      )
      for q in np.flatnonzero(active):
        reply = self._reply(out.ids[q, : out.length[q]])
        order = plan.orders[q][0][plan.tree.depth[node[q]]]
        category = coarse.parse_answer(reply, order)
        choice = plan.tree.choices.index(category)
        played = PlayedRound(node=int(node[q]), choice=choice)
        paths[q] = PlayedPath(
          rounds=(*paths[q].rounds, played),
          log_score=paths[q].log_score + checked_score(float(out.log_prob[q])),
        )
        child = plan.tree.next_node[node[q], choice]
        active[q], node[q] = child >= 0, max(child, 0)
    return [[path] for path in paths]

  def _reply(self, ids) -> str:
    text = self._tokenizer.decode(prompt.reply_ids(np.asarray(ids).tolist()))
    return prompt.reply_text(text, return_prompt=self._texts.return_prompt)


def load(
  folder: str | os.PathLike, *, dtype: str | None = None, attention='auto'
) -> HawkEyeGrounder:
  """Loads a checkpoint folder of ours.

  Args:
    folder: Made by `vtg convert`.
    dtype: Of parameters and activations; float32 on CPU and bfloat16
      elsewhere when None.
    attention: See `Compute.attention`.

  Raises:
    BadInput: when the folder is no such checkpoint, or is damaged.
  """
  loaded = load_network(
    folder,
    read_sizes=HawkEyeConfig.from_dict,
    param_shapes=param_shapes,
    dtype=dtype,
    attention=attention,
  )
  files = {
    name: checkpoint.tokenizer_file(folder, name)
    for name in (TOKENIZER, VOCABULARY)
  }
  return HawkEyeGrounder(
    loaded.config,
    loaded.params,
    *read_tokenizers(files),
    compute=loaded.compute,
    notice=loaded.notice,
  )
