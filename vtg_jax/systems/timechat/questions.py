"""What TimeChat is asked, task by task, and how it answers.

    grounding       The given query happens in 24.3 - 30.4 seconds.
    dense captions  90 - 102 seconds, spread butter. 114 - 127 seconds, ...
    highlights      There are 2 highlight moments in the 82, 84 second. Their
                    saliency scores are 1.3, 1.7.

Two questions a task: of the released zero-shot evaluation, and of the model
after it was trained for the task, which TimeIT's first one resembles. Texts
are in seconds; `relative_position.in_codes` makes Seq2Time's of them, the
examples in the questions included.

Source: TimeChat prompts/ and utils/construct_it_data (TimeIT).
"""

from collections.abc import Callable, Sequence

from input_pipeline.sequences import templates
from vtg_jax.errors import BadInput
from vtg_jax.metrics.dense_captions import Event
from vtg_jax.metrics.grounding import Span
from vtg_jax.metrics.highlights import Highlight
from vtg_jax.moments import relative_position

GROUNDING, DENSE_CAPTIONS, HIGHLIGHTS = 'grounding', 'dense', 'highlights'
ZERO_SHOT, TUNED = 'zero_shot', 'tuned'

# 'seonds' is how the release has it, and what its model was asked.
_GROUNDING_ZERO_SHOT = (
  'You are given a video from the {dataset} dataset. Please find the visual '
  'event described by a sentence in the video, determining its starting and '
  "ending times. The format should be: 'The event happens in the start time - "
  "end time'. For example, The event 'person turn a light on' happens in the "
  '24.3 - 30.4 seonds. Now I will give you the textual sentence: {query}. '
  'Please return its start time and end time.'
)
_GROUNDING_TUNED = (
  "Localize the visual content described by the given textual query '{query}' "
  'in the video, and output the start and end timestamps in seconds.'
)
_DENSE_ZERO_SHOT = (
  'You are given a cooking video from the {dataset} dataset. Please watch the '
  'video and extract a maximum of 10 significant cooking steps. For each step, '
  'determine the starting and ending times and provide a concise description. '
  "The format should be: 'start time - end time, brief step description'. For "
  "example, ' 90 - 102 seconds, spread margarine on two slices of white bread'."
)
_DENSE_TUNED = (
  'Localize a series of activity events in the video, output the start and end '
  'timestamp for each event, and describe each event with sentences. The '
  "output format of each predicted event should be like: 'start - end seconds, "
  "event description'. A specific example is : ' 90 - 102 seconds, spread "
  "margarine on two slices of white bread in the video' ."
)
_EXAMPLE_TIMES = '82, 84, 86, 88, 90, 92, 94, 96, 98, 100'
_EXAMPLE_SCORES = '1.3, 1.7, 1.7, 1.7, 1.7, 1.3, 1.7, 2.3, 2.3, 2.3'
_HIGHLIGHTS_TUNED = (
  'You are given a video from the {dataset} dataset. Please find the highlight '
  'moments in the video described by a sentence query, determining the '
  "highlight moment's timestamp and its saliency score. The output format "
  "should be like: 'There are 10 highlight moments in the "
  f'{_EXAMPLE_TIMES} second. Their saliency scores are {_EXAMPLE_SCORES}'
  "'. Now I will give you the sentence query: {query}. Please return the "
  'query-based highlight moments.'
)
_HIGHLIGHTS_ZERO_SHOT = (
  'You are given a video from the {dataset} dataset. Please find the highlight '
  'contents in the video described by a sentence query, determining the '
  'highlight timestamps and its saliency score on a scale from 1 to 5. The '
  "output format should be like: 'The highlight timestamps are in the "
  f'{_EXAMPLE_TIMES} seconds. Their saliency scores are {_EXAMPLE_SCORES}'
  "'. Now I will give you the sentence query: {query}. Please return the "
  'query-based highlight timestamps and salient scores.'
)
QUESTIONS = {
  (GROUNDING, ZERO_SHOT): _GROUNDING_ZERO_SHOT,
  (GROUNDING, TUNED): _GROUNDING_TUNED,
  (DENSE_CAPTIONS, ZERO_SHOT): _DENSE_ZERO_SHOT,
  (DENSE_CAPTIONS, TUNED): _DENSE_TUNED,
  # The release asks with this one, whatever the model was trained for.
  (HIGHLIGHTS, TUNED): _HIGHLIGHTS_TUNED,
  (HIGHLIGHTS, ZERO_SHOT): _HIGHLIGHTS_ZERO_SHOT,
}
# What the questions of a task are about where nobody says it.
DATASETS = {
  GROUNDING: 'Charades',
  DENSE_CAPTIONS: 'YouCook2',
  HIGHLIGHTS: 'QVHighlights',
}
# An answer up to its first time, which a model's own beginning may stand for.
GROUNDING_LEAD = 'The given query happens in'
# The example in a question is of a video that is as long as this, in codes.
_EXAMPLE_S = 300.0


