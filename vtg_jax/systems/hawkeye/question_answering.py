"""HawkEye answers multiple-choice questions about a video.

One prompt about one stretch of video, in the tables and programs that a
search of a single interval would use.
"""

import dataclasses
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from input_pipeline.frame_choice import message_times_s
from input_pipeline.frame_store import FrameStore
from vtg_jax.errors import BadInput
from vtg_jax.llm.tokenizers import SentencePieceTokenizer, WordPieceTokenizer
from vtg_jax.moments import Answer
from vtg_jax.moments.options import chosen_index, lettered
from vtg_jax.recursion.coarse_to_fine import Moves
from vtg_jax.systems.checks import (
  MODES,
  SAMPLINGS,
  check_known,
  checked_queries,
  checked_score,
  options_of_questions,
)
from vtg_jax.systems.hawkeye import prompt
from vtg_jax.systems.hawkeye.config import SYSTEM, HawkEyeConfig
from vtg_jax.systems.hawkeye.frames import frames_of_interval
from vtg_jax.systems.hawkeye.model import HawkEye
from vtg_jax.systems.hawkeye.search import (
  Rows,
  SearchPrograms,
  SearchTables,
  prefill_node,
  prefill_prefix,
  score_rows,
)
from vtg_jax.systems.hawkeye.tables import TOKEN_BUCKET, NodeFrames

# Options' token tables are padded to a multiple of this.
OPTION_BUCKET = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChoiceAnswer:
  """What was answered.

  Attributes:
    reply: text as the papers' matchers read it, '(B) a dog'.
    index: of the chosen candidate; None where a generated reply names none.
    probabilities: of each candidate; empty where text was generated.
    log_prob: log-probability of the reply: of its tokens where it was
      generated, of the candidate among the candidates where it was scored.
    frame_times_s: times of the frames shown, seconds.
  """

  reply: str
  index: int | None
  probabilities: tuple[float, ...]
  log_prob: float
  frame_times_s: tuple[float, ...]

  def told(self, question: str) -> Answer:
    """The answer as every system gives one."""
    return Answer(
      question=question,
      text=self.reply,
      choice=self.index,
      # Sums of rounded probabilities may exceed 1 by a hair.
      probabilities=tuple(min(p, 1.0) for p in self.probabilities),
      score=math.exp(self.log_prob),
      system=SYSTEM,
    )


