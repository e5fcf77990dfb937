"""Queries about a video whose frames are known, to answers.

words -> questions -> search -> answers, together for all queries of a video
"""

from collections.abc import Sequence

from vtg_jax.moments.moment import Absent, Moment
from vtg_jax.recursion.cost import Prices
from vtg_jax.recursion.search_plan import SearchPlan
from vtg_jax.systems.revisionllm import prompt
from vtg_jax.systems.revisionllm.answers import told
from vtg_jax.systems.revisionllm.asker import Asker
from vtg_jax.systems.revisionllm.compiled import search_compiled
from vtg_jax.systems.revisionllm.known_videos import KnownVideos, Video
from vtg_jax.systems.revisionllm.likeness import search_by_likeness
from vtg_jax.systems.revisionllm.options import COMPILED, SearchOptions
from vtg_jax.systems.revisionllm.searching import Asked, search_queries

# Of each query, best first.
Answers = list[list[Moment | Absent]]


def answers_by_search(
  asker: Asker,
  known: KnownVideos,
  video: Video,
  queries: Sequence[str],
  options: SearchOptions,
  plan: SearchPlan,
) -> Answers:
  """What the language model finds.

  Args:
    asker: Of the network.
    known: Features of videos and queries.
    video: One that was opened, or features of frames.
    queries: Sentences, no two the same.
    options: Which search.
    plan: Of the video.
  """
  frames, words = known.features(video), known.words(queries)
  panel = asker.about(
    frames.features,
    queries,
    [own.token_features for own in words],
    quirks=options.own_quirks,
    is_free=options.mode == 'generate',
    is_released=options.is_released,
  )
  asked = [
    Asked(
      prices=asker.prices(panel.questions.of(row)),
      cache=known.windows(video, query),
      sentence=words[row].cls_features,
    )
    for row, query in enumerate(queries)
  ]
  if options.search == COMPILED:
    results = search_compiled(
      panel, plan, frames.features, asked, options.limits
    )
  else:
    results = search_queries(panel, plan, frames.features, asked, options)
  return [
    told(query, result, one.prices, options, frames=frames, words=own)
    for query, one, own, result in zip(
      queries, asked, words, results, strict=True
    )
  ]


def answers_by_likeness(
  asker: Asker,
  known: KnownVideos,
  video: Video,
  queries: Sequence[str],
  options: SearchOptions,
) -> Answers:
  """What is found without the language model; arguments as above."""
  frames, answers = known.features(video), []
  for query, own in zip(queries, known.words(queries), strict=True):
    result = search_by_likeness(frames, own, top_k=options.top_k)
    prices = prices_of(asker, query)
    answers.append(
      told(query, result, prices, options, frames=frames, words=own)
    )
  return answers


def prices_of(asker: Asker, query: str) -> Prices:
  """What one unit of work costs, for a query."""
  return asker.prices(asker.wording.question(query, prompt.FRAMES_QUESTION))