def question(
  task: str,
  query: str = '',
  *,
  way: str = TUNED,
  dataset: str | None = None,
  template: str | None = None,
  coded: bool = False,
) -> str:
  """The question of a task.

  Args:
    task: GROUNDING, DENSE_CAPTIONS or HIGHLIGHTS.
    query: the sentence; full stops around it go. Dense captions have none.
    way: ZERO_SHOT or TUNED.
    dataset: what the question says the video is from.
    template: asked instead, with {query} and {dataset} where they belong.
    coded: writes the times in it as Seq2Time's codes; 'in seconds' goes.

  Raises:
    BadInput: an unknown task or way, or a query that is missing.
  """
  text = template
  if text is None:
    text = QUESTIONS.get((task, way))
    if text is None:
      raise BadInput(
        f'there is no question for {task!r} asked {way!r}; use one of '
        f'{", ".join(" ".join(known) for known in QUESTIONS)}'
      )
  query = query.strip().strip('.').strip()
  if '{query}' in text and not query:
    raise BadInput('the query is empty; give a sentence')
  if coded:
    text = relative_position.in_codes(text, _EXAMPLE_S)
    text = text.replace(' timestamps in seconds', ' timestamps')
    text = text.replace("'start - end seconds,", "'start - end,")
  dataset = dataset or DATASETS.get(task, '')
  # Not `format`: a sentence may hold braces.
  return text.replace('{dataset}', dataset).replace('{query}', query)


# TimeIT's first question.
_DENSE_TIMEIT = (
  'Determine the start and end times of various activity events in the video, '
  'accompanied by descriptions.'
)
# Of our own training.
_AS_TRAINED = {
  GROUNDING: templates.QUESTIONS[GROUNDING][0].replace('{query}', '%s'),
  DENSE_CAPTIONS: templates.QUESTIONS[DENSE_CAPTIONS][0],
}


def usual_question(task: str, prompts: str, *, coded: bool) -> str:
  """What is asked where nobody says, with %s for the sentence.

  Args:
    task: GROUNDING, DENSE_CAPTIONS or HIGHLIGHTS.
    prompts: of the model's config.
    coded: the model tells times as Seq2Time's codes.
  """
  if prompts == 'as_trained' and task in _AS_TRAINED:
    return _AS_TRAINED[task]
  if task == DENSE_CAPTIONS:
    return _DENSE_TIMEIT
  return question(task, '%s', coded=coded)


def grounding_answer(span: Span) -> str:
  """Such as 'The given query happens in 24.3 - 30.4 seconds.'."""
  return f'{GROUNDING_LEAD} {_range(span)} seconds.'


def events_answer(events: Sequence[Event]) -> str:
  """Such as '90.0 - 102.0 seconds, spread butter. 114.0 - ...'."""
  told = (
    f'{_range(event.span)} seconds, {event.sentence.rstrip(".")}.'
    for event in events
  )
  return ' '.join(told)


def highlights_answer(highlights: Sequence[Highlight]) -> str:
  """Such as 'There are 2 highlight moments in the 82.0, 84.0 second. ...'."""
  times = ', '.join(_figure(one.time_s) for one in highlights)
  scores = ', '.join(_figure(one.saliency) for one in highlights)
  return (
    f'There are {len(highlights)} highlight moments in the {times} second. '
    f'Their saliency scores are {scores}.'
  )


def answer(
  write: Callable[..., str], told, *, duration_s: float | None = None
) -> str:
  """An answer to learn from, in seconds or, with a duration, in codes.

  Args:
    write: one of `grounding_answer`, `events_answer`, `highlights_answer`.
    told: what it writes.
    duration_s: of the video, where Seq2Time's codes are wanted. Times outside
      of it are moved to its ends.
  """
  text = write(told)
  if duration_s is None:
    return text
  return relative_position.in_codes(text, duration_s)


def _range(span: Span) -> str:
  return ' - '.join(map(_figure, span))


def _figure(number: float) -> str:
  return str(round(float(number), 1))