class QuestionAnswerer:
  """Answers questions with a HawkEye network.

  Args:
    config: sizes.
    network: the module.
    params: its parameters.
    tokenizer: of the language model.
    instruction_tokenizer: of the Q-Former.
    texts: the prompt's fixed strings.
  """

  def __init__(
    self,
    config: HawkEyeConfig,
    network: HawkEye,
    params,
    tokenizer: SentencePieceTokenizer,
    instruction_tokenizer: WordPieceTokenizer,
    *,
    texts: prompt.PromptTexts = prompt.VIDEO_QA,
  ):
    self.config = config
    self.texts = texts
    self._params = params
    self._tokenizer = tokenizer
    self._instruction_tokenizer = instruction_tokenizer
    programs = SearchPrograms(
      network,
      rows_per_step=1,
      max_new_tokens=texts.max_new_tokens,
      eos_id=tokenizer.eos_id,
    )
    self._prefix = programs.prefix
    self._generate = programs.generate

    def score(params, tables):
      prefix = prefill_prefix(network, params, tables)
      node = jnp.zeros((1,), jnp.int32)
      seen = prefill_node(network, params, tables, prefix, 0)
      rows = Rows(node, node, node, node)
      return score_rows(network, params, tables, prefix, seen, rows)[0]

    self._score = jax.jit(score)

  def answers(
    self,
    video: FrameStore,
    questions: str | Sequence[str],
    options: Sequence[str] | Sequence[Sequence[str]] | None,
    **how,
  ) -> list[Answer]:
    """Answers questions, each with its options; see `HawkEyeGrounder.answer`.

    Args:
      video: Opened.
      questions: Without options.
      options: A list for all questions, or one for each.
      **how: See `answer`.

    Raises:
      BadInput: there are no options, or they or a question cannot be asked.
    """
    if options is None:
      raise BadInput(
        f'the system {SYSTEM!r} answers by choosing; give the options to '
        'choose from'
      )
    questions = checked_queries(
      questions, self.texts.video_slot, what='question'
    )
    lists = options_of_questions(options, len(questions))
    return [
      self.answer(video, question, own, **how).told(question)
      for question, own in zip(questions, lists, strict=True)
    ]

  def answer(
    self,
    video: FrameStore,
    question: str,
    candidates: Sequence[str],
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    mode: str = 'generate',
    sampling: str = 'timestamp',
  ) -> ChoiceAnswer:
    """Chooses one of the candidates; see `HawkEyeGrounder.answer`."""
    _check(question, candidates, mode, sampling, self.texts.video_slot)
    shown = _shown(video, start_s, end_s, sampling, self.config.n_frames)
    tables = self._tables(video, question, candidates, shown, mode)
    times_s = tuple(shown.display_times_s.tolist())
    if mode == 'score':
      log_probs = np.asarray(self._score(self._params, tables), np.float64)
      best = int(np.argmax(log_probs))
      return ChoiceAnswer(
        reply=lettered(candidates)[best],
        index=best,
        probabilities=tuple(np.exp(log_probs).tolist()),
        log_prob=checked_score(float(log_probs[best])),
        frame_times_s=times_s,
      )
    prefix = self._prefix(self._params, tables)
    out = self._generate(
      self._params, tables, prefix, np.zeros(1, np.int32), np.ones(1, bool)
    )
    ids = np.asarray(out.ids[0, : out.length[0]]).tolist()
    text = self._tokenizer.decode(prompt.reply_ids(ids))
    reply = prompt.reply_text(text, return_prompt=self.texts.return_prompt)
    return ChoiceAnswer(
      reply=reply,
      index=chosen_index(reply, candidates),
      probabilities=(),
      log_prob=checked_score(float(out.log_prob[0])),
      frame_times_s=times_s,
    )

  def _tables(self, video, question, candidates, shown, mode) -> SearchTables:
    """One interval, one question, one order: a search's smallest tables."""
    texts, encode = self.texts, self._tokenizer.encode
    asked = prompt.video_qa_prompt(
      question, candidates, shown.times_s, texts=texts
    )
    before, after = asked.split(texts.video_slot)
    prefix_ids = np.array(encode(before, bos=True), np.int32)
    after_ids = encode(after)
    # All of the text is the question's own: nothing is shared.
    node_ids = np.array([after_ids[:1]], np.int32)
    query_ids = _padded_ids([after_ids[1:]], TOKEN_BUCKET)
    options = [
      self._tokenizer.encode_continuation(
        texts.answer_prompt, line.removeprefix(texts.return_prompt)
      )
      for line in lettered(candidates)
    ]
    option_ids = _padded_ids(options, OPTION_BUCKET)
    n = len(candidates)
    answer_tokens = (
      texts.max_new_tokens if mode == 'generate' else option_ids.shape[1]
    )
    longest = (
      len(prefix_ids)
      + self.config.qformer.n_tokens
      + 1
      + query_ids.shape[1]
      + answer_tokens
    )
    if longest > self.config.llm.max_positions:
      raise BadInput(
        f'the prompt takes {longest} tokens, the model has '
        f'{self.config.llm.max_positions} positions; shorten the question'
      )
    instruction = self._instruction_tokenizer.encode(
      texts.system, max_length=self.config.max_instruction_tokens
    )
    nowhere = jnp.full((1, n), -1, jnp.int32)
    return SearchTables(
      frames=jnp.asarray(video.get(shown.frame_ids)),
      frame_ids=jnp.arange(self.config.n_frames, dtype=jnp.int32)[None],
      moves=Moves(next_node=nowhere, outcome=nowhere),
      depth=jnp.zeros(1, jnp.int32),
      instruction_ids=jnp.asarray(instruction, jnp.int32),
      prefix_ids=jnp.asarray(prefix_ids),
      node_ids=jnp.asarray(node_ids),
      node_len=jnp.ones(1, jnp.int32),
      query_ids=jnp.asarray(query_ids)[None, :, None],
      query_len=jnp.full((1, 1, 1), len(after_ids) - 1, jnp.int32),
      order=jnp.arange(n, dtype=jnp.int32)[None, None, None],
      # Candidate i always stands behind letter i: only the diagonal is read.
      option_ids=jnp.asarray(
        np.broadcast_to(option_ids, (n, *option_ids.shape))
      ),
      option_len=jnp.asarray(
        np.broadcast_to([len(ids) for ids in options], (n, n)), jnp.int32
      ),
    )


def _shown(video, start_s, end_s, sampling, n_frames) -> NodeFrames:
  """The frames of a clip, or of the whole video."""
  by_paper = sampling == 'paper'
  duration_s = video.paper_duration_s if by_paper else video.duration_s
  low = 0.0 if start_s is None else float(start_s)
  high = duration_s if end_s is None else float(end_s)
  if low >= duration_s:
    raise BadInput(
      f'the clip starts at {low:g} s, {video.path} ends at {duration_s:g} s; '
      'give a clip inside the video'
    )
  if not (math.isfinite(low) and math.isfinite(high) and 0 <= low < high):
    raise BadInput(
      f'the clip from {start_s} to {end_s} s is empty; give a start before its '
      'end'
    )
  high = min(high, duration_s)
  shown = frames_of_interval(video, sampling, n_frames)(low, high)
  if not by_paper or not low or video.is_folder:
    return shown
  # Unlike its grounding script, the paper's question script tells the seconds
  # of the file, not of the clip.
  times_s = message_times_s(shown.frame_ids, video.fps)
  return dataclasses.replace(shown, times_s=times_s)


def _check(question, candidates, mode, sampling, video_slot) -> None:
  check_known('mode', mode, MODES)
  check_known('sampling', sampling, SAMPLINGS)
  for text in (question, *candidates):
    if video_slot in text:
      raise BadInput(
        f'{text!r} holds {video_slot}, which marks the place of the video in '
        'the prompt; leave it out'
      )


def _padded_ids(rows, bucket: int) -> np.ndarray:
  width = math.ceil(max(map(len, rows)) / bucket) * bucket
  ids = np.zeros((len(rows), width), np.int32)
  for i, row in enumerate(rows):
    ids[i, : len(row)] = row
  return ids
