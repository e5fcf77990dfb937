"""What happens in a video: its events with their times, or given spans."""

from collections.abc import Sequence

from input_pipeline.video import FrameStore
from vtg_jax.moments.answer import Caption
from vtg_jax.systems.grounded_videollm.asker import Asker
from vtg_jax.systems.grounded_videollm.config import SYSTEM
from vtg_jax.systems.grounded_videollm.prompt import about_span
from vtg_jax.systems.grounded_videollm.spans import TimeScale
from vtg_jax.systems.grounded_videollm.told import (
  plain_text,
  told_events,
)
from vtg_jax.systems.grounded_videollm.wording import asked_text
from vtg_jax.systems.writing import Draws, mean_probability


def tell_events(
  asker: Asker,
  video: FrameStore,
  sampling: str,
  scale: TimeScale,
  question: str,
  *,
  guided: bool,
  max_tokens: int,
  draws: Draws,
) -> list[Caption]:
  """See `GroundedVideoLlmGrounder.dense_caption`; `guided` is its 'score'."""
  wording = asker.wording
  row = wording.question_ids(asked_text(question, scale), when=True)
  if guided:
    row = [*row, *wording.span_words().lead]
  (written,) = asker.write(
    video, sampling, [row], max_tokens=max_tokens, draws=draws, spans=guided
  )
  return told_events(written, wording, scale)


def describe_spans(
  asker: Asker,
  video: FrameStore,
  sampling: str,
  scale: TimeScale,
  spans: Sequence[tuple[float, float]],
  *,
  max_tokens: int,
  draws: Draws,
) -> list[Caption]:
  """See `GroundedVideoLlmGrounder.describe`."""
  wording = asker.wording
  rows = [
    wording.question_ids(asked_text(about_span(*span), scale), when=False)
    for span in spans
  ]
  written = asker.write(
    video, sampling, rows, max_tokens=max_tokens, draws=draws
  )
  return [
    Caption(
      start_s=start_s,
      end_s=end_s,
      text=plain_text(one.ids, wording, scale),
      score=mean_probability(one.log_probs),
      system=SYSTEM,
    )
    for (start_s, end_s), one in zip(spans, written, strict=True)
  ]
